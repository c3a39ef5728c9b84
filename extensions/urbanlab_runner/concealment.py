"""Keeps the server's secrets from the notebooks that run in the same account.

Every notebook of a runner server runs in the server's own account, and that may read `/proc` of all that the
account runs: a process's environment as it was when the process began, its memory, its open files. A process
that is hidden closes all of it, except to root.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import MutableMapping
from pathlib import Path

PR_SET_DUMPABLE = 4
# Places in /proc/PID/stat, counted from the field after the command's name: proc(5), fields 50 and 51.
_ENV_START, _ENV_END = 47, 48

_libc = ctypes.CDLL(None, use_errno=True)


def hide_process() -> None:
    """Let nobody but root read this process's memory, files and environment; a program it starts is not hidden."""
    if _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the process could not be hidden")


def take_variable(environ: MutableMapping[str, str], name: str) -> str:
    """Return a variable of this process's environment, which then holds it no more; empty if there is none.

    Deleting a variable keeps it from the programs that are started, but `/proc/PID/environ` shows the memory
    that the process was started with, so the value is overwritten there too.
    """
    value = environ.pop(name, "")
    start, end = _find_environment()
    block = ctypes.string_at(start, end - start)
    for entry in _find_entries(block, os.fsencode(name) + b"="):
        value_start, value_end = entry
        ctypes.memset(start + value_start, ord("*"), value_end - value_start)
    return value


def _find_environment() -> tuple[int, int]:
    # The command's name stands in brackets and may hold anything, so count from the last bracket.
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return int(fields[_ENV_START]), int(fields[_ENV_END])


def _find_entries(block: bytes, prefix: bytes) -> list[tuple[int, int]]:
    """Return where the values of all entries with that prefix begin and end."""
    found, place = [], 0
    for entry in block.split(b"\0"):
        if entry.startswith(prefix):
            found.append((place + len(prefix), place + len(entry)))
        place += len(entry) + 1
    return found
