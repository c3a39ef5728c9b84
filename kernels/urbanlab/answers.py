"""Answers of the warehouse as they come in, block by block; refused before they outgrow the kernel."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from urbanlab.errors import LimitError
from urbanlab.memory import find_room
from urbanlab.session import current_session
from urbanlab.warehouse_errors import translate

if TYPE_CHECKING:
    import pyarrow as pa

Note = Callable[[int, int], None]  # takes the rows and bytes of a block that has come

MAX_ERROR_BYTES = 8192
# Smaller answers are not worth looking at the limits for.
UNWATCHED_BYTES = 16 << 20
USABLE = 0.8  # of the room; the notebook needs some, too
# Behind it stand its length and a mark of the protocol.
_ERROR_AT_END = re.compile(r"Code: \d+\. DB::Exception: .*?(?=\s+\d+ \S+\s+__exception__|\Z)", re.DOTALL)
_TOO_LARGE = {
    "de": "Das Ergebnis ist größer als der Speicher dieses Kernels: {rows} Zeilen brauchen schon {size} MB, frei "
    "waren {room} MB. Die Abfrage wurde abgebrochen, bevor der Kernel endet. In der Abfrage zählen oder mitteln "
    "(GROUP BY), weniger Spalten nehmen, LIMIT setzen, oder stückweise lesen: "
    "with ul.client().query_arrow_stream(sql) as batches: …",
    "en": "The answer is larger than this kernel's memory: {rows} rows take {size} MB already, {room} MB were "
    "free. The query was stopped before it could end the kernel. Count or average in the query (GROUP BY), take "
    "fewer columns, set a LIMIT, or read it in batches: "
    "with ul.client().query_arrow_stream(sql) as batches: …",
}


class Allowance:
    """How large an answer may grow in this kernel, where it is held `copies` times over."""

    def __init__(self, copies: int) -> None:
        self._copies = copies
        self._rows = self._bytes = 0
        self._room: int | None = None

    def take(self, rows: int, size: int) -> None:
        """Count a block that has come; raise `LimitError` if the answer is about to outgrow the kernel."""
        self._rows += rows
        self._bytes += size
        needed = self._bytes * self._copies
        if needed < UNWATCHED_BYTES:
            return
        if self._room is None:  # what has come is in memory already
            self._room = find_room() + self._bytes
        if needed > USABLE * self._room:
            text = current_session().choose(_TOO_LARGE)
            raise LimitError(
                text.format(rows=self._rows, size=needed // 1_000_000, room=self._room // 1_000_000)
            )


def read_answer(stream: Any, note: Note) -> pa.Table | None:
    """Return the table that the stream holds, or `None` for a statement that answers nothing.

    Each block is told to `note` as it comes; what that raises ends the reading.
    """
    import pyarrow as pa
    import urllib3

    head = stream.read(8)
    if not head:
        return None
    answer = _Answer(head, stream)
    batches = []
    try:
        with pa.ipc.open_stream(pa.PythonFile(answer, mode="r")) as reader:
            for batch in reader:
                batches.append(batch)
                note(batch.num_rows, batch.nbytes)
            return pa.Table.from_batches(batches, reader.schema)
    except (pa.ArrowException, urllib3.exceptions.HTTPError) as error:
        # What goes wrong after the first rows can only be said in the middle of them.
        raise translate(answer.find_error(error) or error) from None


class _Answer:
    """A readable that gives back the bytes already taken from another one, and remembers the last ones."""

    closed = False

    def __init__(self, head: bytes, rest: Any) -> None:
        self._head, self._rest = head, rest
        self._last = head

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        if self._head:
            taken, self._head = (self._head, b"") if size < 0 else (self._head[:size], self._head[size:])
            return taken + self._read_rest(size - len(taken) if size >= 0 else -1)
        return self._read_rest(size)

    def find_error(self, error: Exception) -> Exception | None:
        """Return the error that the warehouse wrote at the end of an answer that broke off with `error`."""
        # What came before a connection ended is kept by the error of the standard library within.
        partial = next((bytes(part.partial) for part in error.args if hasattr(part, "partial")), None)
        end = self._rest.read(MAX_ERROR_BYTES) if partial is None else partial
        text = (self._last + end)[-MAX_ERROR_BYTES:].decode("utf-8", "replace")
        found = _ERROR_AT_END.search(text)
        return Exception(found[0]) if found else None

    def _read_rest(self, size: int) -> bytes:
        taken = bytes(self._rest.read(None if size < 0 else size)) if size else b""
        self._last = (self._last + taken[-MAX_ERROR_BYTES:])[-MAX_ERROR_BYTES:]
        return taken
