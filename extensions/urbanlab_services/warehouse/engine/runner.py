"""Runs one statement in a thread: takes the role, sets the limits, streams rows out or in."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from chdb._exceptions import ChdbError
from chdb.state.sqlitelike import Connection, StreamingInserter, StreamingResult

from urbanlab_services.warehouse.engine import roles
from urbanlab_services.warehouse.engine.database import Database
from urbanlab_services.warehouse.engine.formats import is_streamable, join_pieces
from urbanlab_services.warehouse.engine.parsing import check_security
from urbanlab_services.warehouse.wire import Job, Outcome

FILE_PIECE = 1 << 20
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Send = Callable[[memoryview | bytes], None]
Receive = Callable[[], bytes]


class GoneError(Exception):
    """Nobody waits for the statement any more."""


class Runner:
    """One statement; every method runs in the thread that made it."""

    def __init__(self, database: Database, job: Job) -> None:
        self._database = database
        self._job = job

    def read(self, send: Send) -> Outcome:
        """Stream the rows of a query to `send`."""
        with self._session(readonly=True) as connection:
            if self._job.kind == "read" and is_streamable(self._job.format):
                return self._stream(connection, send)
            if self._job.kind == "read":
                return self._spool(connection, send)
            result = connection.query(self._job.text, self._job.format, params=dict(self._job.parameters))
            send(result.bytes())
            return _to_outcome(result)

    def change(self, send: Send) -> Outcome:
        """Run a statement that changes something and gives back nothing."""
        if self._job.role != roles.OPERATOR_ROLE:
            self._check_security()
        with self._session(readonly=False) as connection:
            result = connection.query(self._job.text, self._job.format, params=dict(self._job.parameters))
            return _to_outcome(result)

    def insert(self, receive: Receive) -> Outcome:
        """Take rows from `receive` until it gives none, and return once the engine has them."""
        with self._session(readonly=False) as connection:
            inserter: StreamingInserter = connection.send_insert(self._job.text, self._job.format)
            try:
                while piece := receive():
                    inserter.append(piece)
                result = inserter.finish()
            finally:
                # A no-op after finish(); else nothing more of this statement is written.
                with suppress(RuntimeError):
                    inserter.cancel()
        return Outcome(written_rows=result.rows_written, written_bytes=result.bytes_written)

    def _check_security(self) -> None:
        connection = self._database.connect()
        try:
            check_security(connection, self._job.text)
        finally:
            connection.close()

    def _session(self, *, readonly: bool) -> _Session:
        # Under readonly=2 a read may set what the profile lets it, and change nothing.
        settings = {**self._job.settings, "log_comment": self._job.tag}
        settings |= {"readonly": "2"} if readonly else _PLAIN_VALUES
        return _Session(self._database.connect(), self._job, settings)

    def _stream(self, connection: Connection, send: Send) -> Outcome:
        job = self._job
        result: StreamingResult = connection.send_query(job.text, job.format, params=dict(job.parameters))
        counts = [0, 0]
        try:
            for piece in join_pieces(job.format, _fetch(result, counts)):
                send(piece)
        except GoneError:
            result.cancel()
            raise
        if not counts[0]:
            self._send_empty(connection, send)
        return Outcome(read_rows=counts[0], read_bytes=counts[1])

    def _send_empty(self, connection: Connection, send: Send) -> None:
        """An empty stream has no pieces; some formats say the columns all the same."""
        if self._job.format == "Native":
            send(_make_native_header(connection, self._job))
            return
        result = connection.query(self._job.text, self._job.format, params=dict(self._job.parameters))
        send(result.bytes())

    def _spool(self, connection: Connection, send: Send) -> Outcome:
        job, path = self._job, self._database.spool / uuid.uuid4().hex
        into = f"{job.text} INTO OUTFILE '{path}' COMPRESSION 'none' FORMAT {_check_name(job.format)}"
        try:
            result = connection.query(into, job.format, params=dict(job.parameters))
            with path.open("rb") as file:
                while piece := file.read(FILE_PIECE):
                    send(piece)
        finally:
            path.unlink(missing_ok=True)
        return _to_outcome(result)


# VALUES takes values: an expression there would be the one place that no policy has looked at.
_PLAIN_VALUES = {
    "input_format_values_interpret_expressions": "0",
    "input_format_values_deduce_templates_of_expressions": "0",
}


class _Session:
    """A chDB session that has taken the role before anything else, and is closed whatever happens."""

    def __init__(self, connection: Connection, job: Job, settings: Mapping[str, str]) -> None:
        self._connection = connection
        self._statements = [f"SET ROLE {_check_name(job.role)}"]
        if job.database:
            self._statements.append(f"USE {_check_name(job.database)}")
        changes = ", ".join(f"{_check_name(name)} = {_quote(value)}" for name, value in settings.items())
        self._statements.append(f"SET {changes}")

    def __enter__(self) -> Connection:
        try:
            for statement in self._statements:
                self._connection.query(statement)
        except ChdbError:
            self._connection.close()
            raise
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _fetch(result: StreamingResult, counts: list[int]) -> Iterator[memoryview]:
    while (piece := result.fetch()) is not None:
        counts[0] += piece.rows_read()
        counts[1] += piece.bytes_read()
        yield memoryview(piece.bytes())


def _make_native_header(connection: Connection, job: Job) -> bytes:
    described = connection.query(f"DESCRIBE ({job.text})", "JSONCompactEachRow", params=dict(job.parameters))
    return encode_native_header(described.bytes().decode().splitlines())


def encode_native_header(lines: list[str]) -> bytes:
    """Return a Native block without rows for the columns that DESCRIBE lists."""
    import json

    columns = [json.loads(line)[:2] for line in lines]
    parts = [_leb128(len(columns)), _leb128(0)]
    for column in columns:
        for text in column:
            data = text.encode()
            parts += [_leb128(len(data)), data]
    return b"".join(parts)


def _leb128(number: int) -> bytes:
    data = bytearray()
    while number >= 0x80:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])


def _to_outcome(result: Any) -> Outcome:
    return Outcome(
        result.storage_rows_read(), result.storage_bytes_read(), result.rows_written(), result.bytes_written()
    )


def _check_name(name: str) -> str:
    if not _PLAIN_NAME.fullmatch(name):
        raise ChdbError("Code: 36. DB::Exception: A name is not plain. (BAD_ARGUMENTS)")
    return name


def _quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
