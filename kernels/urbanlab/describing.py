"""Words for a table that was loaded: `urbanlab.describe` puts them into the table's comment, for the catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from urbanlab.catalogue import fetch_entries
from urbanlab.datasets import Dataset, dataset, fetch, find
from urbanlab.errors import LoadError
from urbanlab.session import current_session
from urbanlab.warehouse_errors import translate

LANGUAGES = ("de", "en")
_KEPT = ("title", "description", "keywords", "theme", "licence", "time")
_OF_COLUMN = ("title", "unit", "description")

Words = str | Mapping[str, str]


def describe(
    name: str,
    *,
    title: Words | None = None,
    description: Words | None = None,
    keywords: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    theme: str | None = None,
    licence: str | None = None,
    spatial: str | None = None,
    time: str | None = None,
    units: Mapping[str, str] | None = None,
    columns: Mapping[str, Words] | None = None,
) -> Dataset:
    """Say what a table of your workshop is, so that others find and understand it in the catalogue.

    What you leave out stays as it was. It stays with the table when you load it anew, and goes along when the
    table is shared or released. Feeds are described in your town's file.

    Args:
        name: The table, as `dataset` takes it.
        title: What it is called: a text, or a text for ``de`` and ``en``.
        description: What it is, likewise.
        keywords: Words to find it by, or words for ``de`` and ``en``.
        theme: A theme of DCAT-AP, for example ``TRAN`` (transport) or ``ENVI`` (environment).
        licence: On what terms it may be used.
        spatial: Which area it covers.
        time: The column that says when, for its period and its age.
        units: The unit of each column, for example ``{"level": "cm"}``.
        columns: What each column means: a text, or a text for ``de`` and ``en``.

    Returns:
        The `Dataset`, as the catalogue has it now.

    Raises:
        DatasetNotFoundError: there is no such dataset.
        LoadError: it is no table of yours, or it has no such column.
        WarehouseError: you may not change it.

    Example:
        >>> ul.describe("plots", title={"de": "Grundstücke", "en": "Plots"}, units={"area": "m2"})
    """
    found = find(name, fetch(), current_session().tenant)
    if found.kind not in ("own", "lab") or found.about.feed or found.about.sources:
        raise LoadError(
            f"{found.table} is described elsewhere: describe tables of your workshop that were loaded."
        )
    named = {*(units or {}), *(columns or {}), *([time] if time else [])}
    unknown = sorted(named - {column.name for column in found.columns})
    if unknown:
        raise LoadError(f"{found.table} has no column {', '.join(unknown)}.")
    given: dict[str, Any] = {
        "title": _to_texts(title),
        "description": _to_texts(description),
        "keywords": _to_words(keywords),
        "theme": theme,
        "licence": licence,
        "spatial": spatial,
        "time": time,
    }
    notes = find_notes(found.table)
    notes |= {key: value for key, value in given.items() if value is not None}
    for column, unit in (units or {}).items():
        notes["columns"].setdefault(column, {})["unit"] = unit
    for column, text in (columns or {}).items():
        notes["columns"].setdefault(column, {})["description"] = _to_texts(text)
    write_notes(found.table, notes)
    return dataset(found.table)


def find_notes(table: str) -> dict[str, Any]:
    """Return what is noted of a table, by the names of the catalogue; nothing where there is none."""
    entry = next((each for each in fetch_entries(current_session()) if each["table"] == table), {})
    notes = {name: entry[name] for name in _KEPT if entry.get(name)}
    # Where nothing is noted, the catalogue says the town.
    if entry.get("spatial") and entry["spatial"] != entry.get("publisher"):
        notes["spatial"] = entry["spatial"]
    columns = {
        column["name"]: {name: column[name] for name in _OF_COLUMN if column.get(name)}
        for column in entry.get("columns", ())
    }
    return {**notes, "columns": {name: said for name, said in columns.items() if said}}


def to_comment(notes: Mapping[str, Any]) -> str:
    """Return notes as a quoted text for a table's comment; empty where there is nothing to note."""
    text = json.dumps(notes, ensure_ascii=False) if any(notes.values()) else ""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def write_notes(table: str, notes: Mapping[str, Any]) -> None:
    """Put notes into a table's comment, in place of what stood there; raise `WarehouseError` if that may not be."""
    import urllib3
    from clickhouse_connect.driver.exceptions import Error

    from urbanlab.warehouse import client

    try:
        client().command(f"ALTER TABLE {table} MODIFY COMMENT {to_comment(notes)}")
    except (Error, OSError, urllib3.exceptions.HTTPError) as error:
        raise translate(error) from None


def _to_texts(text: Words | None) -> dict[str, str] | None:
    if text is None:
        return None
    return dict(text) if isinstance(text, Mapping) else dict.fromkeys(LANGUAGES, text)


def _to_words(words: Sequence[str] | Mapping[str, Sequence[str]] | None) -> dict[str, list[str]] | None:
    if words is None:
        return None
    if isinstance(words, str):
        raise LoadError(f"keywords takes a list: keywords=[{words!r}].")
    given = words if isinstance(words, Mapping) else dict.fromkeys(LANGUAGES, words)
    return {code: list(each) for code, each in given.items()}
