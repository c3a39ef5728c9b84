"""Where there are no control groups: sums up accounts' memory, and ends the largest process of one over quota.

Between two looks an account may take more than its quota, each of its processes at most the quota.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

LOOK_SECONDS = 1.0
_MB = 2**20
logger = logging.getLogger(__name__)


@dataclass
class Watchdog:
    """Looks at the accounts of an event loop's servers; account -> bytes, and the server's own process."""

    accounts: dict[int, tuple[int, int]] = field(default_factory=dict)
    ended: dict[int, int] = field(default_factory=dict)  # account -> how many processes
    _task: asyncio.Task[None] | None = None

    def watch(self, uid: int, memory_mb: int, server: int) -> None:
        """Hold an account to its quota from now on; `server` is ended only where nothing else is left."""
        self.accounts[uid] = (memory_mb * _MB, server)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def forget(self, uid: int) -> None:
        """Look at an account no more."""
        self.accounts.pop(uid, None)
        self.ended.pop(uid, None)

    def look(self) -> None:
        """Look once."""
        # A copy: the event loop adds and forgets accounts meanwhile.
        groups: dict[int, list[psutil.Process]] = {uid: [] for uid in list(self.accounts)}
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess):
                groups.get(process.uids().real, []).append(process)
        for uid, processes in groups.items():
            memory, server = self.accounts.get(uid, (0, 0))
            if memory and (victim := find_victim(processes, memory, server)):
                with suppress(psutil.NoSuchProcess):
                    victim.kill()
                self.ended[uid] = self.ended.get(uid, 0) + 1

    async def _run(self) -> None:
        while self.accounts:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await asyncio.to_thread(self.look)
            except (OSError, psutil.Error):
                logger.exception("The memory of accounts could not be looked at")


def find_victim(processes: Iterable[psutil.Process], memory: int, server: int) -> psutil.Process | None:
    """Return the largest process, other than the server, of an account that takes more than `memory` bytes."""
    resident = _measure(processes, exactly=False)
    if sum(resident.values()) <= memory:
        return None
    # What processes share was counted several times: count it once before anything is ended.
    exact = _measure(resident, exactly=True)
    if sum(exact.values()) <= memory:
        return None
    others = {process: size for process, size in exact.items() if process.pid != server}
    return max(others or exact, key=lambda process: exact[process])


def _measure(processes: Iterable[psutil.Process], exactly: bool) -> dict[psutil.Process, int]:
    sizes: dict[psutil.Process, int] = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            sizes[process] = process.memory_full_info().pss if exactly else process.memory_info().rss
    return sizes


WATCHDOG = Watchdog()
