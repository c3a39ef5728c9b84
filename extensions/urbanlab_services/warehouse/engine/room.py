"""How much the databases hold on the disk, measured; what would let one grow beyond its limit is ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from chdb._exceptions import ChdbError

from urbanlab_services.warehouse.limits import make_full
from urbanlab_services.warehouse.wire import Job

MEGABYTE = 1_000_000
PAUSE_SECONDS = 0.5  # between two looks while a statement writes
_QUESTION = (
    "SELECT database, toUInt32(sum(bytes_on_disk) / 1e5) FROM system.parts WHERE active GROUP BY database"
)


@dataclass
class Watch:
    """What became of one statement: `error` is said instead of its own end, if there is one."""

    error: str | None = None


class Room:
    """Measures all databases in one question, at most twice a second for everybody together."""

    def __init__(
        self,
        ask: Callable[[str], Awaitable[list[list[Any]]]],
        kill: Callable[[str], Awaitable[None]],
    ) -> None:
        """`ask` gives the rows of a question, `kill` ends the statement with a tag."""
        self._ask, self._kill = ask, kill
        self._used_mb: dict[str, float] = {}
        self._measured_at = float("-inf")
        self._measuring = asyncio.Lock()

    @asynccontextmanager
    async def watched(self, job: Job) -> AsyncIterator[Watch]:
        """Watch a statement that fills a database; where there is no room to begin with, it is not to begin."""
        watch = Watch(await self._find_problem(job))
        if not job.room_mb or watch.error is not None:
            yield watch
            return
        watching = asyncio.create_task(self._look_again(job, watch))
        try:
            yield watch
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            self._measured_at = float("-inf")  # what it wrote counts for the next one

    async def _look_again(self, job: Job, watch: Watch) -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            with suppress(ChdbError):  # whatever it was, the statement goes on writing
                watch.error = watch.error or await self._find_problem(job)
            if watch.error is not None:
                # Again and again: one that waits for its next rows cannot be killed yet.
                await self._kill(job.tag)

    async def _find_problem(self, job: Job) -> str | None:
        if not job.room_mb:
            return None
        used = (await self._measure(PAUSE_SECONDS / 2)).get(job.fills, 0.0)
        if used >= job.room_mb:  # somebody may just have made room
            used = (await self._measure(0.0)).get(job.fills, 0.0)
        return make_full(job.fills, used, job.room_mb) if used >= job.room_mb else None

    async def _measure(self, max_age: float) -> dict[str, float]:
        async with self._measuring:
            if time.monotonic() - self._measured_at > max_age:
                self._used_mb = {name: tenths / 10 for name, tenths in await self._ask(_QUESTION)}
                self._measured_at = time.monotonic()
        return self._used_mb
