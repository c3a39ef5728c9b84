"""Pictures of a page that nobody has described for those who cannot see them, and where a description goes."""

from __future__ import annotations

import copy
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from urbanlab_services.errors import InvalidRequestError

MAX_TEXT = 300
MAX_CELLS = 50
_VOID = frozenset({"img", "br", "hr", "input", "wbr", "source", "col", "area", "track", "link", "meta"})


@dataclass(frozen=True)
class Element:
    """An element of a page's body, and the cell in which it stands, counted from 1; 0 for none."""

    tag: str
    cell: int
    values: Mapping[str, str]


class PictureTextError(InvalidRequestError):
    """The descriptions are not complete or cannot be taken; the message says which."""

    code = "pictures_undescribed"


def list_undescribed(body: str) -> tuple[int, ...]:
    """Return the cells, counted from 1, whose pictures have no alternative text; 0 for one that is in no cell.

    The runner marks with ``data-cell`` what a cell shows, and with ``data-undescribed`` a picture for which it had
    to make a text up.
    """
    cells = {
        image.cell
        for image in list_elements(body, {"img"})
        if "data-undescribed" in image.values or not image.values.get("alt", "").strip()
    }
    return tuple(sorted(cells))[:MAX_CELLS]


def list_elements(body: str, tags: Collection[str]) -> list[Element]:
    """Return the elements of these names as they follow each other in a page's body."""
    reader = _Reader(tags)
    reader.feed(body)
    reader.close()
    return reader.found


def check_texts(texts: Mapping[int, str], cells: tuple[int, ...], in_text: bool) -> dict[int, str]:
    """Return the texts, cleaned, for cells that need one; raise `PictureTextError` where one is missing or no text.

    With `in_text` none needs to be there.
    """
    cleaned = {cell: " ".join(text.split()) for cell, text in texts.items() if text.strip()}
    if unknown := cleaned.keys() - set(cells) | ({0} & cleaned.keys()):
        raise PictureTextError(f"Cell {min(unknown)} has no picture that needs a text.")
    for cell, text in cleaned.items():
        if len(text) > MAX_TEXT or any(unicodedata.category(letter) in {"Cc", "Cf", "Cs"} for letter in text):
            raise PictureTextError(f"The text for cell {cell} must be one of up to {MAX_TEXT} characters.")
    if not in_text and (missing := [cell for cell in cells if cell not in cleaned]):
        raise PictureTextError(
            f"Without a text are still the pictures of these cells: {', '.join(map(str, missing))}."
        )
    return cleaned


def describe(notebook: Mapping[str, Any], texts: Mapping[int, str]) -> dict[str, Any]:
    """Return a stripped notebook with the texts where the runner finds them."""
    described = copy.deepcopy(dict(notebook))
    for number, text in texts.items():
        described["cells"][number - 1]["metadata"]["alt"] = text
    return described


class _Reader(HTMLParser):
    def __init__(self, tags: Collection[str]) -> None:
        super().__init__()
        self.found: list[Element] = []
        self._tags = tags
        self._open: list[int] = []  # of each element that is open: in which cell it stands

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        above = self._open[-1] if self._open else 0
        marked = values.get("data-cell", "")
        cell = int(marked) if marked.isdecimal() and len(marked) < 5 else above
        if tag in self._tags:
            self.found.append(Element(tag, cell, values))
        if tag not in _VOID:
            self._open.append(cell)

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag not in _VOID:
            self._open.pop()
