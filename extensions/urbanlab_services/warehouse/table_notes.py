"""What people say of a table that they have loaded: kept in the table's comment, so that both go together.

A comment that is no such object is the description, as it stands there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from urbanlab.contract.publications import TOPICS
from urbanlab.contract.records import Column, Text

LANGUAGES = ("de", "en")
MAX_COMMENT = 64_000
_MOST = {"title": 200, "description": 4000, "licence": 100, "spatial": 200, "time": 100, "unit": 40}
MAX_WORDS = 20


@dataclass(frozen=True)
class TableNotes:
    """The words of a table's entry; what nobody said is empty."""

    title: Text = field(default_factory=dict)
    description: Text = field(default_factory=dict)
    keywords: dict[str, list[str]] = field(default_factory=dict)
    theme: str = ""
    licence: str = ""
    spatial: str = ""
    time: str = ""  # the column that says when
    columns: Mapping[str, Column] = field(default_factory=dict)


def read_notes(comment: str) -> TableNotes:
    """Return the notes in a comment; of what is of another form nothing is taken. People write comments."""
    try:
        said = json.loads(comment) if len(comment) <= MAX_COMMENT else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        return TableNotes(description=dict.fromkeys(LANGUAGES, comment[:MAX_COMMENT]) if comment else {})
    theme = said.get("theme")
    return TableNotes(
        title=_texts(said, "title"),
        description=_texts(said, "description"),
        keywords=_words(said.get("keywords")),
        theme=theme if isinstance(theme, str) and theme in TOPICS else "",
        licence=_text(said, "licence"),
        spatial=_text(said, "spatial"),
        time=_text(said, "time"),
        columns=_columns(said.get("columns")),
    )


def _columns(said: Any) -> dict[str, Column]:
    if not isinstance(said, dict):
        return {}
    return {
        name: Column(name, "", _texts(each, "title"), _text(each, "unit"), _texts(each, "description"))
        for name, each in said.items()
        if isinstance(each, dict)
    }


def _words(said: Any) -> dict[str, list[str]]:
    if not isinstance(said, dict):
        return {}
    return {
        code: [word[:100] for word in said[code][:MAX_WORDS] if isinstance(word, str)]
        for code in LANGUAGES
        if isinstance(said.get(code), list)
    }


def _texts(said: Mapping[str, Any], name: str) -> Text:
    value = said.get(name)
    if not isinstance(value, dict):
        return {}
    return {code: value[code][: _MOST[name]] for code in LANGUAGES if isinstance(value.get(code), str)}


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value[: _MOST[name]] if isinstance(value, str) else ""
