"""What gateway and engine say to each other over the Unix socket: jobs one way, frames the other.

A statement is `POST /run` whose body is the job (its length in four bytes, then JSON) and, for an insert,
the rows. The answer is a sequence of frames, because whether a statement worked is known only at its end:
a kind (one byte), a length (four bytes), and so many bytes.
"""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

_HEAD = struct.Struct("!cI")
_LENGTH = struct.Struct("!I")
MAX_JOB_BYTES = 4 << 20

ROWS, OUTCOME, ERROR = b"R", b"O", b"E"


@dataclass(frozen=True)
class Job:
    """A statement that the gateway has admitted; `text` is canonical and has no FORMAT clause."""

    role: str
    text: str
    kind: str  # read, show, change or insert
    format: str = "TabSeparated"
    database: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    tag: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class Outcome:
    """What a statement did."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0


def encode_job(job: Job) -> bytes:
    """Return what the body of `/run` begins with."""
    data = json.dumps(asdict(job)).encode()
    return _LENGTH.pack(len(data)) + data


class JobReader:
    """Takes the body of `/run` piece by piece; `job` appears once it is complete."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self._buffer = b""

    def feed(self, data: bytes) -> bytes:
        """Take a piece and return what of it are rows; raise `ValueError` for what is no job."""
        if self.job is not None:
            return data
        self._buffer += data
        if len(self._buffer) < _LENGTH.size:
            return b""
        end = _LENGTH.size + _LENGTH.unpack_from(self._buffer)[0]
        if end > MAX_JOB_BYTES:
            raise ValueError("the job is too long")
        if len(self._buffer) < end:
            return b""
        self.job = Job(**json.loads(self._buffer[_LENGTH.size : end]))
        rows, self._buffer = self._buffer[end:], b""
        return rows


def encode_head(kind: bytes, length: int) -> bytes:
    """Return what stands before a frame's bytes."""
    return _HEAD.pack(kind, length)


def encode_outcome(outcome: Outcome) -> bytes:
    """Return the frame that ends a statement that worked."""
    data = json.dumps(asdict(outcome)).encode()
    return encode_head(OUTCOME, len(data)) + data


def encode_error(text: str) -> bytes:
    """Return the frame that ends a statement that failed."""
    data = text.encode()
    return encode_head(ERROR, len(data)) + data


class FrameReader:
    """Takes an answer piece by piece; rows are handed on as they come, the last frame is kept whole."""

    def __init__(self) -> None:
        self._head = b""
        self._kind = b""
        self._left = 0
        self._ends: dict[bytes, bytes] = {}

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the rows in `data`."""
        position = 0
        while position < len(data):
            if not self._left:
                needed = _HEAD.size - len(self._head)
                self._head += data[position : position + needed]
                position += needed
                if len(self._head) == _HEAD.size:
                    self._kind, self._left = _HEAD.unpack(self._head)
                    self._head = b""
                    if self._kind != ROWS:
                        self._ends[self._kind] = b""
                continue
            piece = data[position : position + self._left]
            position += len(piece)
            self._left -= len(piece)
            if self._kind == ROWS:
                yield piece
            else:
                self._ends[self._kind] += piece

    @property
    def outcome(self) -> Outcome | None:
        """What the statement did, if it worked and its end has arrived."""
        if OUTCOME not in self._ends or self._left:
            return None
        return Outcome(**json.loads(self._ends[OUTCOME]))

    @property
    def error(self) -> str | None:
        """What the engine said, if the statement failed and all of it has arrived."""
        return None if ERROR not in self._ends or self._left else self._ends[ERROR].decode()
