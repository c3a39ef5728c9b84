"""Control groups: one for each user's account, so that limits hold for all that it runs together.

Version 2 is one tree; version 1 has a tree for each kind of limit, and often version 2's beside it without any.
An installation's groups lie below a parent of its own in each tree, which in turn lies where the hub was started:
limits that somebody has set for the whole installation hold for its users too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from urbanlab.contract.records import Quotas
from urbanlab_hub.cgroup_trees import NETWORK, Tree, list_trees

REQUIRED, WANTED = ("memory", "pids"), ("memory", "pids", "cpu")
CPU_PERIOD = 100_000  # microseconds
# In version 1, all users together weigh as much as so many processes beside them: by default it would be one.
USERS_WEIGHT = str(8 * 1024)
REMOVE_SECONDS = 2.0  # the last process leaves its group a moment after it has ended
# Installation -> its parents: searching all groups of the machine for each server would hold up the hub's start.
_found: dict[str, Cgroups] = {}


@dataclass(frozen=True)
class Events:
    """What the limits did to a group so far: processes killed for memory, processes that could not be started."""

    kills: int = 0
    refusals: int = 0


@dataclass(frozen=True)
class Group:
    """The groups of one account: kind of limit -> folder, which is the same for several in version 2."""

    version: int
    folders: Mapping[str, Path]

    def set_limits(self, quotas: Quotas) -> None:
        """Let the account have no more than this; raise `OSError` where it holds more memory already."""
        for kind, files in make_limits(self.version, quotas).items():
            for name, value in files if kind in self.folders else ():
                path = self.folders[kind] / name
                if path.exists():  # swap is counted only where the machine counts it
                    path.write_text(value)

    def open_doors(self) -> list[int]:
        """Return a descriptor for each folder: a process that writes 0 to all of them is in the group."""
        doors: list[int] = []
        try:
            for folder in sorted(set(self.folders.values())):
                doors.append(os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC))
        except OSError:
            close_doors(doors)
            raise
        return doors

    def exists(self) -> bool:
        """Return whether all folders are there."""
        return all(folder.is_dir() for folder in self.folders.values())

    def read_events(self) -> Events:
        """Return what the limits did so far; nothing where the group is gone."""
        memory = "memory.oom_control" if self.version == 1 else "memory.events"
        return Events(
            kills=_read_count(self.folders["memory"] / memory, "oom_kill"),
            refusals=_read_count(self.folders["pids"] / "pids.events", "max"),
        )

    def delete(self) -> None:
        """Remove the folders once their last process has left; one that is absent is fine."""
        deadline = time.monotonic() + REMOVE_SECONDS
        for folder in set(self.folders.values()):
            while not _remove(folder) and time.monotonic() < deadline:
                time.sleep(0.01)


@dataclass(frozen=True)
class Cgroups:
    """The parents of an installation's groups: kind of limit -> folder."""

    version: int
    parents: Mapping[str, Path]

    @property
    def kind(self) -> str:
        """The name of the mechanism, for people."""
        return f"cgroups v{self.version}"

    def get_group(self, account: str) -> Group:
        """Return the group of an account, whether it exists or not."""
        return Group(self.version, {kind: parent / account for kind, parent in self.parents.items()})

    def ensure_group(self, account: str, quotas: Quotas) -> Group:
        """Make the group of an account and set its limits."""
        group = self.get_group(account)
        for folder in group.folders.values():
            folder.parent.mkdir(mode=0o711, exist_ok=True)
            folder.mkdir(exist_ok=True)
        group.set_limits(quotas)
        return group


def make_limits(version: int, quotas: Quotas) -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Return kind of limit -> the files that are written, in this order, and what is written to them."""
    memory, cpu = str(quotas.memory_mb * 2**20), str(int(quotas.cpus * CPU_PERIOD))
    processes = ("pids.max", str(quotas.processes))
    if version == 2:
        return {
            "memory": (("memory.max", memory), ("memory.swap.max", "0")),
            "pids": (processes,),
            "cpu": (("cpu.max", f"{cpu} {CPU_PERIOD}"),),
        }
    return {
        # Memory with swap is never allowed to be less than memory, not even between two writes.
        "memory": (
            ("memory.memsw.limit_in_bytes", "-1"),
            ("memory.limit_in_bytes", memory),
            ("memory.memsw.limit_in_bytes", memory),
        ),
        "pids": (processes,),
        "cpu": (("cpu.cfs_period_us", str(CPU_PERIOD)), ("cpu.cfs_quota_us", cpu)),
    }


def ensure_cgroups(installation: str) -> Cgroups | None:
    """Make the parents of an installation's groups; return None where the machine lets us make none."""
    return find_cgroups(installation) or _make_cgroups(installation)


def find_cgroups(installation: str) -> Cgroups | None:
    """Return the parents of an installation's groups where they exist, or None."""
    known = _found.get(installation)
    if known is None or not all(parent.is_dir() for parent in known.parents.values()):
        known = _search_cgroups(installation)
    if known is not None:
        _found[installation] = known
    return known


def _search_cgroups(installation: str) -> Cgroups | None:
    for version, trees in _list_choices():
        parents = {kind: tree.find(make_parent_name(installation)) for kind, tree in trees.items()}
        found = {kind: parent for kind, parent in parents.items() if parent is not None}
        if all(kind in found for kind in REQUIRED):
            return Cgroups(version, found)
    return None


def delete_cgroups(installation: str) -> None:
    """Remove all groups of an installation; those in which something runs stay."""
    for tree in list_trees():
        parent = tree.find(make_parent_name(installation))
        for folder in (*(parent.iterdir() if parent else ()), parent):
            if folder is not None and folder.is_dir():
                _remove(folder)


def close_doors(doors: list[int]) -> None:
    """Close the descriptors of `Group.open_doors`."""
    while doors:
        os.close(doors.pop())


def make_parent_name(installation: str) -> str:
    """Return the name of the parent in each tree."""
    return f"urbanlab-{installation}"


def _make_cgroups(installation: str) -> Cgroups | None:
    for version, trees in _list_choices():
        made: dict[str, Path] = {}
        for kind, tree in trees.items():
            # The tree of version 2 has several kinds of limits and one parent for all of them.
            kinds = [other for other in WANTED if trees.get(other) is tree]
            with suppress(OSError):
                made[kind] = tree.make(make_parent_name(installation), kinds)
                if (version, kind) == (1, "cpu"):
                    (made[kind] / "cpu.shares").write_text(USERS_WEIGHT)
        if all(kind in made for kind in REQUIRED):
            return Cgroups(version, made)
        for parent in made.values():
            _remove(parent)
    return None


def _list_choices() -> Iterator[tuple[int, Mapping[str, Tree]]]:
    """Yield version and kind of limit -> tree, the better one first; both may serve for what limits the network."""
    trees = list_trees()
    unified = [tree for tree in trees if tree.version == 2]
    network = {NETWORK: unified[0]} if unified else {}
    for version in (2, 1):
        owners = {
            kind: tree for tree in trees if tree.version == version for kind in WANTED if kind in tree.kinds
        }
        if all(kind in owners for kind in REQUIRED):
            yield version, {**owners, **network}


def _read_count(path: Path, name: str) -> int:
    with suppress(OSError):
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0


def _remove(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
