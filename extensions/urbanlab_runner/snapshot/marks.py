"""Places in a notebook's HTML for what is ours: no cleaning touches it, and no notebook can write there."""

from __future__ import annotations

import secrets

from bs4 import Tag
from bs4.element import NavigableString


class Marks:
    """Keeps HTML of ours away from a tree for as long as that is being cleaned."""

    def __init__(self) -> None:
        self._hidden: dict[str, str] = {}

    def put(self, element: Tag, shown: str) -> None:
        """Replace an element by the place of HTML of ours."""
        # Nobody can write a mark into a notebook that was executed before it was drawn.
        mark = f"mark-{secrets.token_hex(16)}"
        self._hidden[mark] = shown
        element.replace_with(NavigableString(mark))

    def put_back(self, text: str) -> str:
        """Return HTML with what was hidden, where its places are."""
        for mark in [mark for mark in self._hidden if mark in text]:
            text = text.replace(mark, self._hidden.pop(mark))
        return text
