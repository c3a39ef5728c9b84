"""Fair shares of the processors: a statement that takes long steps back behind the short ones.

The system gives a thread the less the nicer it is. Threads are shared by all statements, so each gets back what it
had; where this process may not do that, no thread is made nice in the first place.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from chdb._exceptions import ChdbError

from urbanlab_services.warehouse.wire import Job

logger = logging.getLogger(__name__)

LONG_SECONDS = 0.4  # from then on a statement counts as long
PAUSE_SECONDS = 0.2
NICEST = 19
FIRST = 8  # of the only long statement of a tenant
STEP = 1.25  # what one degree of niceness is worth to the system
_TAG = "Settings['log_comment']"
_QUESTION = f"SELECT {_TAG}, thread_ids FROM system.processes WHERE has({{tags}}, {_TAG})"  # noqa: S608


class Shares:
    """Looks now and then at what runs long; the more of them a tenant has, the less each gets."""

    def __init__(self, ask: Callable[[str], Awaitable[list[list[Any]]]]) -> None:
        """`ask` gives the rows of a question of the engine's own."""
        self._ask = ask
        self._started: dict[str, tuple[float, str]] = {}  # tag -> since when, for which tenant
        self._nice: dict[int, tuple[int, str]] = {}  # thread -> how nice it is, for which tag

    @contextmanager
    def counted(self, job: Job) -> Iterator[None]:
        """Know of a statement while it runs."""
        self._started[job.tag] = time.monotonic(), job.profile
        try:
            yield
        finally:
            del self._started[job.tag]
            self._apply({thread: nice for thread, nice in self._nice.items() if nice[1] != job.tag})

    async def keep(self) -> None:
        """Look again and again; return at once where that would be of no use."""
        if not await asyncio.to_thread(can_take_back):
            logger.warning("no fair shares: this account may not give threads their priority back")
            return
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            with suppress(ChdbError):  # the database is being opened again
                await self._look()

    async def _look(self) -> None:
        begun = time.monotonic() - LONG_SECONDS
        long = {tag: tenant for tag, (since, tenant) in self._started.items() if since < begun}
        if not long:
            self._apply({})
            return
        niceness = choose_niceness(long)
        tags = ", ".join(f"'{tag}'" for tag in long)
        rows = await self._ask(_QUESTION.format(tags=f"[{tags}]"))
        # Meanwhile some may have ended, and their threads work for others.
        running = [(tag, threads) for tag, threads in rows if tag in self._started]
        self._apply({int(thread): (niceness[tag], tag) for tag, threads in running for thread in threads})

    def _apply(self, wanted: Mapping[int, tuple[int, str]]) -> None:
        for thread in self._nice.keys() - wanted.keys():
            _set_niceness(thread, 0)
        for thread, (niceness, _) in wanted.items():
            if self._nice.get(thread, (0, ""))[0] != niceness:
                _set_niceness(thread, niceness)
        self._nice = dict(wanted)


def choose_niceness(tenants: Mapping[str, str]) -> dict[str, int]:
    """Return how nice the threads of each long statement are, so that each tenant gets as much with all of its own.

    `tenants` has the tenant of each statement's tag.
    """
    counts = Counter(tenants.values())
    return {
        tag: min(NICEST, FIRST + round(math.log(counts[tenant], STEP))) for tag, tenant in tenants.items()
    }


def can_take_back() -> bool:
    """Whether this process may give a thread of its own the priority back that it took from it."""
    found: list[bool] = []

    def probe() -> None:
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, 1)
        try:
            os.setpriority(os.PRIO_PROCESS, thread, 0)
        except PermissionError:
            found.append(False)
        else:
            found.append(True)

    probing = threading.Thread(target=probe)  # a thread of its own, since this one might stay nice
    probing.start()
    probing.join()
    return found == [True]


def _set_niceness(thread: int, niceness: int) -> None:
    with suppress(ProcessLookupError):  # it has ended
        os.setpriority(os.PRIO_PROCESS, thread, niceness)
