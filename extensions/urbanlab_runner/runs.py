"""Starting runs and following them to their end, each in a process of its own."""

from __future__ import annotations

import asyncio
import dataclasses
import keyword
import shutil
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from urbanlab_runner.cells import find_last_cell
from urbanlab_runner.process import execute_task
from urbanlab_runner.store import FAILED, RUNNING, SUCCEEDED, Run, RunStore

TIME_LIMIT_SECONDS = 30 * 60
PARALLEL_RUNS = 2


class RunError(ValueError):
    """A run that cannot be started; the message says why and is safe to show."""


class Runs:
    """The runs of one runner."""

    def __init__(
        self,
        store: RunStore,
        notebooks: Path,
        sockets: Path,
        time_limit: float = TIME_LIMIT_SECONDS,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Run in `environ`; in this process's own environment where it is None."""
        self.environ = environ
        self.store = store
        self.notebooks = notebooks.resolve()
        self.sockets = sockets
        self.time_limit = time_limit
        self._turn = asyncio.Semaphore(PARALLEL_RUNS)
        self._tasks: set[asyncio.Task[None]] = set()

    def start_run(self, notebook: str, parameters: dict[str, Any]) -> Run:
        """Start a run of a curated notebook and return it; raise `RunError`."""
        source = self._get_source(notebook)
        check_parameters(parameters)
        run = Run(id=uuid.uuid4().hex, notebook=notebook, parameters=parameters, started=_now())
        self.store.save_run(run)
        task = asyncio.create_task(self._follow(run, source))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run

    def fail_interrupted(self) -> None:
        """Close the runs that a former server left unfinished: their processes ended with it."""
        for run in self.store.list_runs():
            if run.state == RUNNING:
                self._close(run, "the server ended during this run")

    def _get_source(self, notebook: str) -> Path:
        try:
            source = (self.notebooks / notebook).resolve()
            inside = source.is_relative_to(self.notebooks) and source.suffix == ".ipynb"
            found = inside and source.is_file()
        except (ValueError, OSError):  # a zero byte, a name too long
            found = False
        if not found:
            raise RunError(f"{notebook!r} is no curated notebook")
        return source

    async def _follow(self, run: Run, source: Path) -> None:
        async with self._turn:
            sockets = self.sockets / f"run-{run.id[:12]}"
            sockets.mkdir(mode=0o700)
            task = {
                "source": str(source),
                "output": str(self.store.get_output_path(run.id)),
                "parameters": run.parameters,
                "socket": str(sockets / "k"),
            }
            try:
                error = await execute_task(task, self.time_limit, self.environ)
            finally:
                # A kernel that was killed leaves them.
                await asyncio.to_thread(shutil.rmtree, sockets, ignore_errors=True)
            self._close(run, error)

    def _close(self, run: Run, error: str) -> None:
        ended = dataclasses.replace(run, state=FAILED if error else SUCCEEDED, ended=_now(), error=error)
        if error:
            cell = find_last_cell(self.store.get_output_path(run.id))
            ended = dataclasses.replace(ended, failed_cell=cell)
        self.store.save_run(ended)


def check_parameters(parameters: dict[str, Any]) -> None:
    """Raise `RunError` unless each name can stand on the left of an assignment in the notebook."""
    for name in parameters:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise RunError(f"{name!r} cannot name a parameter")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
