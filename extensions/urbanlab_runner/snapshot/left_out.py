"""What a page cannot show: said in a sentence, so that its author and the gatekeeper see it in the preview."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

MAX_NAMES = 300
# Python's words for an object that has other forms say nothing to a reader.
_NO_WORDS = re.compile(r"\s*|<[\w.]+ object(?: at 0x[0-9a-f]+)?>|<Figure size [^>]*>")


def is_mute(words: str) -> bool:
    """Return whether the words for an object say nothing of it."""
    return _NO_WORDS.fullmatch(words.strip()) is not None


def make_note(names: Iterable[str], words: dict[str, str]) -> str:
    """Return a sentence that names what is left out, or nothing where nothing is."""
    named = ", ".join(sorted(names))[:MAX_NAMES]
    return f'<p class="ul-note">{escape(words["left_out"])} {escape(named)}</p>' if named else ""
