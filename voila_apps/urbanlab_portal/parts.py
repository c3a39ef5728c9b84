"""Parts of a file: players ask for them, and some play nothing that cannot be had in parts."""

from __future__ import annotations

import re

_PART = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})", re.ASCII)


def find_part(asked: str, size: int) -> range:
    """Return the bytes that a header ``Range`` asks for; all of them for several parts and what is none.

    That is an answer to every such request: whoever asks may always be given the whole.
    """
    found = _PART.fullmatch(asked.strip())
    whole = range(size)
    if found is None or not (found[1] or found[2]):
        return whole
    if not found[1]:  # so many at the end
        return whole[-int(found[2]) :] if int(found[2]) else whole
    part = range(int(found[1]), min(int(found[2]) + 1 if found[2] else size, size))
    return part or whole
