"""How far a statement is, told in headers before the answer begins, as ClickHouse tells it."""

from __future__ import annotations

import json
import time
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from urbanlab_services.warehouse.wire import Outcome


class ProgressHeaders:
    """Sends the status line early, and header after header; what Tornado writes later continues them.

    Whatever comes then has the status 200: an error is known by its header, as with ClickHouse.
    """

    def __init__(self, handler: RequestHandler, seconds: float | None) -> None:
        """Write at most one header in so many `seconds`; none at all where they are `None`."""
        self._handler = handler
        self._seconds = seconds
        self._written_at = time.monotonic()
        self._is_begun = False
        self._last = Outcome()

    async def write(self, progress: Outcome) -> None:
        """Tell a progress if it is new and it is time."""
        now = time.monotonic()
        if self._seconds is None or progress is self._last or now - self._written_at < self._seconds:
            return
        self._written_at, self._last = now, progress
        line = f"X-ClickHouse-Progress: {_to_json(progress)}\r\n".encode()
        connection = self._handler.request.connection
        assert isinstance(connection, HTTP1Connection)
        stream = connection.stream
        if not self._is_begun:
            self._is_begun = True
            line = b"HTTP/1.1 200 OK\r\n" + line
            # It has what is used of a stream.
            connection.stream = _Continuing(connection)  # type: ignore[assignment]
        try:
            await (stream.stream if isinstance(stream, _Continuing) else stream).write(line)
        except StreamClosedError:
            return  # the handler is told so by itself


class _Continuing:
    """The stream of a connection whose status line has been sent: the next one is left out."""

    def __init__(self, connection: HTTP1Connection) -> None:
        self._connection = connection
        self.stream = connection.stream

    def write(self, data: bytes) -> Any:
        """Write the head of the answer without its first line."""
        self._connection.stream = self.stream
        return self.stream.write(data.partition(b"\r\n")[2])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _to_json(progress: Outcome) -> str:
    values = {
        "read_rows": progress.read_rows,
        "read_bytes": progress.read_bytes,
        "total_rows_to_read": progress.total_rows_to_read,
    }
    return json.dumps({name: str(value) for name, value in values.items()})
