"""CSV files as people have them, read as text; what the cells mean is found out later."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from urbanlab.errors import FileFormatError
from urbanlab.loading.csv_dialect import SEPARATORS, Dialect, decode, detect_dialect
from urbanlab.loading.notes import note, say_rows
from urbanlab.loading.raw import MOST_COLUMNS, RawTable

# Remarks below a table, such as its source; more than this many odd lines are a damaged file.
_MOST_FOOTERS = 5


@dataclass
class _OddLines:
    """Lines with too few or too many cells, as the reader meets them."""

    skip: int
    lines: list[tuple[int, int, str]] = field(default_factory=list)

    def __call__(self, row: Any) -> str:
        self.lines.append((self.skip + row.number, row.actual_columns, row.text))
        return "skip"


def read_csv(content: bytes, name: str) -> RawTable:
    """Return the file's cells as text; raise `FileFormatError` if it is no table."""
    text, encoding = decode(content, name)
    if not text.strip():
        raise FileFormatError(f"{name} is empty. Check that the download or export has finished.")
    if "\n" not in text:  # as old Macintosh programs end lines
        text = text.replace("\r", "\n")
    dialect = detect_dialect(text, name)
    if dialect.width > MOST_COLUMNS:
        # Wider tables are refused by their headings; reading them would only take long.
        return RawTable([f"{number}" for number in range(dialect.width)], [], [])
    records = text.split("\n", dialect.skip)[-1]
    odd = _OddLines(dialect.skip)
    table = _read(records, dialect, odd, name)
    shortened, surplus = _drop_surplus(records, dialect, odd)
    if surplus:
        odd = _OddLines(dialect.skip)
        table = _read(shortened, dialect, odd, name)
    last = dialect.skip + table.num_rows + len(odd.lines)
    _check_odd_lines(odd, dialect.width, last, name)
    skipped = {number for number, _, _ in odd.lines}
    numbers = [number for number in range(dialect.skip + 1, last + 1) if number not in skipped]
    lines = _count_line_breaks(table, numbers, dialect, name)
    names = list(dialect.headings) or [f"column_{number}" for number in range(1, dialect.width + 1)]
    return _leave_out_blank_columns(
        RawTable(
            names,
            list(table.columns),
            lines,
            _make_notes(dialect, encoding, odd, surplus),
            comma=_hint(dialect.separator),
            zone="\n".join(dialect.preamble),
        )
    )


def _read(records: str, dialect: Dialect, odd: _OddLines, name: str) -> pa.Table:
    names = [f"f{number}" for number in range(dialect.width)]
    if not records.strip():
        return pa.table({column: pa.array([], pa.string()) for column in names})
    try:
        return pa.csv.read_csv(
            io.BytesIO(records.encode("utf-8")),
            # One thread: only then does the reader say which line is odd.
            read_options=pa.csv.ReadOptions(use_threads=False, column_names=names, block_size=16 << 20),
            parse_options=pa.csv.ParseOptions(
                delimiter=dialect.separator,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=odd,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        raise FileFormatError(
            f"{name} cannot be taken apart into cells; often a quotation mark is opened and never closed."
        ) from None


def _drop_surplus(records: str, dialect: Dialect, odd: _OddLines) -> tuple[str, list[int]]:
    """Return the text without empty cells beyond the last column, and the lines that had some."""
    too_long = [line for line in odd.lines if line[1] > dialect.width]
    lines = records.split("\n") if too_long else []
    for number, cells, text in too_long:
        end = dialect.separator * (cells - dialect.width)
        place = number - dialect.skip - 1
        # Lines are counted otherwise where texts go over several; then nothing is mended.
        if lines[place].rstrip("\r") != text or not text.endswith(end):
            return records, []
        lines[place] = text.removesuffix(end)
    return "\n".join(lines), [number for number, _, _ in too_long]


def _check_odd_lines(odd: _OddLines, width: int, last: int, name: str) -> None:
    tail = {last - place for place in range(_MOST_FOOTERS)}
    wrong = [line for line in odd.lines if line[1] != 1 or line[0] not in tail or "\n" in line[2]]
    if not wrong:
        return
    shown = "; ".join(f"line {number} has {cells}" for number, cells, _ in wrong[:5])
    raise FileFormatError(
        f"{name} has {width} columns, but {len(wrong)} line(s) have another number of cells: {shown}"
        f"{'; …' if len(wrong) > 5 else ''}. Often a separator stands inside a text without quotation marks: "
        "correct these lines, or export the file again with texts quoted."
    )


def _count_line_breaks(table: pa.Table, records: list[int], dialect: Dialect, name: str) -> list[int]:
    """Return the line in which each record begins; raise if a cell has swallowed other records."""
    breaks = sum(pc.count_substring(column, "\n").to_numpy() for column in table.columns)
    rows = np.flatnonzero(breaks)
    if not len(rows):
        return records
    for row in rows.tolist():
        for column in table.columns:
            inner = str(column[row]).split("\n")[1:]
            if any(line.count(dialect.separator) == dialect.width - 1 for line in inner):
                raise FileFormatError(
                    f"{name} has a quotation mark in line {records[row]} that is opened and never closed, so that "
                    "the lines below it are taken for one text. Close it, or take it out."
                )
    before = np.cumsum(breaks) - breaks
    return [record + more for record, more in zip(records, before.tolist(), strict=True)]


def _make_notes(dialect: Dialect, encoding: str, odd: _OddLines, surplus: list[int]) -> list[Any]:
    what = f"CSV („{SEPARATORS[dialect.separator]}“, {encoding})"
    notes = [note("format", what=what)]
    if not dialect.headings:
        notes.append(note("headless"))
    if dialect.preamble:
        shown = " / ".join(line for line in dialect.preamble if line)[:120]
        notes.append(note("preamble", count=len(dialect.preamble), text=shown))
    if surplus:
        notes.append(note("surplus", rows=say_rows(surplus)))
    notes += [note("footer", row=number, text=text[:80]) for number, _, text in odd.lines]
    return notes


def _leave_out_blank_columns(raw: RawTable) -> RawTable:
    """Leave out columns without heading and content, as a separator at the end of each line makes them."""
    kept = []
    for place, (name, column) in enumerate(zip(raw.names, raw.columns, strict=True)):
        if name or any(word.strip() for word in column.unique().to_pylist()):
            kept.append(place)
        else:
            raw.notes.append(note("empty_column", column=place + 1))
    raw.names = [raw.names[place] for place in kept]
    raw.columns = [raw.columns[place] for place in kept]
    return raw


def _hint(separator: str) -> bool | None:
    return {";": True, ",": False}.get(separator)
