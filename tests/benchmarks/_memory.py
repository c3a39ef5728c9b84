"""Memory of processes: what is shared is counted once, divided among those who share it (PSS)."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from urbanlab_hub.settings import Settings
from urbanlab_operate.local import supervisor


def measure_parts(settings: Settings) -> dict[str, int]:
    """Return part -> bytes of its process and what it started itself; users' servers are not the hub's."""
    parts = {"supervisor": [psutil.Process(supervisor.get_pid(settings))]}
    for info in supervisor.list_programs(settings):
        process = psutil.Process(info.pid)
        parts[info.name] = [process] if info.name == "hub" else [process, *process.children(recursive=True)]
    return {name: measure_memory(processes) for name, processes in parts.items()}


def measure_memory(processes: Iterable[psutil.Process]) -> int:
    """Return the bytes that the processes take together."""
    return sum(process.memory_full_info().pss for process in processes)
