"""A table as it was read, before its columns are understood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from urbanlab.loading.notes import Note

MOST_COLUMNS = 500


@dataclass
class RawTable:
    """Columns side by side.

    Attributes:
        names: The headings as they stand in the source; empty where there is none.
        columns: Arrow arrays; text where the source knows nothing but text.
        lines: For each row the number by which people find it, in a file its line.
        notes: What was left out or decided while reading.
        parse: Whether text is to be understood and rows of sums be left out, as in files made for people.
        comma: Whether the source hints at decimal commas, as a semicolon between cells does; `None`: it does not.
        zone: What the source says about itself, in which it may name the zone of its times.
        has_day_numbers: Whether numbers may be days, counted as Excel counts them.
    """

    names: list[str]
    columns: list[Any]
    lines: Sequence[int]
    notes: list[Note] = field(default_factory=list)
    parse: bool = True
    comma: bool | None = None
    zone: str = ""
    has_day_numbers: bool = False
