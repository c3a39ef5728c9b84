"""The trees of control groups that this machine has, and where this process stands in each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

NETWORK = "network"  # no controller of the system: programs that are attached to a group of version 2
MOUNTS, MEMBERSHIP = Path("/proc/self/mountinfo"), Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Tree:
    """A mounted tree: what it can limit, and the group of this process in it."""

    version: int
    mount: Path
    own: Path
    kinds: tuple[str, ...]

    def find(self, name: str) -> Path | None:
        """Return the group of that name, wherever it lies, or None."""
        for folder, names, _ in os.walk(self.mount):
            if name in names:
                return Path(folder, name)
        return None

    def make(self, name: str, kinds: Iterable[str]) -> Path:
        """Make a group whose children can be limited in all of `kinds`; raise `OSError` where none can be made."""
        if self.version == 1:
            return _make_group(self.own / name)
        refused: OSError | None = None
        # A group with processes in it gives no limits to groups below it, so its parents come next.
        for place in (self.own, *self.own.parents):
            if not place.is_relative_to(self.mount):
                break
            try:
                return _make_delegating_group(place, name, kinds)
            except OSError as error:
                refused = error
        raise refused or OSError(f"no place for {name}")


def list_trees() -> list[Tree]:
    """Return the trees that are mounted; those of no use to us too."""
    members = dict(_read_membership(MEMBERSHIP.read_text()))
    return [
        Tree(version, mount, _place_in(mount, root, members.get(label, "/")), kinds)
        for version, mount, root, label, kinds in _read_mounts(MOUNTS.read_text())
    ]


def _read_membership(text: str) -> Iterator[tuple[str, str]]:
    """Yield a kind of limit, or nothing for version 2, and the group of this process."""
    for line in text.splitlines():
        _, labels, path = line.split(":", 2)
        for label in labels.split(","):
            yield label, path


def _read_mounts(text: str) -> Iterator[tuple[int, Path, str, str, tuple[str, ...]]]:
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        system, _, options = after.split(" ", 2)
        mount = Path(point)
        if system == "cgroup2":
            yield 2, mount, root, "", tuple(_read_words(mount / "cgroup.controllers"))
        elif system == "cgroup":
            # Beside the kinds of limits stand others, as rw and xattr, which nobody asks for.
            kinds = tuple(options.split(","))
            label = next((kind for kind in ("memory", "pids", "cpu") if kind in kinds), "")
            if label:
                yield 1, mount, root, label, kinds


def _place_in(mount: Path, root: str, path: str) -> Path:
    """Return the folder of a group, of which the mount shows only what lies below `root`."""
    if not PurePosixPath(path).is_relative_to(root):
        return mount
    return mount / PurePosixPath(path).relative_to(root)


def _make_delegating_group(place: Path, name: str, kinds: Iterable[str]) -> Path:
    group = _make_group(place / name)
    try:
        for folder in (place, group):
            absent = set(kinds) - set(_read_words(folder / "cgroup.subtree_control"))
            for kind in sorted(absent):
                (folder / "cgroup.subtree_control").write_text(f"+{kind}")
    except OSError:
        group.rmdir()
        raise
    return group


def _make_group(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    path.chmod(0o711)  # nobody needs to see who else is at work
    return path


def _read_words(path: Path) -> list[str]:
    return path.read_text().split()
