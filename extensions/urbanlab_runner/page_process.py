"""The process of a page, seen from the server: it is handed a task, followed, and ended with all it started."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from urbanlab.contract.environment import TIME_ZONE
from urbanlab_runner.families import Children, StillRunningError, end_descendants

logger = logging.getLogger(__name__)
MAX_PAGE_BYTES = 64_000_000
_CHUNK = 1_000_000
_COMMAND = (sys.executable, "-P", "-s", "-m", "urbanlab_runner.page_execute")


@dataclass
class Outcome:
    """How far a page came: an empty `error` is success."""

    error: str = "the run ended early"
    needs: tuple[str, ...] = ()
    cell: int | None = None


@dataclass(frozen=True)
class PageProcesses:
    """Starts the processes of pages, in this environment; `children` knows what this server has started."""

    environ: Mapping[str, str]
    children: Children
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def make_page(
        self, task: dict[str, Any], folder: Path, runtime: Path, time_limit: float, result: BinaryIO
    ) -> Outcome:
        """Make a page within `time_limit` seconds, in these folders of its own; the ZIP goes to `result`."""
        outcome, began = Outcome(), time.time()
        process = await self._start(folder, runtime)
        try:
            zoned = {**task, "time_zone": self.environ.get(TIME_ZONE, "UTC")}
            await asyncio.wait_for(_follow(process, zoned, outcome, result), time_limit)
        except TimeoutError:
            outcome.error = f"the run was still going on after {time_limit:g} s and was ended"
        except (ValueError, KeyError, TypeError, EOFError):
            outcome.error = "the run was ended from within the notebook, or used more memory than it is given"
        finally:
            await self._end(process, began)
        return outcome

    async def _start(self, folder: Path, runtime: Path) -> Process:
        # A process that is not noted yet must not be taken for one that a notebook has left behind.
        async with self._starting:
            process = await asyncio.create_subprocess_exec(
                *_COMMAND,
                stdin=PIPE,
                stdout=PIPE,
                cwd=folder,
                env={**self.environ, "HOME": str(folder), "JUPYTER_RUNTIME_DIR": str(runtime)},
                start_new_session=True,
            )
            self.children.add(process.pid)
            return process

    async def _end(self, process: Process, began: float) -> None:
        try:
            if process.returncode is None:
                await asyncio.to_thread(end_descendants, process.pid)
                with suppress(ProcessLookupError):
                    process.kill()
            await process.wait()
            await self.end_strays(began, process.pid)
        except StillRunningError:
            logger.exception("A run could not be ended wholly")

    async def end_strays(self, since: float, ended: int | None = None) -> None:
        """Kill what was begun after `since` and left behind; `ended` is a process of a page that has ended."""
        async with self._starting:
            if ended is not None:
                self.children.remove(ended)
            self.children.end_strays(since)


async def _follow(process: Process, task: dict[str, Any], outcome: Outcome, result: BinaryIO) -> None:
    assert process.stdin is not None and process.stdout is not None
    # One that ended at once tells nothing, which is what counts.
    with suppress(ConnectionError):
        process.stdin.write(json.dumps(task).encode() + b"\n")
        await process.stdin.drain()
    while "error" not in (told := json.loads(await process.stdout.readline())):
        outcome.cell = None if told["cell"] is None else int(told["cell"])
    await _receive(process.stdout, int(told["size"]), result)
    outcome.error, outcome.needs = str(told["error"]), tuple(map(str, told["needs"]))


async def _receive(pipe: asyncio.StreamReader, size: int, result: BinaryIO) -> None:
    if size > MAX_PAGE_BYTES:
        raise ValueError("the page is too large")
    while size > 0:
        content = await pipe.read(min(size, _CHUNK))
        if not content:
            raise EOFError
        result.write(content)
        size -= len(content)
