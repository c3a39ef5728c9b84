"""Ends everything that a run has started, also what has left its session and its parent.

A run's process is a *subreaper*: whatever it or its kernel starts stays its descendant, however often it forks
and whatever it does to its session. Where a notebook kills that very process, its descendants become children of
the server, which knows what it has started itself.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import psutil

PR_SET_CHILD_SUBREAPER = 36
END_SECONDS = 5.0
PAUSE_SECONDS = 0.02
QUIET_LISTS = 2

_libc = ctypes.CDLL(None, use_errno=True)


class StillRunningError(RuntimeError):
    """Processes that outlived their end."""


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    if _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the process could not become a subreaper")


def end_descendants(pid: int) -> None:
    """Kill all that descends from a process that is itself left alive; raise `StillRunningError`."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        _end(lambda: process.children(recursive=True))


def end_own_descendants() -> None:
    """Kill all that descends from this process."""
    end_descendants(os.getpid())


class Children:
    """The children that this server has started itself; all others it has inherited from a run."""

    def __init__(self) -> None:
        self._started: set[int] = set()
        self._keepers: list[Callable[[], Iterable[int]]] = []

    def keep(self, list_pids: Callable[[], Iterable[int]]) -> None:
        """Count also what `list_pids` returns as started by this server, such as its live kernels."""
        self._keepers.append(list_pids)

    def add(self, pid: int) -> None:
        """Note a child that was started."""
        self._started.add(pid)

    def remove(self, pid: int) -> None:
        """Forget a child that has ended."""
        self._started.discard(pid)

    def end_strays(self, since: float) -> None:
        """Kill the children begun after `since` that nobody here has started, with all that descends from them."""
        _end(lambda: self._list_strays(since))

    def _list_strays(self, since: float) -> list[psutil.Process]:
        kept = self._started.union(*(list_pids() for list_pids in self._keepers))
        found = []
        for child in psutil.Process().children():
            with suppress(psutil.NoSuchProcess):
                if child.pid not in kept and child.create_time() >= since and not _reap(child):
                    found += [child, *child.children(recursive=True)]
        return found


def _end(list_processes: Callable[[], list[psutil.Process]]) -> None:
    deadline, quiet = time.monotonic() + END_SECONDS, 0
    # A list is not made in one instant: what gets a new parent meanwhile may be missing from it, but not twice.
    while quiet < QUIET_LISTS:
        living = [process for process in list_processes() if _is_alive(process)]
        quiet = 0 if living else quiet + 1
        # Stopped first, so that none forks while the others are killed.
        for act in (psutil.Process.suspend, psutil.Process.kill):
            for process in living:
                with suppress(psutil.NoSuchProcess):
                    act(process)
        if living and time.monotonic() > deadline:
            raise StillRunningError(f"processes do not end: {[process.pid for process in living]}")
        time.sleep(PAUSE_SECONDS)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _reap(child: psutil.Process) -> bool:
    """Return whether an inherited child had ended; it is then gone for good."""
    with suppress(ChildProcessError):
        return os.waitpid(child.pid, os.WNOHANG)[0] == child.pid
    return False
