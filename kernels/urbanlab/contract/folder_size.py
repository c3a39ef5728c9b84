"""How much a folder takes of the disk; the hub and a person's server measure a home alike."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

BLOCK = 512  # bytes in which stat(2) counts
# What the files of a home may be measured in, whatever somebody put there.
SECONDS = 30.0


@dataclass(frozen=True)
class FolderSize:
    """Bytes on the disk, and whether that is all: what cannot be entered, and what took too long, is not in it."""

    taken: int
    complete: bool


def measure_folder(folder: Path, seconds: float = SECONDS) -> FolderSize:
    """Return what the files below a folder take; no link is followed and no other file system entered."""
    deadline = time.monotonic() + seconds
    taken, complete = 0, True
    linked: set[int] = set()
    with closing(walk_folder(folder)) as found:
        for status in found:
            if time.monotonic() > deadline:
                return FolderSize(taken, False)
            if status is None:
                complete = False
                continue
            if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                if status.st_ino in linked:
                    continue
                linked.add(status.st_ino)
            taken += status.st_blocks * BLOCK
    return FolderSize(taken, complete)


def walk_folder(folder: Path) -> Generator[os.stat_result | None, None, None]:
    """Yield the status of everything below a folder, and None for a folder that cannot be entered.

    Raises `FileNotFoundError` where the folder itself is not there.
    """
    top = os.lstat(folder)
    waiting = [(os.fspath(folder), top)]
    while waiting:
        path, status = waiting.pop()
        try:
            for name, inner in _list_entries(path, status):
                if stat.S_ISDIR(inner.st_mode) and inner.st_dev == top.st_dev:
                    waiting.append((f"{path}/{name}", inner))
                yield inner
        except OSError:
            yield None


def _list_entries(folder: str, expected: os.stat_result) -> Iterator[tuple[str, os.stat_result]]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        # The home's owner may have put a link in the middle of the path since this folder was listed.
        if not os.path.samestat(os.fstat(descriptor), expected):
            raise FileNotFoundError(errno.ENOENT, "the folder is another now", folder)
        with os.scandir(descriptor) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # removed since it was listed
                    yield entry.name, entry.stat(follow_symlinks=False)
    finally:
        os.close(descriptor)
