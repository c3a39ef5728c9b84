"""Runs one statement in a thread: streams rows out or in, and says meanwhile how far it has come."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import Any

from chdb._exceptions import ChdbError
from chdb.state.sqlitelike import Connection, StreamingInserter, StreamingResult

from urbanlab_services.warehouse import wire
from urbanlab_services.warehouse.engine import roles
from urbanlab_services.warehouse.engine.database import Database
from urbanlab_services.warehouse.engine.formats import encode_native_header, is_streamable, join_pieces
from urbanlab_services.warehouse.engine.parsing import check_security, connect_for_parsing
from urbanlab_services.warehouse.engine.pipes import GoneError, Inlet, Outlet
from urbanlab_services.warehouse.engine.sessions import check_name
from urbanlab_services.warehouse.wire import Job, Outcome

FILE_PIECE = 1 << 20
NOTE_SECONDS = 0.1  # between two notes of how far a statement has come


class Runner:
    """One statement; every method runs in the thread that made it."""

    def __init__(self, database: Database, job: Job, inlet: Inlet, outlet: Outlet) -> None:
        self._database = database
        self._job = job
        self._inlet = inlet
        self._outlet = outlet
        self._progress: dict[str, int] = {}
        self._noted_at = time.monotonic()

    def run(self) -> Outcome:
        """Run the statement; rows come from the inlet and go to the outlet."""
        kinds: dict[str, Callable[[], Outcome]] = {
            "read": self._read,
            "show": self._show,
            "insert": self._insert,
            "set": self._set,
        }
        return kinds.get(self._job.kind, self._change)()

    def _read(self) -> Outcome:
        with self._session(readonly=True) as connection:
            if self._job.with_columns:
                self._outlet.send(wire.COLUMNS, json.dumps(self._describe(connection)).encode())
            if is_streamable(self._job.format):
                return self._stream(connection)
            return self._spool(connection)

    def _show(self) -> Outcome:
        with self._session(readonly=True) as connection:
            result = self._query(connection, self._job.text)
            self._outlet.send(wire.ROWS, result.bytes())
            return self._make_outcome(result)

    def _change(self) -> Outcome:
        if self._job.role != roles.OPERATOR_ROLE:
            self._check_security()
        with self._session(readonly=False) as connection:
            return self._make_outcome(self._query(connection, self._job.text))

    def _set(self) -> Outcome:
        with self._session(readonly=False):
            self._database.sessions.remember(self._job)
        return Outcome()

    def _insert(self) -> Outcome:
        """Take rows until there are no more, and return once the engine has them."""
        with self._session(readonly=False) as connection:
            result = _insert_rows(
                connection, self._job.text, self._job.format, iter(self._inlet.receive, b"")
            )
        return Outcome(written_rows=result.rows_written, written_bytes=result.bytes_written)

    def _check_security(self) -> None:
        connection = connect_for_parsing(self._database.connect)
        try:
            check_security(connection, self._job.text)
        finally:
            connection.close()

    def _session(self, *, readonly: bool) -> AbstractContextManager[Connection]:
        return self._database.sessions.prepared(self._job, self._prepare, readonly=readonly)

    def _prepare(self, connection: Connection) -> None:
        connection.set_progress_callback(self._note)
        for external in self._job.externals:
            connection.query(external.create)
            _insert_rows(
                connection, external.insert, external.format, self._inlet.receive_part(external.length)
            )

    def _note(self, values: dict[str, int]) -> None:
        self._progress = values
        # Each note wakes the gateway, and most statements end before anybody would read one.
        if (moment := time.monotonic()) - self._noted_at >= NOTE_SECONDS:
            self._noted_at = moment
            self._outlet.note(wire.PROGRESS, wire.to_json(self._make_outcome()))

    def _query(self, connection: Connection, text: str) -> Any:
        return connection.query(text, self._job.format, params=dict(self._job.parameters))

    def _stream(self, connection: Connection) -> Outcome:
        job = self._job
        result: StreamingResult = connection.send_query(job.text, job.format, params=dict(job.parameters))
        counts = [0, 0, 0]
        try:
            for piece in join_pieces(job.format, _fetch(result, counts)):
                self._outlet.send(wire.ROWS, piece)
        except GoneError:
            result.cancel()
            raise
        if not counts[0]:
            self._send_empty(connection)
        return Outcome(
            read_rows=max(counts[1], self._progress.get("read_rows", 0)),
            read_bytes=max(counts[2], self._progress.get("read_bytes", 0)),
            total_rows_to_read=self._progress.get("total_rows_to_read", 0),
            result_rows=counts[0],
        )

    def _send_empty(self, connection: Connection) -> None:
        """An empty stream has no pieces; some formats say the columns all the same."""
        if self._job.format == "Native":
            self._outlet.send(wire.ROWS, encode_native_header(self._describe(connection)))
        else:
            self._outlet.send(wire.ROWS, self._query(connection, self._job.text).bytes())

    def _describe(self, connection: Connection) -> list[list[str]]:
        text, values = f"DESCRIBE ({self._job.text})", dict(self._job.parameters)
        described = connection.query(text, "JSONCompactEachRow", params=values)
        return [json.loads(line)[:2] for line in described.bytes().decode().splitlines()]

    def _spool(self, connection: Connection) -> Outcome:
        job, path = self._job, self._database.spool / uuid.uuid4().hex
        into = f"{job.text} INTO OUTFILE '{path}' COMPRESSION 'none' FORMAT {check_name(job.format)}"
        try:
            result = self._query(connection, into)
            with path.open("rb") as file:
                while piece := file.read(FILE_PIECE):
                    self._outlet.send(wire.ROWS, piece)
        finally:
            path.unlink(missing_ok=True)
        return self._make_outcome(result)

    def _make_outcome(self, result: Any = None) -> Outcome:
        noted = {name: self._progress.get(name, 0) for name in Outcome.__dataclass_fields__}
        if result is not None:
            noted["read_rows"] = max(noted["read_rows"], result.storage_rows_read())
            noted["read_bytes"] = max(noted["read_bytes"], result.storage_bytes_read())
            noted["written_rows"] = max(noted["written_rows"], result.rows_written())
            noted["written_bytes"] = max(noted["written_bytes"], result.bytes_written())
        return Outcome(**noted)


def _insert_rows(connection: Connection, text: str, format_: str, pieces: Iterator[bytes]) -> Any:
    inserter: StreamingInserter = connection.send_insert(text, format_)
    try:
        for piece in pieces:
            inserter.append(piece)
        return inserter.finish()
    except RuntimeError as error:
        raise ChdbError(str(error)) from error
    finally:
        # A no-op after finish(); else nothing more of this statement is written.
        with suppress(RuntimeError):
            inserter.cancel()


def _fetch(result: StreamingResult, counts: list[int]) -> Iterator[memoryview]:
    while (piece := result.fetch()) is not None:
        counts[0] += piece.rows_read()
        counts[1] += piece.storage_rows_read()
        counts[2] += piece.storage_bytes_read()
        yield memoryview(piece.bytes())
