"""How much a folder takes of the disk; the hub and a person's server measure a home alike."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
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
    waiting, taken, complete = [os.fspath(folder)], 0, True
    device = os.lstat(folder).st_dev
    linked: set[int] = set()
    while waiting:
        if time.monotonic() > deadline:
            return FolderSize(taken, False)
        try:
            for path, status in _list_entries(waiting.pop()):
                if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                    if status.st_ino in linked:
                        continue
                    linked.add(status.st_ino)
                taken += status.st_blocks * BLOCK
                if stat.S_ISDIR(status.st_mode) and status.st_dev == device:
                    waiting.append(path)
        except OSError:
            complete = False
    return FolderSize(taken, complete)


def _list_entries(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # removed since it was listed
                    yield f"{folder}/{entry.name}", entry.stat(follow_symlinks=False)
    finally:
        os.close(descriptor)
