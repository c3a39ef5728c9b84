"""Rows that are no records: empty ones, and the sums that people write below their tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from urbanlab.loading.instants import parse_moments
from urbanlab.loading.notes import note, say_rows
from urbanlab.loading.numbers import POINT
from urbanlab.loading.raw import RawTable

_SUM = (
    r"(?i)^\s*(?:(?:ins|alles)?gesamt(?:summe|ergebnis|zahl)?|"
    r"(?:jahres|monats|quartals|wochen|tages|zwischen|end|teil)?summe|summen|sum|(?:grand |sub)?total)\s*:?\s*$"
)
# Sums stand at the end; the same word further up is a category of its own.
_TAIL = 5


def leave_out_rows(raw: RawTable) -> None:
    """Take empty rows and sum rows out of `raw`, and note each."""
    if not len(raw.lines):
        return
    texts = [_blank_to_null(column) for column in raw.columns]
    first = pc.coalesce(*texts)
    empty = pc.is_null(first).to_numpy(zero_copy_only=False)
    sums = pc.fill_null(pc.match_substring_regex(first, _SUM), False).to_numpy(zero_copy_only=False)
    if sums.any() and not _are_sums(texts[0], first, sums, empty):
        sums[:] = False
    lines = np.asarray(raw.lines)
    if empty.any():
        raw.notes.append(note("empty_rows", rows=say_rows(lines[empty].tolist())))
    for row in np.flatnonzero(sums).tolist():
        filled = [value for text in texts if (value := text[row].as_py())]
        raw.notes.append(note("sum_row", row=lines[row], text="; ".join(filled[:6])))
    keep = ~(empty | sums)
    if not keep.all():
        raw.columns = [column.filter(pa.array(keep)) for column in raw.columns]
        raw.lines = lines[keep].tolist()


def _are_sums(leading: Any, first: Any, sums: Any, empty: Any) -> bool:
    filled = np.flatnonzero(~empty)
    if set(np.flatnonzero(sums)) <= set(filled[-_TAIL:]):
        return True
    # Further up they are sums only where the first column otherwise holds times or numbers.
    others = pc.unique(leading.filter(pa.array(~sums)).drop_null()).cast(pa.string())
    others = others.combine_chunks() if isinstance(others, pa.ChunkedArray) else others
    if not len(others):
        return False
    moments = parse_moments(others)
    if moments is not None and moments.is_moment.mean() > 0.9:
        return True
    return bool(pc.all(pc.match_substring_regex(others, POINT)).as_py())


def _blank_to_null(column: Any) -> Any:
    nothing = pa.scalar(None, pa.string())
    if pa.types.is_nested(column.type):
        return pc.if_else(pc.is_valid(column), "…", nothing)
    text = column if pa.types.is_string(column.type) else pc.cast(column, pa.string())
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(text), ""), nothing, text)
