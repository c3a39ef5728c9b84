"""The data that a page offers: tables with their words, each kept as files of the page in up to four formats.

A kernel sends a table as `MEDIA_TYPE`, an Arrow stream in base64; the runner makes the files of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MEDIA_TYPE = "application/vnd.urbanlab.offer+json"
# In the order in which they are shown; a table without places has no GeoJSON, a large one no Excel.
FORMATS = ("csv", "xlsx", "geojson", "parquet")
KINDS = ("text", "integer", "number", "boolean", "date", "instant", "geometry")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAX_NAME = 40
MAX_OFFERS = 10
MAX_ROWS = 200_000
MAX_COLUMNS = 200
MAX_CELLS = 1_000_000
MAX_ARROW_BYTES = 6_000_000  # of one table, and of all those of a page twice that
MAX_FILE_BYTES = 20_000_000
MAX_WORDS, MAX_COLUMN_NAME = 1000, 100
# What spreadsheets take for a formula, their full-width forms too.
_FORMULA = re.compile(r"[=+\-@\t\r＝＋－＠]")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)?(e[+-]?\d+)?|inf)")

Texts = dict[str, str]  # language code -> text


@dataclass(frozen=True)
class DataColumn:
    """A column: `kind` is one of `KINDS`, `zone` the time zone that its instants are written in."""

    name: str
    kind: str
    unit: str = ""
    zone: str = ""
    description: Texts = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class PageData:
    """A table that a page offers under ``data/NAME.FORMAT``; its files are those named `make_file_name`."""

    name: str
    rows: int
    columns: tuple[DataColumn, ...]
    title: Texts = field(default_factory=dict, hash=False)
    description: Texts = field(default_factory=dict, hash=False)


def make_file_name(name: str, form: str) -> str:
    """Return how the file of a table in one of the `FORMATS` is called among the page's."""
    return f"data-{name}.{form}"


def make_page_data(values: Mapping[str, Any]) -> PageData:
    """Return the table that a record describes; raise `ValueError`, `TypeError` or `KeyError` for what is none."""
    columns = tuple(DataColumn(**column) for column in values["columns"])
    data = PageData(**{**values, "columns": columns})
    check_name(data.name)
    if type(data.rows) is not int or not 0 <= data.rows <= MAX_ROWS or not 0 < len(columns) <= MAX_COLUMNS:
        raise ValueError("a table of this size is not offered")
    names = [_check_word(column.name, MAX_COLUMN_NAME) for column in columns]
    if len(set(names)) != len(names) or not all(names):
        raise ValueError("each column has a name of its own")
    for column in columns:
        _check_texts(column.description)
        if column.kind not in KINDS:
            raise ValueError("a column of an unknown kind")
        _check_word(column.unit, MAX_COLUMN_NAME)
        _check_word(column.zone, MAX_COLUMN_NAME)
    _check_texts(data.title)
    _check_texts(data.description)
    return data


def check_name(name: object) -> str:
    """Return a name that may stand in an address; raise `ValueError` otherwise."""
    if not isinstance(name, str) or len(name) > MAX_NAME or not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be an address: use up to {MAX_NAME} of a-z, 0-9 and single hyphens between them"
        )
    return name


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet that opens a CSV file could calculate this text."""
    return bool(_FORMULA.match(text)) and not _NUMBER.fullmatch(text)


def _check_texts(texts: Any) -> None:
    if not isinstance(texts, dict):
        raise TypeError("texts stand by language")
    for code, text in texts.items():
        _check_word(code, 2)
        _check_word(text, MAX_WORDS)


def _check_word(text: Any, most: int) -> str:
    if not isinstance(text, str):
        raise TypeError("not a text")
    if len(text) > most:
        raise ValueError("a text that is too long")
    return text
