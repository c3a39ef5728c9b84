"""A bounded part of the machine: control groups, where this process may make them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
PERIOD = 100_000  # microseconds, the kernel's own default


@contextmanager
def bounded_part(cpus: float, memory: int) -> Iterator[list[str] | None]:
    """Give what to put before a command to bound it; None where groups cannot be made."""
    groups: list[Path] = []
    try:
        for folder, values in _list_limits(cpus, memory).items():
            group = GROUPS / folder / f"urbanlab-bench-{os.getpid()}"
            group.mkdir()
            groups.append(group)
            for name, value in values.items():
                (group / name).write_text(value)
    except OSError:
        _remove(groups)
        yield None
        return
    try:
        enter = "".join(f"echo $$ > '{group}/cgroup.procs'; " for group in groups)
        yield ["sh", "-ec", f'{enter}exec "$@"', "sh"]
    finally:
        _remove(groups)


def _list_limits(cpus: float, memory: int) -> dict[str, dict[str, str]]:
    """Return folder -> file -> value, for version 2 or version 1 of control groups."""
    quota = str(int(cpus * PERIOD))
    if (GROUPS / "cgroup.controllers").exists():
        return {"": {"cpu.max": f"{quota} {PERIOD}", "memory.max": str(memory)}}
    return {
        "cpu": {"cpu.cfs_period_us": str(PERIOD), "cpu.cfs_quota_us": quota},
        "memory": {"memory.limit_in_bytes": str(memory)},
    }


def _remove(groups: list[Path]) -> None:
    """Remove groups whose processes have ended."""
    for group in groups:
        group.rmdir()
