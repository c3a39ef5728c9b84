"""How much memory this process may still take, by whichever limit is nearest."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
# Kind of group -> what it allows, what it holds, and the line of memory.stat with what it could give back.
_FILES = {
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
# The first version writes "no limit" as a number beyond every machine.
_NO_LIMIT = 1 << 60


def find_room() -> int:
    """Return the bytes that this process may still take, by its limits, its groups' and the machine's."""
    import psutil

    taken = psutil.Process().memory_info()
    limits = ((resource.RLIMIT_DATA, taken.data), (resource.RLIMIT_AS, taken.vms))
    own = [resource.getrlimit(kind)[0] - used for kind, used in limits if _is_limited(kind)]
    return max(0, min([psutil.virtual_memory().available, *own, *_find_group_rooms(_OWN_GROUPS, CGROUPS)]))


def _is_limited(kind: int) -> bool:
    return resource.getrlimit(kind)[0] != resource.RLIM_INFINITY


def _find_group_rooms(own_groups: Path, mount: Path) -> Iterator[int]:
    """Yield the room of each control group around this process that has a limit."""
    try:
        lines = own_groups.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        kind = next((kind for kind in kinds.split(",") if kind in _FILES), None)
        if kind is None:
            continue
        root = mount / kind
        # In a container the path may be the outer one, of which only the end exists here.
        folder = root / path.lstrip("/")
        for group in (folder, *folder.parents) if folder.is_dir() else (root,):
            if not group.is_relative_to(root):
                break
            room = _read_room(group, *_FILES[kind])
            if room is not None:
                yield room


def _read_room(group: Path, allowed: str, held: str, idle: str) -> int | None:
    try:
        limit = (group / allowed).read_text().strip()
        if limit == "max" or int(limit) >= _NO_LIMIT:
            return None
        statistics = dict(line.split(" ", 1) for line in (group / "memory.stat").read_text().splitlines())
        # Files that nobody reads now are given back before anything is refused.
        return int(limit) - int((group / held).read_text()) + int(statistics.get(idle, 0))
    except (OSError, ValueError):
        return None
