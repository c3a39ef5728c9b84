"""A catalogue in parts: what lasts, and what holds until the page ends from which it comes.

The publisher writes the parts into one file, and the portal joins those that still hold: so a page that has ended
is in no catalogue, whether or not the publisher is there to write it anew. Where nothing ends, the file is the
catalogue. Otherwise its first line says when each part ends and how many bytes it has; the parts follow, each a
whole Turtle document, or a whole list of JSON-LD.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import BinaryIO

from urbanlab.contract.publications import is_over

_MARK = b'{"ends":'  # with which neither a Turtle document nor a list begins
_MAX_LINE = 1_000_000

Ends = tuple[tuple[str, int], ...]  # when each part ends, empty for one that lasts, and its bytes


def encode_catalog(parts: Mapping[str, bytes]) -> bytes:
    """Return the file of parts by the moment at which each ends, ISO 8601; the one that lasts is called ``""``."""
    if set(parts) == {""}:
        return parts[""]
    line = json.dumps({"ends": [[ends_at, len(part)] for ends_at, part in parts.items()]})
    return b"\n".join((line.encode(), b"".join(parts.values())))


def read_ends(file: BinaryIO) -> Ends:
    """Return the parts that a file has, and stand before the first; none for a catalogue that lasts as a whole.

    Raises `ValueError` or `TypeError` for a line that is none of `encode_catalog`.
    """
    if file.read(len(_MARK)) != _MARK:
        file.seek(0)
        return ()
    values = json.loads(_MARK + file.readline(_MAX_LINE))
    ends = tuple((ends_at, size) for ends_at, size in values["ends"])
    for ends_at, size in ends:
        is_over(ends_at, datetime.now(UTC))  # raises for what is no moment
        if type(size) is not int or size < 0:
            raise ValueError("a part has a number of bytes")
    return ends


def list_held(ends: Ends, now: datetime) -> tuple[str, ...]:
    """Return which parts hold, by the moments at which they end."""
    return tuple(ends_at for ends_at, _ in ends if not is_over(ends_at, now))


def read_catalog(file: BinaryIO, form: str, now: datetime) -> bytes:
    """Return what holds of a file, in one of `CATALOG_TYPES`; raise as `read_ends` does."""
    ends = read_ends(file)
    if not ends:
        return file.read()
    parts = [(ends_at, file.read(size)) for ends_at, size in ends]
    if [len(part) for _, part in parts] != [size for _, size in ends]:
        raise ValueError("a part has lost bytes")
    return _join([part for ends_at, part in parts if not is_over(ends_at, now)], form)


def _join(parts: Sequence[bytes], form: str) -> bytes:
    if form != "jsonld":
        return b"\n".join(parts)
    inner = (part.strip()[1:-1].strip() for part in parts)
    return b"[" + b",\n".join(each for each in inner if each) + b"]\n"
