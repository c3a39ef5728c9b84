"""Work that anybody can cause and nobody shares: one piece after another, and never many that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from urbanlab_portal.errors import BusyError

MAX_WAITING = 16

Result = TypeVar("Result")


class Turns:
    """A thread of its own, so that no other visitor waits for what is done in it."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=kind)
        self._count = 0

    async def take(self, work: Callable[[], Result]) -> Result:
        """Return what `work` does once it is its turn; raise `BusyError` where too many wait."""
        if self._count > MAX_WAITING:
            raise BusyError(self._kind)
        self._count += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._count -= 1
