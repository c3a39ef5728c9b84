"""Files that a reader never sees half of, and that are there after a crash once the call has returned."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DRAFT = ".draft"  # the ending of what is not whole yet


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file beside its place and put it there at once."""
    draft = path.with_name(f".{uuid.uuid4().hex}{DRAFT}")
    try:
        with draft.open("xb") as file:
            os.fchmod(file.fileno(), mode)  # before there is anything to read
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def remove_whole(path: Path) -> bool:
    """Remove a file for good; return whether there was one."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    _sync_folder(path.parent)
    return True


@contextmanager
def opened_folder(path: Path) -> Iterator[int]:
    """Give a folder as a descriptor, by which what lies in it is named; raise `OSError` for a link in its place."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    # A new name in a folder is on disk once the folder is.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
