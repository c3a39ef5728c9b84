"""The gateway's way to the engine: HTTP over its Unix socket, with patience while it restarts."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tornado.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from tornado.iostream import IOStream, StreamClosedError

from urbanlab.contract.records import Tenant, tenant_to_dict
from urbanlab_services.warehouse import wire
from urbanlab_services.warehouse.errors import from_engine, make_unavailable
from urbanlab_services.warehouse.policy import read_tree

PATIENCE_SECONDS = 10.0  # while nothing answers at the socket
PAUSE_SECONDS = 0.1
PIECES = 4  # of an answer that wait in the gateway
CHUNK_BYTES = 1 << 18
_PARAMETERS = HTTP1ConnectionParameters(
    no_keep_alive=True, chunk_size=CHUNK_BYTES, max_body_size=1 << 50, body_timeout=None
)


class EngineLostError(Exception):
    """The engine went away after it had taken the request."""


@dataclass(frozen=True)
class Parsed:
    """A statement as the engine reads it; the tree is empty for kinds that it cannot take apart."""

    text: str
    tree: dict[str, Any]


class EngineClient:
    """One connection for each request: making one costs less than a tenth of a millisecond."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def parse(self, text: str) -> Parsed:
        """Return how the engine reads `text`; raise `WarehouseError` for what is no single statement."""
        answer = await self._post_json("/parse", text.encode())
        if "error" in answer:
            raise from_engine(answer["error"])
        return Parsed(answer["text"], read_tree(answer["tree"]))

    async def reopen(self) -> bool:
        """Let the engine take the roles of the tenants' records; return whether there was a difference."""
        return bool((await self._post_json("/reopen", b""))["changed"])

    async def has_roles_of(self, tenants: Iterable[Tenant]) -> bool:
        """Whether the engine's roles are those of `tenants` already."""
        body = json.dumps([tenant_to_dict(tenant) for tenant in tenants]).encode()
        return not (await self._post_json("/reopen?dry_run=1", body))["changed"]

    async def find_problem(self) -> str:
        """Return why the engine cannot work now, or nothing."""
        try:
            stream = await self._connect_once()
        except OSError:
            return "does not answer"
        async with _exchange(stream, "GET", "/readyz") as exchange:
            await exchange.connection.finish_writing()
            with suppress(EngineLostError, ValueError):
                answer = json.loads(await exchange.read_all())
                return "; ".join(answer.get("missing", {}).values())
        return "does not answer"

    async def run(
        self, job: wire.Job, outcomes: list[wire.Outcome], source: AsyncIterator[bytes] | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the rows that a statement answers, and put what it did into `outcomes` at its end.

        `source` gives the rows of an insert. Raises `WarehouseError` for what the engine refuses, and
        `EngineLostError` when it went away in between. Whoever stops iterating cancels the statement.
        """
        stream = await self._connect()
        async with _exchange(stream, "POST", "/run") as exchange:
            await exchange.send(wire.encode_job(job))
            if source is not None:
                async for piece in source:
                    await exchange.send(piece)
            await exchange.connection.finish_writing()
            reader = wire.FrameReader()
            async for piece in exchange.pieces():
                for rows in reader.feed(piece):
                    yield rows
            if reader.error is not None:
                raise from_engine(reader.error, job.text)
            if reader.outcome is None:
                raise EngineLostError
            outcomes.append(reader.outcome)

    async def collect(self, job: wire.Job) -> bytes:
        """Return all that a small statement answers; one that only reads is asked again if the engine was lost."""
        while True:
            try:
                return b"".join([piece async for piece in self.run(job, [])])
            except EngineLostError:
                if job.kind not in ("read", "show"):
                    raise

    async def _post_json(self, path: str, body: bytes) -> dict[str, Any]:
        """Ask what changes nothing by being asked twice."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            stream = await self._connect()
            async with _exchange(stream, "POST", path) as exchange:
                with suppress(EngineLostError):
                    await exchange.send(body)
                    await exchange.connection.finish_writing()
                    return dict(json.loads(await exchange.read_all()))
            if time.monotonic() > deadline:
                raise make_unavailable()

    async def _connect(self) -> IOStream:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await self._connect_once()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise make_unavailable() from error
                await asyncio.sleep(PAUSE_SECONDS)

    async def _connect_once(self) -> IOStream:
        stream = IOStream(socket.socket(socket.AF_UNIX), read_chunk_size=CHUNK_BYTES)
        try:
            # StreamClosedError is an OSError too.
            return await stream.connect(str(self._path))
        except BaseException:
            stream.close()
            raise


class _Connection(HTTP1Connection):
    async def finish_writing(self) -> None:
        """Say that the request is complete."""
        try:
            self.finish()
        except StreamClosedError as error:
            raise EngineLostError from error


class _Exchange(HTTPMessageDelegate):
    """One request and its answer, read no faster than it is taken."""

    def __init__(self, stream: IOStream) -> None:
        self.connection = _Connection(stream, True, _PARAMETERS)
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES)
        self._reading: asyncio.Task[None] | None = None
        self._is_complete = False
        self.status = 0

    def start(self, method: str, path: str) -> None:
        """Send the request's head and begin to listen."""
        headers = HTTPHeaders({"Host": "engine", "Connection": "close"})
        self.connection.write_headers(RequestStartLine(method, path, "HTTP/1.1"), headers)
        self._reading = asyncio.create_task(self._read())

    async def send(self, data: bytes) -> None:
        """Send a part of the body."""
        try:
            await self.connection.write(data)
        except StreamClosedError as error:
            raise EngineLostError from error

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the answer's body; raise `EngineLostError` if it is cut short or no answer at all."""
        while (piece := await self._queue.get()) is not None:
            yield piece
        if not self._is_complete or self.status != 200:
            raise EngineLostError

    async def read_all(self) -> bytes:
        """Return the whole body, whatever the status."""
        parts = []
        while (piece := await self._queue.get()) is not None:
            parts.append(piece)
        if not self._is_complete:
            raise EngineLostError
        return b"".join(parts)

    def end(self) -> None:
        """Hang up."""
        if self._reading is not None:
            self._reading.cancel()
        self.connection.close()

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
        """Take the status."""
        assert isinstance(start_line, ResponseStartLine)
        self.status = start_line.code

    async def data_received(self, chunk: bytes) -> None:
        """Take a part of the body."""
        await self._queue.put(chunk)

    def finish(self) -> None:
        """The answer is complete."""
        self._is_complete = True

    async def _read(self) -> None:
        try:
            with suppress(StreamClosedError):  # in the middle of the body: it is not complete then
                await self.connection.read_response(self)
        finally:
            await self._queue.put(None)


@asynccontextmanager
async def _exchange(stream: IOStream, method: str, path: str) -> AsyncIterator[_Exchange]:
    exchange = _Exchange(stream)
    try:
        exchange.start(method, path)
        yield exchange
    finally:
        exchange.end()
