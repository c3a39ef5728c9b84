"""An answer on its way to the client: its beginning is held back, so that a failure can still have a status."""

from __future__ import annotations

import json
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from urbanlab_services.warehouse.arguments import COLUMNS_HEADER, Arguments
from urbanlab_services.warehouse.codings import OWN_CODING, make_encoder
from urbanlab_services.warehouse.errors import WarehouseError
from urbanlab_services.warehouse.late_errors import TAG_HEADER, encode_late_error
from urbanlab_services.warehouse.progress import ProgressHeaders
from urbanlab_services.warehouse.wire import FrameReader, Job, Outcome

HELD_BYTES = 1 << 20
# Of those who wait for the end, in a file without a name: what is longer is sent as it comes after all.
MAX_WAITING_BYTES = 1 << 30
PIECE_BYTES = 1 << 18
MAX_COLUMNS_BYTES = 1 << 14  # clients take no longer headers
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
# Its readers find an error behind rows, and gain by each block that they need not wait for.
_MARKED = "Native"


class ClientGoneError(Exception):
    """Nobody takes the answer any more."""


class Answer:
    """Writes the rows of one statement to the client, no faster than it takes them."""

    def __init__(self, handler: RequestHandler, arguments: Arguments, job: Job, spool: Path) -> None:
        """Answer `handler`; keep in files of the folder `spool` what is too long for memory."""
        self._handler = handler
        self._arguments = arguments
        self._job = job
        self._spool = spool
        self._reader = FrameReader()
        self._held = self._make_store()
        self._held_bytes = 0
        waits = arguments.waits_for_end and job.format != _MARKED
        self._most_held = MAX_WAITING_BYTES if waits else HELD_BYTES
        self._encoder = make_encoder(arguments.coding)
        self._headers = ProgressHeaders(handler, arguments.progress_seconds)
        self._started = time.monotonic()
        # As ClickHouse does: a mark that no row can contain by chance announces an error behind rows.
        self._tag = secrets.token_hex(8)
        self.is_begun = False

    @property
    def progress(self) -> Outcome:
        """How far the statement is."""
        return self._reader.progress

    def begin(self, reader: FrameReader) -> None:
        """Begin, or begin anew while nothing has reached the client: `reader` tells how far the statement is."""
        self._reader = reader
        self._held.close()
        self._held = self._make_store()
        self._held_bytes = 0

    async def write(self, rows: bytes) -> None:
        """Take rows, or none but a new progress; hold rows back while they are few."""
        if self.is_begun:
            await self._send(self._encoder.encode(rows))
            return
        await self._headers.write(self._reader.progress)
        self._held.write(rows)
        self._held_bytes += len(rows)
        if self._held_bytes > self._most_held:
            await self._begin()

    async def finish(self, outcome: Outcome) -> None:
        """Write what is held back, and end."""
        if not self.is_begun:
            self._handler.set_header("X-ClickHouse-Summary", self._summarize(outcome))
            if self._held_bytes <= HELD_BYTES:
                self._end_at_once()
                return
            await self._begin()
        await self._send(self._encoder.finish())

    async def break_off(self, error: WarehouseError) -> None:
        """Say behind rows that they are not all, in the way that clients of ClickHouse detect."""
        block = encode_late_error(self._tag, error.to_text())
        await self._send(self._encoder.encode(block) + self._encoder.finish())

    def close(self) -> None:
        """Give back what is held."""
        self._held.close()

    def _make_store(self) -> tempfile.SpooledTemporaryFile[bytes]:
        return tempfile.SpooledTemporaryFile(max_size=2 * HELD_BYTES, dir=str(self._spool))

    def _end_at_once(self) -> None:
        """Leave a small answer to Tornado, which sends it in one piece with its length."""
        self.is_begun = True
        self._set_headers()
        self._handler.write(self._encoder.encode(b"".join(self._list_held())) + self._encoder.finish())

    async def _begin(self) -> None:
        self.is_begun = True
        self._set_headers()
        await self._send(b"", even_nothing=True)
        for piece in self._list_held():
            await self._send(self._encoder.encode(piece))

    def _list_held(self) -> Iterator[bytes]:
        self._held.seek(0)
        while piece := self._held.read(PIECE_BYTES):
            yield piece
        self._held.close()

    def _set_headers(self) -> None:
        set_header: Callable[[str, str], None] = self._handler.set_header
        set_header("Content-Type", _find_content_type(self._job.format))
        set_header("X-ClickHouse-Format", self._job.format)
        set_header(TAG_HEADER, self._tag)
        columns = json.dumps(self._reader.columns) if self._reader.columns else ""
        if columns and len(columns) <= MAX_COLUMNS_BYTES:
            set_header(COLUMNS_HEADER, columns)
        if self._arguments.coding and self._arguments.coding != OWN_CODING:
            set_header("Content-Encoding", self._arguments.coding)
            set_header("Vary", "Accept-Encoding")

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
            "total_rows_to_read": outcome.total_rows_to_read or outcome.read_rows,
            "result_rows": outcome.result_rows or outcome.written_rows,
            "result_bytes": self._held_bytes,
            "elapsed_ns": elapsed,
        }
        return json.dumps({name: str(value) for name, value in values.items()})


def _find_content_type(format_: str) -> str:
    return next(
        (kind for prefix, kind in _CONTENT_TYPES.items() if format_.startswith(prefix)),
        "application/octet-stream",
    )
