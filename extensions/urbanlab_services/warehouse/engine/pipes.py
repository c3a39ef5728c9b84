"""Bounded pipes between the event loop and the thread of one statement: a slow side makes the other wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

from urbanlab_services.warehouse import wire

PIECES = 3  # that wait on either side
SMALL_BYTES = 1 << 16  # what is less is not worth a change of threads


class GoneError(Exception):
    """Nobody waits for the statement any more."""


class Outlet:
    """Frames from the thread to the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue()
        self._room = threading.Semaphore(PIECES)
        self._gone = threading.Event()
        self._small: list[bytes] = []
        self._small_bytes = 0

    def send(self, kind: bytes, content: memoryview | bytes) -> None:
        """Hand a frame on from the thread, a small one with the next; raise `GoneError` if nobody takes it."""
        if self._gone.is_set():
            raise GoneError
        if not len(content):
            return
        self._small += (wire.encode_head(kind, len(content)), bytes(content))
        self._small_bytes += len(content)
        if self._small_bytes >= SMALL_BYTES:
            self._room.acquire()
            self._put(self.take_small(), True)

    def note(self, kind: bytes, content: bytes) -> None:
        """Hand on from the thread, without ever waiting, a small frame that comes now and then."""
        self._put(wire.encode_head(kind, len(content)) + content, False)

    def take_small(self) -> bytes:
        """Return, in the thread, what has been kept back."""
        small, self._small, self._small_bytes = b"".join(self._small), [], 0
        return small

    def end(self) -> None:
        """Say from the loop that the thread sends nothing more."""
        self._queue.put_nowait((b"", False))

    def abandon(self) -> None:
        """Take nothing more: the thread learns it at its next frame."""
        self._gone.set()
        self._room.release()

    def is_abandoned(self) -> bool:
        """Whether nobody takes anything any more."""
        return self._gone.is_set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield frames until the end; what comes after `abandon` is dropped."""
        while (item := await self._queue.get())[0]:
            piece, has_room = item
            if not self._gone.is_set():
                yield piece
            if has_room:
                self._room.release()

    def _put(self, piece: bytes, has_room: bool) -> None:
        self._loop.call_soon_threadsafe(self._queue.put_nowait, (piece, has_room))


class Inlet:
    """Rows from the loop to the thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES)
        self._closed = False
        self._rest = b""

    async def put(self, piece: bytes) -> None:
        """Hand a piece on, waiting while the thread is busy; drop it if the thread takes none any more."""
        if not self._closed:
            await self._queue.put(piece)

    async def end(self) -> None:
        """Say that all rows were there."""
        await self.put(b"")

    def abandon(self) -> None:
        """Say that the rest will never come."""
        self._closed = True
        self._make_room()
        self._queue.put_nowait(None)

    def close(self) -> None:
        """The thread takes nothing more; whoever waits to hand a piece on is let go."""
        self._closed = True
        self._make_room()

    def receive(self) -> bytes:
        """Return the next piece in the thread, or nothing at the end; raise `GoneError` if it never comes."""
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest
        piece = asyncio.run_coroutine_threadsafe(self._queue.get(), self._loop).result()
        if piece is None:
            raise GoneError
        return piece

    def receive_part(self, length: int) -> Iterator[bytes]:
        """Yield, in the thread, so many bytes."""
        while length:
            piece = self.receive()
            if not piece:
                raise GoneError
            self._rest = piece[length:]
            piece = piece[:length]
            length -= len(piece)
            yield piece

    def _make_room(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
