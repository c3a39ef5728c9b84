"""What gateway and engine say to each other over the Unix socket: jobs one way, frames the other.

A statement is `POST /run` whose body is the job (its length in four bytes, then JSON) and, for an insert,
the rows. The answer is a sequence of frames, because whether a statement worked is known only at its end:
a kind (one byte), a length (four bytes), and so many bytes. Beside rows and the end they say the columns, where
the job asks for them, and now and then how far the statement has come.
"""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_HEAD = struct.Struct("!cI")
_LENGTH = struct.Struct("!I")
MAX_JOB_BYTES = 4 << 20

# VALUES takes values: an expression there would be the one place that no policy has looked at.
PLAIN_VALUES = {
    "input_format_values_interpret_expressions": "0",
    "input_format_values_deduce_templates_of_expressions": "0",
}
ROWS, COLUMNS, PROGRESS, OUTCOME, ERROR = b"R", b"C", b"P", b"O", b"E"


@dataclass(frozen=True)
class External:
    """A table that lasts as long as its statement; its rows stand before those of the statement itself."""

    name: str
    create: str
    insert: str
    format: str
    length: int  # in bytes


@dataclass(frozen=True)
class Job:
    """A statement that the gateway has admitted; `text` is canonical and has no FORMAT clause."""

    role: str
    text: str
    kind: str  # read, show, change, insert, or set and temporary in a session
    format: str = "TabSeparated"
    database: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    profile: str = ""  # with the limits of its tenant; without one, those of the platform's own hold
    fills: str = ""  # the database that grows by it, as long as there is room
    room_mb: int = 0
    tables: tuple[str, ...] = ()  # that it reads, each with its database: of no interest to the engine
    session: str = ""  # what it is called between gateway and engine
    begins_session: bool = False
    changes_table: str = ""  # a temporary one, made or dropped
    externals: tuple[External, ...] = ()
    with_columns: bool = False  # their names and types come before the rows
    tag: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class Outcome:
    """What a statement did."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    total_rows_to_read: int = 0
    result_rows: int = 0


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
        self.job = _make_job(json.loads(self._buffer[_LENGTH.size : end]))
        rows, self._buffer = self._buffer[end:], b""
        return rows


def _make_job(values: dict[str, Any]) -> Job:
    externals = tuple(External(**external) for external in values.pop("externals"))
    return Job(**values | {"externals": externals, "tables": tuple(values["tables"])})


def encode_head(kind: bytes, length: int) -> bytes:
    """Return what stands before a frame's bytes."""
    return _HEAD.pack(kind, length)


def encode_outcome(outcome: Outcome) -> bytes:
    """Return the frame that ends a statement that worked."""
    data = to_json(outcome)
    return encode_head(OUTCOME, len(data)) + data


def to_json(outcome: Outcome) -> bytes:
    """Return an outcome, or how far a statement has come, as the content of a frame."""
    return json.dumps(asdict(outcome)).encode()


def encode_error(text: str) -> bytes:
    """Return the frame that ends a statement that failed."""
    data = text.encode()
    return encode_head(ERROR, len(data)) + data


class FrameReader:
    """Takes an answer piece by piece; rows are handed on as they come, of other frames the last is kept whole."""

    def __init__(self) -> None:
        self._head = b""
        self._kind = b""
        self._left = 0
        self._ends: dict[bytes, bytes] = {}
        self.progress = Outcome()
        self.columns: list[list[str]] = []

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
                if not self._left:
                    self._take_note()

    def _take_note(self) -> None:
        if self._kind == PROGRESS:
            self.progress = Outcome(**json.loads(self._ends[PROGRESS]))
        elif self._kind == COLUMNS:
            self.columns = json.loads(self._ends[COLUMNS])

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
