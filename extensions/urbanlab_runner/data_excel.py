"""A table that a page offers as an Excel workbook: the data, what columns mean, on what terms it may be used."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from urbanlab_runner.data_offers import Offer, make_sentence

MAX_EXCEL_CELLS = 300_000  # what a machine writes within a few seconds
_EXACT = 10**15  # larger whole numbers lose their last digits in a spreadsheet
_FIRST = date(1900, 3, 1)  # before it, spreadsheets count days differently
_WORDS = {
    "de": {
        "sheets": ("Daten", "Spalten", "Lizenz"),
        "headings": ("Spalte", "Art", "Einheit", "Zeitzone", "Bedeutung"),
        "terms": ("Titel", "Beschreibung", "Seite", "Lizenz", "Quelle"),
    },
    "en": {
        "sheets": ("Data", "Columns", "Licence"),
        "headings": ("Column", "Kind", "Unit", "Time zone", "Meaning"),
        "terms": ("Title", "Description", "Page", "Licence", "Source"),
    },
}


@dataclass(frozen=True)
class Terms:
    """What a page says of all its data: its title and language, licence and source."""

    page: str
    language: str
    licence: str = ""
    source: str = ""


def make_workbook(offer: Offer, rows: Iterable[Sequence[Any]], terms: Terms) -> bytes:
    """Return the workbook; no cell of it is a formula, and instants stand in their column's own time zone."""
    words = _WORDS.get(terms.language, _WORDS["en"])
    book = Workbook(write_only=True)
    data, columns, licence = (book.create_sheet(name) for name in words["sheets"])
    data.freeze_panes = "A2"
    for row in ((column.name for column in offer.data.columns), *rows):
        data.append([_to_cell(data, value) for value in row])
    said = (
        (each.name, each.kind, each.unit, each.zone, make_sentence(each, terms.language))
        for each in offer.data.columns
    )
    for row in (words["headings"], *said):
        columns.append([_to_cell(columns, value) for value in row])
    title, description = (
        texts.get(terms.language) or next(iter(texts.values()), "")
        for texts in (offer.data.title, offer.data.description)
    )
    values = (title or offer.data.name, description, terms.page, terms.licence, terms.source)
    for pair in zip(words["terms"], values, strict=True):
        licence.append([_to_cell(licence, value) for value in pair])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _to_cell(sheet: Any, value: Any) -> Any:
    """Return a cell; a text always stays one, whatever it begins with."""
    if isinstance(value, datetime):
        plain = value.replace(tzinfo=None)
        value = plain if plain.date() >= _FIRST else value.isoformat()
    elif isinstance(value, date):
        value = value if value >= _FIRST else value.isoformat()
    elif isinstance(value, float) and not math.isfinite(value):
        value = None if math.isnan(value) else str(value)
    elif isinstance(value, int) and abs(value) > _EXACT:
        value = str(value)
    if not isinstance(value, str):
        return value
    text = ILLEGAL_CHARACTERS_RE.sub("", value.encode("utf-8", "replace").decode())
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    return cell
