"""Lines below the headings that are headings too: units, the same in another language, numbers in brackets."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from urbanlab.loading.columns import MISSING
from urbanlab.loading.notes import note
from urbanlab.loading.raw import RawTable

_MOST, _LEAST_ROWS = 3, 6
_FIGURE = r"^\s*'?[+-]?\d[\d.,:/ T-]*[%€]?'?\s*$"


def leave_out_second_headings(raw: RawTable) -> None:
    """Take the first rows out of `raw` in which words stand wherever figures stand further down; note each."""
    if len(raw.lines) < _LEAST_ROWS:
        return
    looks = [_look(column) for column in raw.columns if pa.types.is_string(column.type)]
    figures = [is_figure[:_MOST] for is_figure, is_filled in looks if _holds_figures(is_figure, is_filled)]
    filled = [is_filled[:_MOST] for is_figure, is_filled in looks if _holds_figures(is_figure, is_filled)]
    count = 0
    while count < _MOST and _is_heading([row[count] for row in figures], [row[count] for row in filled]):
        text = "; ".join(word for column in raw.columns if (word := str(column[count].as_py() or "").strip()))
        raw.notes.append(note("second_heading", row=raw.lines[count], text=text[:120]))
        count += 1
    if count:
        raw.columns = [column.slice(count) for column in raw.columns]
        raw.lines = raw.lines[count:]


def _look(column: Any) -> tuple[Any, Any]:
    """Return where the column has figures, and where it has anything."""
    plain = pc.fill_null(pc.utf8_lower(pc.utf8_trim_whitespace(column)), "")
    filled = pc.invert(pc.is_in(plain, pa.array(sorted(MISSING))))
    return _to_numpy(pc.match_substring_regex(plain, _FIGURE)), _to_numpy(filled)


def _to_numpy(mask: Any) -> Any:
    flat = mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask
    return flat.to_numpy(zero_copy_only=False)


def _holds_figures(is_figure: Any, is_filled: Any) -> bool:
    rest, there = is_figure[_MOST:], is_filled[_MOST:]
    return bool(there.sum() >= 3 and (rest & there).sum() >= 0.9 * there.sum())


def _is_heading(is_figure: list[Any], is_filled: list[Any]) -> bool:
    filled = sum(map(bool, is_filled))
    figures = sum(bool(figure and there) for figure, there in zip(is_figure, is_filled, strict=True))
    return filled >= 2 and figures <= 0.1 * filled
