"""Bounded pipes between the event loop and the thread of one statement: a slow side makes the other wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

from urbanlab_services.warehouse.engine.runner import GoneError

PIECES = 3  # that wait on either side


class Outlet:
    """Rows from the thread to the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[memoryview | bytes | None] = asyncio.Queue(PIECES)
        self._gone = threading.Event()

    def send(self, piece: memoryview | bytes) -> None:
        """Hand a piece on from the thread; raise `GoneError` if nobody takes it any more."""
        if self._gone.is_set():
            raise GoneError
        if len(piece):
            asyncio.run_coroutine_threadsafe(self._queue.put(piece), self._loop).result()

    def end(self) -> None:
        """Say from the thread that nothing more comes."""
        asyncio.run_coroutine_threadsafe(self._queue.put(None), self._loop).result()

    def abandon(self) -> None:
        """Take nothing more: the thread learns it at its next piece."""
        self._gone.set()

    def is_abandoned(self) -> bool:
        """Whether nobody takes anything any more."""
        return self._gone.is_set()

    async def pieces(self) -> AsyncIterator[memoryview | bytes]:
        """Yield the pieces until the end; what comes after `abandon` is dropped."""
        while (piece := await self._queue.get()) is not None:
            if not self._gone.is_set():
                yield piece


class Inlet:
    """Rows from the loop to the thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES)
        self._closed = False

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
        piece = asyncio.run_coroutine_threadsafe(self._queue.get(), self._loop).result()
        if piece is None:
            raise GoneError
        return piece

    def _make_room(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
