"""What the hub looks at while a server runs: what it may still read, and whether its home keeps growing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from urbanlab.contract.folder_size import measure_folder

logger = logging.getLogger(__name__)

MB = 1024 * 1024
# Beyond this share of its limit a home that still grows ends its server: its owner then makes room, without code.
OVERFULL = 1.2
HOME_SECONDS = 60.0
SHARE = 20  # measuring takes at most a twentieth of the time
# Of their own: whoever fills a home with millions of files holds up no start of another's server.
_threads = ThreadPoolExecutor(2, thread_name_prefix="homes")


class HomeGrowth:
    """How a home grows while a server runs."""

    def __init__(self) -> None:
        self.taken: int | None = None  # at the last look, in bytes
        self._least: int | None = None
        self._due = float("-inf")

    async def is_too_large(self, home: Path, limit_mb: int) -> bool:
        """Return whether the home is far beyond its limit and has grown since the server runs; cheap in between."""
        began = time.monotonic()
        if began < self._due:
            return False
        try:
            measuring = asyncio.get_running_loop().run_in_executor(_threads, measure_folder, home)
            taken = (await measuring).taken
        except FileNotFoundError:
            return False
        self.taken, self._least = taken, min(taken, taken if self._least is None else self._least)
        self._due = began + max(HOME_SECONDS, SHARE * (time.monotonic() - began))
        # Who makes room writes a little too: what is known about each file in the trash.
        return self._least + MB < taken > OVERFULL * limit_mb * MB


class ServerWatch:
    """Looks after one server; `end` ends it."""

    def __init__(self, owner: str, end: Callable[[], Awaitable[None]]) -> None:
        self._owner, self._end = owner, end
        self._growth = HomeGrowth()
        self._pid = 0
        self._looking: asyncio.Task[None] | None = None

    @property
    def home_bytes(self) -> int | None:
        """What the home took at the last look, or None before it."""
        return self._growth.taken

    def look(self, pid: int, groups: Collection[int], home: Path, limit_mb: int) -> None:
        """Begin to look, unless that goes on; a server with more than `groups` ends, and one whose home bursts."""
        if pid != self._pid:
            self._pid, self._growth = pid, HomeGrowth()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(pid, groups, home, limit_mb))

    async def _look(self, pid: int, groups: Collection[int], home: Path, limit_mb: int) -> None:
        if read_groups(pid) - set(groups):
            reason = "the person's roles have changed"
        elif limit_mb and await self._growth.is_too_large(home, limit_mb):
            reason = "the home is far too large and grows"
        else:
            return
        logger.warning("The server of %s ends: %s", self._owner, reason)
        await self._end()


def read_groups(pid: int) -> set[int]:
    """Return the groups that a process has besides its own; none where it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("Groups:"):
                return {int(number) for number in line.split()[1:]}
    return set()
