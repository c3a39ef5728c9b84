"""The body of a request on its way in: the client sends no faster than the statement takes it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from urbanlab_services.warehouse.errors import TOO_MANY_QUERIES, WarehouseError

PIECES = 4
# What a refused request may still send before the connection is closed on it.
MAX_DROPPED_BYTES = 64 << 20
MOST_READING = 128  # requests of one account whose statement has not come in yet


class DroppedTooMuchError(Exception):
    """The client goes on sending what nobody takes."""


class Intake:
    """A bounded queue with an end."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(PIECES)
        self._is_closed = False
        self._dropped = 0

    async def put(self, piece: bytes) -> None:
        """Hand a piece on; once closed, drop it, and raise `DroppedTooMuchError` when that becomes too much."""
        if not self._is_closed:
            await self._queue.put(piece)
            return
        self._dropped += len(piece)
        if self._dropped > MAX_DROPPED_BYTES:
            raise DroppedTooMuchError

    async def end(self) -> None:
        """Say that all has been put."""
        if not self._is_closed:
            await self._queue.put(b"")

    def close(self) -> None:
        """Take nothing more."""
        self._is_closed = True
        while not self._queue.empty():
            self._queue.get_nowait()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the pieces to the end."""
        while piece := await self._queue.get():
            yield piece


class Readings:
    """Counts the requests whose statement still comes in: they hold no place, and need a limit of their own."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    @contextmanager
    def counted(self, subject: str) -> Iterator[None]:
        """Read the request of an account; raise `WarehouseError` where too many of its own are being read."""
        if self._counts[subject] >= MOST_READING:
            raise WarehouseError(
                TOO_MANY_QUERIES,
                f"You are sending {MOST_READING} statements already, and none of these has come in; "
                "wait until some have",
            )
        self._counts[subject] += 1
        try:
            yield
        finally:
            self._counts[subject] -= 1
            if not self._counts[subject]:
                del self._counts[subject]
