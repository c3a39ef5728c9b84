"""What a user's server may not do from its first instruction on: limits, no new privileges, no core files."""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PR_SET_NO_NEW_PRIVS = 38
NICENESS = 5  # users' computations give way to the platform

_libc = ctypes.CDLL(None, use_errno=True)


def make_confinement(memory_mb: int, processes: int | None, log: Path) -> Callable[[], None]:
    """Return what the new process runs in its own account, before the server's program starts.

    Memory is limited as writable private memory: limiting the address space would break libraries that
    reserve much and use little. Processes are counted over the whole account, so None where it is shared.
    `log` is made anew by the account itself: it lies where its owner may put links, pipes and folders.
    """
    memory = memory_mb * 1024 * 1024

    def confine() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        if processes is not None:
            resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
        os.nice(NICENESS)
        if _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "no_new_privs was refused")
        descriptor = _open_log(log)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)

    return confine


def _open_log(log: Path) -> int:
    """Return a new file, or nowhere: opening what is there already could wait for ever, and the hub with it."""
    try:
        with suppress(FileNotFoundError):
            log.unlink()
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)
