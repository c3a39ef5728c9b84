"""The lines of the log: each holds the hash of the one before, so that no line is changed, lost or put in unseen.

A line is ``{seq, at, event, tenant, source, id, prev, digest, hash, body}``. `hash` is SHA-256 over all of it but
the body, for which `digest` stands: a body can be taken away when its time is over, and the chain holds.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64  # what the first line has for the hash of the one before
_HEADER = ("seq", "at", "event", "tenant", "source", "id", "prev", "digest")
_FIELDS = frozenset({*_HEADER, "hash", "body"})

Body = dict[str, Any]


class ChainError(ValueError):
    """A line that cannot be what the writer wrote; the message says why."""


@dataclass(frozen=True)
class Line:
    """One line; `body` is None where its time is over."""

    seq: int
    at: str
    event: str
    tenant: str
    source: str
    id: str
    prev: str
    digest: str
    body: Body | None

    @property
    def hash(self) -> str:
        """What the next line holds of this one."""
        return _hash({name: getattr(self, name) for name in _HEADER})

    def encode(self) -> bytes:
        """Return the line as it stands in the file."""
        header = {name: getattr(self, name) for name in _HEADER}
        return to_canonical({**header, "hash": self.hash, "body": self.body}) + b"\n"


def make_line(
    seq: int, prev: str, at: str, event: str, tenant: str, source: str, id_: str, body: Body
) -> Line:
    """Return the line that follows the one whose hash is `prev`."""
    return Line(seq, at, event, tenant, source, id_, prev, _hash(body), body)


def decode_line(raw: bytes) -> Line:
    """Return the line that stands in a file; raise `ChainError` unless it is whole and its hashes are its own."""
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError):
        raise ChainError("it is no line of the log") from None
    if not isinstance(values, dict) or set(values) != _FIELDS:
        raise ChainError("it has not the fields of a line")
    line = Line(**{name: values[name] for name in _HEADER}, body=values["body"])
    if values["hash"] != line.hash:
        raise ChainError("it was changed")
    if line.body is not None and line.digest != _hash(line.body):
        raise ChainError("what it says was changed")
    if line.encode() != raw:
        raise ChainError("it is written otherwise than the log is")
    return line


def to_canonical(values: dict[str, Any]) -> bytes:
    """Return the one way in which values are written."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _hash(values: dict[str, Any]) -> str:
    return hashlib.sha256(to_canonical(values)).hexdigest()
