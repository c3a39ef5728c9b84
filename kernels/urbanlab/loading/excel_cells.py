"""Cells with types of their own, as columns: all of one kind, or text."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pyarrow as pa


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
