"""An answer on its way to the client: its beginning is held back, so that a failure can still have a status."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from urbanlab_services.warehouse.arguments import Arguments
from urbanlab_services.warehouse.codings import make_encoder
from urbanlab_services.warehouse.errors import WarehouseError
from urbanlab_services.warehouse.wire import Job, Outcome

HELD_BYTES = 1 << 20
_CONTENT_TYPES = {
    "JSON": "application/json; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8",
    "Tab": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "XML": "application/xml; charset=UTF-8",
    "Arrow": "application/vnd.apache.arrow.stream",
    "Pretty": "text/plain; charset=UTF-8",
    "Vertical": "text/plain; charset=UTF-8",
    "Values": "text/plain; charset=UTF-8",
    "Markdown": "text/markdown; charset=UTF-8",
}


class ClientGoneError(Exception):
    """Nobody takes the answer any more."""


class Answer:
    """Writes the rows of one statement to the client, no faster than it takes them."""

    def __init__(self, handler: RequestHandler, arguments: Arguments, job: Job) -> None:
        self._handler = handler
        self._arguments = arguments
        self._job = job
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._encoder = make_encoder(arguments.coding)
        self._started = time.monotonic()
        # As ClickHouse does: a mark that no row can contain by chance announces an error behind rows.
        self._tag = secrets.token_hex(8)
        self.is_begun = False

    async def write(self, rows: bytes) -> None:
        """Take rows; hold them back while they are few."""
        if self.is_begun:
            await self._send(self._encoder.encode(rows))
            return
        self._held.append(rows)
        self._held_bytes += len(rows)
        if self._held_bytes > HELD_BYTES:
            await self._begin()

    async def finish(self, outcome: Outcome) -> None:
        """Write what is held back, and end."""
        if not self.is_begun:
            self._handler.set_header("X-ClickHouse-Summary", self._summarize(outcome))
            await self._begin()
        await self._send(self._encoder.finish())

    def forget(self) -> None:
        """Drop what is held back, so that the statement can be run again."""
        self._held.clear()
        self._held_bytes = 0

    async def break_off(self, error: WarehouseError) -> None:
        """Say behind rows that they are not all, in the way that clients of ClickHouse detect."""
        text = error.to_text().encode()
        mark = self._tag.encode()
        block = b"".join((b"\r\n__exception__\r\n", mark, b"\r\n", text, str(len(text)).encode(), b" ", mark))
        await self._send(self._encoder.encode(block + b"\r\n__exception__\r\n") + self._encoder.finish())

    async def _begin(self) -> None:
        self.is_begun = True
        set_header: Callable[[str, str], None] = self._handler.set_header
        set_header("Content-Type", _find_content_type(self._job.format))
        set_header("X-ClickHouse-Format", self._job.format)
        set_header("X-ClickHouse-Exception-Tag", self._tag)
        if self._arguments.coding:
            set_header("Content-Encoding", self._arguments.coding)
            set_header("Vary", "Accept-Encoding")
        held = b"".join(self._held)
        self._held.clear()
        await self._send(self._encoder.encode(held), even_nothing=True)

    async def _send(self, data: bytes, *, even_nothing: bool = False) -> None:
        if data:
            self._handler.write(data)
        if data or even_nothing:
            try:
                await self._handler.flush()
            except StreamClosedError as error:
                raise ClientGoneError from error

    def _summarize(self, outcome: Outcome) -> str:
        elapsed = int((time.monotonic() - self._started) * 1e9)
        values = {
            "read_rows": outcome.read_rows,
            "read_bytes": outcome.read_bytes,
            "written_rows": outcome.written_rows,
            "written_bytes": outcome.written_bytes,
            "total_rows_to_read": outcome.read_rows,
            "result_bytes": self._held_bytes,
            "elapsed_ns": elapsed,
        }
        return json.dumps({name: str(value) for name, value in values.items()})


def _find_content_type(format_: str) -> str:
    return next(
        (kind for prefix, kind in _CONTENT_TYPES.items() if format_.startswith(prefix)),
        "text/plain; charset=UTF-8"
        if format_.startswith(("Pretty", "Vertical", "Values"))
        else "application/octet-stream",
    )
