"""Runs named steps as soon as those they need are done, side by side, and says how long each took."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from urbanlab_operate.errors import OperateError


class StoppedError(Exception):
    """Somebody asked for the end while steps were running."""


@dataclass(frozen=True)
class Step:
    """One step: what it is called, which steps must be done before it, and what it does."""

    name: str
    needs: tuple[str, ...]
    action: Callable[[], object]


@dataclass(frozen=True)
class _Outcome:
    step: Step
    seconds: float
    error: Exception | None


class Progress:
    """Says on the console what is done and what is being waited for; on a terminal, it moves."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = Status("", console=console)
        self.seconds: dict[str, float] = {}

    def waiting(self) -> AbstractContextManager[object]:
        """Return a context in which the line of what is waited for is shown."""
        return self._status

    def show_running(self, names: Iterable[str]) -> None:
        """Show what is being waited for."""
        self._status.update(f"waiting for {', '.join(names)} …")

    def note_done(self, name: str, seconds: float) -> None:
        """Print one step and its seconds."""
        self.seconds[name] = round(seconds, 2)
        self._console.print(f"  [green]✓[/green] {escape(name):<44} {seconds:6.1f} s")

    def run(self, name: str, action: Callable[[], object]) -> None:
        """Carry out one step by itself."""
        started = time.monotonic()
        action()
        self.note_done(name, time.monotonic() - started)


def run_steps(steps: Iterable[Step], progress: Progress, stop: threading.Event) -> None:
    """Carry out all steps; raise what a step raised, or `StoppedError` once `stop` is set."""
    waiting = {step.name: step for step in steps}
    running: set[str] = set()
    done: set[str] = set()
    outcomes: queue.Queue[_Outcome] = queue.Queue()
    with progress.waiting():
        while waiting or running:
            for step in [step for step in waiting.values() if done.issuperset(step.needs)]:
                del waiting[step.name]
                running.add(step.name)
                # Not waited for when the whole is given up.
                threading.Thread(target=_carry_out, args=(step, outcomes), daemon=True).start()
            progress.show_running(sorted(running))
            outcome = _wait_for_outcome(outcomes, stop)
            if outcome.error is not None:
                raise outcome.error
            running.remove(outcome.step.name)
            done.add(outcome.step.name)
            progress.note_done(outcome.step.name, outcome.seconds)


def _carry_out(step: Step, outcomes: queue.Queue[_Outcome]) -> None:
    started = time.monotonic()
    error: Exception | None = None
    try:
        step.action()
    except Exception as raised:  # noqa: BLE001 - handed to the thread that waits, which raises it
        error = raised
    outcomes.put(_Outcome(step, time.monotonic() - started, error))


def _wait_for_outcome(outcomes: queue.Queue[_Outcome], stop: threading.Event) -> _Outcome:
    while not stop.is_set():
        try:
            return outcomes.get(timeout=0.2)
        except queue.Empty:
            continue
    raise StoppedError


def wait_until(
    find_problem: Callable[[], str | None], what: str, seconds: float, stop: threading.Event
) -> None:
    """Return once there is no problem any more; raise `OperateError` with the last one after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = 0.1
    while (problem := find_problem()) is not None:
        if time.monotonic() > deadline:
            raise OperateError(f"{what} {problem}, after {seconds:.0f} seconds")
        if stop.wait(pause):
            raise StoppedError
        pause = min(pause * 1.5, 0.5)
