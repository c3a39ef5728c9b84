"""Excel workbooks: one sheet, its cells as they are, the headings where they stand."""

from __future__ import annotations

import datetime
import io
import json
from typing import Any

import pyarrow as pa

from urbanlab.errors import FileFormatError, LoadError
from urbanlab.loading.notes import note
from urbanlab.loading.raw import RawTable

_SEARCHED = 30


def read_excel(content: bytes, name: str, sheet: str | None) -> RawTable:
    """Return the cells of a sheet, by default the first; raise `LoadError` if there is no such sheet."""
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    # openpyxl lets through whatever a damaged archive or XML raises inside of it.
    except Exception:  # noqa: BLE001
        raise FileFormatError(
            f"{name} is no Excel workbook that can be read (damaged, or protected by a password). "
            "Open it in Excel, save it as .xlsx without password, and load that."
        ) from None
    titles = [page.title for page in book.worksheets]
    if sheet is not None and sheet not in titles:
        raise LoadError(f"{name} has no sheet {sheet!r}; its sheets are {', '.join(map(repr, titles))}.")
    chosen = sheet or titles[0]
    rows = [list(row) for row in book[chosen].iter_rows(values_only=True)]
    notes = [note("format", what=f"Excel ({chosen})")]
    if len(titles) > 1 and sheet is None:
        others = ", ".join(title for title in titles if title != chosen)
        notes.append(note("sheets", sheet=chosen, others=others))
    return _make_table(rows, notes, f"The sheet {chosen!r} of {name}")


def _make_table(rows: list[list[Any]], notes: list[Any], where: str) -> RawTable:
    widths = [sum(cell is not None for cell in row) for row in rows[:_SEARCHED]]
    if not any(widths):
        raise FileFormatError(f"{where} is empty.")
    # Titles above a table fill few cells of their row.
    head = next(place for place, width in enumerate(widths) if width >= max(0.6 * max(widths), 1))
    if head:
        text = " / ".join(str(cell) for row in rows[:head] for cell in row if cell is not None)
        notes.append(note("preamble", count=head, text=text[:120]))
    headings = ["" if cell is None else " ".join(str(cell).split()) for cell in rows[head]]
    names, columns = [], []
    for place, heading in enumerate(headings):
        cells = [row[place] if place < len(row) else None for row in rows[head + 1 :]]
        if heading or any(cell is not None for cell in cells):
            names.append(heading)
            columns.append(to_column(cells))
    return RawTable(names, columns, range(head + 2, len(rows) + 1), notes)


def to_column(cells: list[Any]) -> Any:
    """Return cells of one kind as an array of that kind, cells of several kinds as text."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {datetime.datetime} and all(_is_midnight(cell) for cell in cells if cell is not None):
        return pa.array([cell and cell.date() for cell in cells], pa.date32())
    for known, kind in (
        ({bool}, pa.bool_()),
        ({int, float}, pa.float64() if float in kinds else pa.int64()),
        ({datetime.datetime}, pa.timestamp("us")),
    ):
        if kinds and kinds <= known:
            try:
                return pa.array(cells, kind)
            except (pa.ArrowInvalid, OverflowError):
                break
    return pa.array([_say(cell) for cell in cells], pa.string())


def _is_midnight(cell: datetime.datetime) -> bool:
    return cell.time() == datetime.time() and cell.tzinfo is None


def _say(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, list | dict):
        return json.dumps(cell, ensure_ascii=False)
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(cell)
