"""Excel workbooks: one sheet, its cells as they are, the headings where they stand."""

from __future__ import annotations

import io
from typing import Any

from urbanlab.errors import FileFormatError, LoadError
from urbanlab.loading.archive import Archive
from urbanlab.loading.excel_cells import to_column
from urbanlab.loading.excel_marks import Marks, Merge, scan_sheet
from urbanlab.loading.headings import check_width
from urbanlab.loading.notes import note, say_words
from urbanlab.loading.raw import RawTable

_SEARCHED = 30
_MOST_HEADING_ROWS = 4
# Each cell is a thing of its own in memory.
MOST_CELLS = 10_000_000
MOST_ROWS = 1_048_576  # that is what Excel has

Rows = list[list[Any]]


def read_excel(content: bytes, name: str, sheet: str | None) -> RawTable:
    """Return the cells of a sheet, by default the first; raise `LoadError` if there is no such sheet."""
    import openpyxl

    try:
        archive = Archive(content, name)
    except FileFormatError:
        raise _make_unreadable(name) from None
    try:
        # Links to other workbooks are not kept, formulas not computed: what counts is what was saved last.
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    # openpyxl lets through whatever a damaged archive or XML raises inside of it.
    except Exception:  # noqa: BLE001
        raise _make_unreadable(name) from None
    titles = [page.title for page in book.worksheets]
    if not titles or (sheet is not None and sheet not in titles):
        raise LoadError(
            f"{name} has no sheet {sheet or ''!r}; its sheets are {', '.join(map(repr, titles))}."
        )
    chosen = sheet or titles[0]
    try:
        rows = _read_rows(book[chosen], f"The sheet {chosen!r} of {name}")
        # Only the file itself knows which cells are merged, and which formulas were never computed.
        marks = scan_sheet(archive.read(book[chosen]._worksheet_path))
    except LoadError:
        raise
    except Exception:  # noqa: BLE001 - as above: rows are read when they are asked for
        raise _make_unreadable(name) from None
    notes = [note("format", what=f"Excel ({chosen})")]
    if len(titles) > 1 and sheet is None:
        others = ", ".join(title for title in titles if title != chosen)
        notes.append(note("sheets", sheet=chosen, others=others))
    return _make_table(rows, marks, notes, f"The sheet {chosen!r} of {name}")


def _make_unreadable(name: str) -> FileFormatError:
    return FileFormatError(
        f"{name} is no Excel workbook that can be read (damaged, or protected by a password). "
        "Open it in Excel, save it as .xlsx without password, and load that."
    )


def _read_rows(page: Any, where: str) -> Rows:
    # What a sheet says of its own size may be anything.
    page.reset_dimensions()
    rows: Rows = []
    cells = 0
    for row in page.iter_rows(values_only=True):
        width = next((place for place in range(len(row), 0, -1) if row[place - 1] is not None), 0)
        check_width(width)
        cells += width + 1
        if cells > MOST_CELLS or len(rows) >= MOST_ROWS:
            raise LoadError(
                f"{where} has more rows or cells than can be loaded; save it as CSV and load that."
            )
        rows.append(list(row[:width]))
    return rows


def _make_table(rows: Rows, marks: Marks, notes: list[Any], where: str) -> RawTable:
    widths = [sum(cell is not None for cell in row) for row in rows[:_SEARCHED]]
    if not any(widths):
        raise FileFormatError(f"{where} is empty.")
    # Titles above a table fill few cells of their row.
    head = next(place for place, width in enumerate(widths) if width >= max(0.6 * max(widths), 1))
    if head and sum(merge.is_wide and merge.top == head - 1 for merge in marks.merges) > 1:
        head -= 1  # headings of several columns each, above those of the columns
    if head:
        text = " / ".join(str(cell) for row in rows[:head] for cell in row if cell is not None)
        notes.append(note("preamble", count=head, text=text[:120]))
    depth = _count_heading_rows(marks.merges, head, len(rows))
    filled = _fill(rows, [merge for merge in marks.merges if merge.top >= head], where)
    if filled:
        notes.append(note("merged", count=filled))
    if marks.uncomputed:
        count = len(marks.uncomputed)
        notes.append(note("uncomputed", count=count, cells=say_words(marks.uncomputed)))
    headings = _join_headings(rows[head : head + depth])
    names, columns = [], []
    data = rows[head + depth :]
    for place in range(max(map(len, rows[head:]))):
        cells = [row[place] if place < len(row) else None for row in data]
        heading = headings[place] if place < len(headings) else ""
        if heading or any(cell is not None for cell in cells):
            names.append(heading)
            columns.append(to_column(cells))
    return RawTable(names, columns, range(head + depth + 1, len(rows) + 1), notes, has_day_numbers=True)


def _count_heading_rows(merges: list[Merge], head: int, rows: int) -> int:
    """Return over how many rows the headings go: as far as they are merged, and one below wide ones."""
    own = [merge for merge in merges if merge.top == head]
    depth = max([merge.bottom - head + 1 for merge in own] + [1 + any(merge.is_wide for merge in own)])
    return min(depth, _MOST_HEADING_ROWS, max(1, rows - head - 1))


def _fill(rows: Rows, merges: list[Merge], where: str) -> int:
    """Write what a merged cell says into all cells that it covers; return how many there are."""
    count = cells = 0
    for merge in merges:
        if merge.top >= len(rows) or merge.left >= len(rows[merge.top]):
            continue
        value = rows[merge.top][merge.left]
        if value is None:
            continue
        width = merge.right + 1
        check_width(width)
        covered = rows[merge.top : merge.bottom + 1]
        cells += width * len(covered)
        if cells > MOST_CELLS:
            raise LoadError(
                f"{where} has merged cells over more cells than can be loaded; take the merging back, "
                "or save it as CSV and load that."
            )
        for row in covered:
            row.extend([None] * (width - len(row)))
            row[merge.left : width] = [value] * (width - merge.left)
        count += 1
    return count


def _join_headings(rows: Rows) -> list[str]:
    width = max(map(len, rows))
    parts = [
        dict.fromkeys(
            " ".join(str(row[place]).split()) for row in rows if place < len(row) and row[place] is not None
        )
        for place in range(width)
    ]
    return [" ".join(part) for part in parts]
