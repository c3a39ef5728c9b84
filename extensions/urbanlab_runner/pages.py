"""Making pages, a few at a time, and keeping them until they are fetched.

All of it lives in this process: a page made is a file without a name, which no notebook of this account can
reach, and a server that starts anew knows of none.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import shutil
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from urbanlab_runner.page_process import PageProcesses
from urbanlab_runner.store import FAILED, RUNNING, SUCCEEDED

logger = logging.getLogger(__name__)
PARALLEL_PAGES = 2
MAX_PAGES = 40  # running, waiting and kept, all together
KEEP_SECONDS = 3600.0


class TooManyPagesError(Exception):
    """No page can be begun before others have ended."""


@dataclass(frozen=True)
class PageTask:
    """What is to be made: a notebook, with values for its parameters."""

    notebook: dict[str, Any]
    parameters: dict[str, Any]
    title: str
    language: str
    seconds: float
    licence: str = ""  # on which what the page offers may be used, and whose it is
    source: str = ""


@dataclass
class PageRun:
    """How the making of a page goes; `failed_cell` counts the author's cells from 1."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    state: str = RUNNING
    error: str = ""
    failed_cell: int | None = None
    needs: tuple[str, ...] = ()
    seconds: float = 0.0
    ended_at: float = 0.0  # on the monotonic clock
    result: BinaryIO | None = None


class Pages:
    """The pages of one runner; `home` has room for working folders, `runtime` for sockets."""

    def __init__(
        self, processes: PageProcesses, home: Path, runtime: Path, keep_seconds: float = KEEP_SECONDS
    ) -> None:
        self._processes, self._runtime, self._keep_seconds = processes, runtime, keep_seconds
        self._work = home / "pages"
        self._runs: dict[str, PageRun] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(PARALLEL_PAGES)
        _delete(self._work)

    def start_page(self, task: PageTask) -> PageRun:
        """Begin a page and return its run; raise `TooManyPagesError`."""
        self._make_room()
        run = PageRun()
        self._runs[run.id] = run
        self._tasks[run.id] = asyncio.create_task(self._follow(run, task))
        self._tasks[run.id].add_done_callback(lambda _: self._tasks.pop(run.id, None))
        return run

    def find_page(self, page_id: str) -> PageRun | None:
        """Return a run, or None where there is none or it has been kept for long enough."""
        self._forget_old()
        return self._runs.get(page_id)

    async def delete_page(self, page_id: str) -> None:
        """Forget a run; end it if it is still going on."""
        self._forget(page_id)
        task = self._tasks.get(page_id)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _follow(self, run: PageRun, task: PageTask) -> None:
        async with self._turn:
            began = time.monotonic()
            folder, sockets = self._work / run.id, self._runtime / run.id[:8]
            try:
                await self._make(run, task, folder, sockets)
            except OSError:
                logger.exception("A page could not be begun")
                run.error = (
                    "the runner has no room for its work; what earlier notebooks have left may fill it"
                )
            finally:
                await asyncio.to_thread(_delete, folder, sockets)
            run.seconds, run.ended_at = round(time.monotonic() - began, 3), time.monotonic()
            run.state = FAILED if run.error else SUCCEEDED

    async def _make(self, run: PageRun, task: PageTask, folder: Path, sockets: Path) -> None:
        for each in (folder, sockets):
            each.mkdir(mode=0o700, parents=True)
        order = {**dataclasses.asdict(task), "socket": str(sockets / "k")}
        result = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - kept as long as the run is
        outcome = await self._processes.make_page(order, folder, sockets, task.seconds, result)
        run.error, run.needs = outcome.error, outcome.needs
        if run.error:
            run.failed_cell = outcome.cell
            result.close()
        else:
            run.result = result

    def _make_room(self) -> None:
        self._forget_old()
        if len(self._runs) < MAX_PAGES:
            return
        ended = [run for run in self._runs.values() if run.state != RUNNING]
        if not ended:
            raise TooManyPagesError
        self._forget(min(ended, key=lambda run: run.ended_at).id)

    def _forget_old(self) -> None:
        oldest = time.monotonic() - self._keep_seconds
        for run in list(self._runs.values()):
            if run.state != RUNNING and run.ended_at < oldest:
                self._forget(run.id)

    def _forget(self, page_id: str) -> None:
        run = self._runs.pop(page_id, None)
        if run is not None and run.result is not None:
            run.result.close()


def _delete(*folders: Path) -> None:
    # A notebook may have left anything there, also what cannot be deleted; links are not followed.
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
