"""One request to the engine's socket and its answer, read no faster than it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from tornado.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from tornado.iostream import IOStream, StreamClosedError

PIECES = 4  # of an answer that wait in the gateway
CHUNK_BYTES = 1 << 18
_PARAMETERS = HTTP1ConnectionParameters(
    no_keep_alive=True, chunk_size=CHUNK_BYTES, max_body_size=1 << 50, body_timeout=None
)


class EngineLostError(Exception):
    """The engine went away after it had taken the request."""


class _Connection(HTTP1Connection):
    async def finish_writing(self) -> None:
        """Say that the request is complete."""
        try:
            self.finish()
        except StreamClosedError as error:
            raise EngineLostError from error


class Exchange(HTTPMessageDelegate):
    """One request and its answer, read no faster than it is taken."""

    def __init__(self, stream: IOStream) -> None:
        self.connection = _Connection(stream, True, _PARAMETERS)
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES)
        self._reading: asyncio.Task[None] | None = None
        self._is_complete = False
        self.status = 0

    def start(self, method: str, path: str, body: bytes | None) -> None:
        """Send the request's head, with the body where all of it is there, and begin to listen."""
        head = HTTPHeaders({"Host": "engine", "Connection": "close"})
        if body is not None:
            head["Content-Length"] = str(len(body))
        self.connection.write_headers(RequestStartLine(method, path, "HTTP/1.1"), head, body)
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
async def exchanging(
    stream: IOStream, method: str, path: str, body: bytes | None = None
) -> AsyncIterator[Exchange]:
    """Give an exchange whose request has begun; with a body it is complete."""
    exchange = Exchange(stream)
    try:
        exchange.start(method, path, body)
        if body is not None:
            await exchange.connection.finish_writing()
        yield exchange
    finally:
        exchange.end()
