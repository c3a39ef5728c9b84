"""What a sheet of Excel holds beside its values: merged cells, and formulas without a saved result."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import Any

from urbanlab.errors import FileFormatError

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RANGE = re.compile(r"([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})")
MOST_MERGES = 100_000


@dataclass(frozen=True)
class Merge:
    """Cells that are shown as one, counted from 0."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def is_wide(self) -> bool:
        """Whether it goes over several columns."""
        return self.right > self.left


@dataclass
class Marks:
    """What is merged, and which cells hold a formula whose result was never saved."""

    merges: list[Merge] = field(default_factory=list)
    uncomputed: list[str] = field(default_factory=list)


def scan_sheet(xml: bytes) -> Marks:
    """Return the marks of a sheet; raise `FileFormatError` for XML that defines entities."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    marks = Marks()
    try:
        for _, element in iterparse(io.BytesIO(xml), forbid_dtd=True):
            if element.tag == f"{_MAIN}c":
                _look_at_cell(element, marks)
            elif element.tag == f"{_MAIN}mergeCell":
                _take_merge(element.get("ref", ""), marks)
            elif element.tag == f"{_MAIN}row":
                element.clear()
    except DefusedXmlException:
        raise FileFormatError(
            "The workbook defines entities in its XML, which no Excel does; save it anew in Excel and load that."
        ) from None
    return marks


def _look_at_cell(cell: Any, marks: Marks) -> None:
    if cell.find(f"{_MAIN}f") is not None and not (cell.findtext(f"{_MAIN}v") or cell.find(f"{_MAIN}is")):
        marks.uncomputed.append(str(cell.get("r", "?")))


def _take_merge(reference: str, marks: Marks) -> None:
    found = _RANGE.fullmatch(reference)
    if found is None or len(marks.merges) >= MOST_MERGES:
        return
    left, right = (_count_letters(found[place]) - 1 for place in (1, 3))
    top, bottom = (int(found[place]) - 1 for place in (2, 4))
    marks.merges.append(Merge(top, left, bottom, right))


def _count_letters(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
