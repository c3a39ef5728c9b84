"""What an account takes of the machine just now."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

# Version 1 and 2: the file with all memory of a group, and what of it the system takes back when it needs it.
_FILES = (("memory.usage_in_bytes", "total_inactive_file"), ("memory.current", "inactive_file"))


@dataclass(frozen=True)
class Usage:
    """Memory in bytes and the number of processes."""

    memory_bytes: int = 0
    processes: int = 0


def measure_usage(uid: int, cgroup: Path | None = None) -> Usage:
    """Return what the processes of an account take; `cgroup` is the folder that limits their memory.

    Without a group the resident memory of each process counts, so what they share counts several times.
    """
    found = _measure_group(cgroup) if cgroup else None
    return found or _measure_processes(uid)


def _measure_group(cgroup: Path) -> Usage | None:
    for name, reclaimable in _FILES:
        with suppress(OSError):
            total = int((cgroup / name).read_text())
            lines = (line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
            spare = next((int(value) for key, value in lines if key == reclaimable), 0)
            members = (cgroup / "cgroup.procs").read_text().split()
            return Usage(max(0, total - spare), len(members))
    return None


def _measure_processes(uid: int) -> Usage:
    memory = processes = 0
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess):
            if process.uids().real == uid and process.status() != psutil.STATUS_ZOMBIE:
                memory += process.memory_info().rss
                processes += 1
    return Usage(memory, processes)
