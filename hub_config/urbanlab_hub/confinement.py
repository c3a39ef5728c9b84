"""What a user's server may not do from its first instruction on: group, limits, and rights that it gives up."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from urbanlab.contract.records import Quotas
from urbanlab_hub.landlock import restrict_self
from urbanlab_hub.system_calls import set_process_option

PR_SET_NO_NEW_PRIVS = 38
NICENESS = 5  # users' computations give way to the platform
SACRIFICE = b"500"  # and where the whole machine is out of memory, they go first
LEAST_FILE_MB = 100  # that one file may have: more than a page that is published, also where homes are small
_MB = 2**20


@dataclass
class Confinement:
    """What the new process runs in its own account, before the server's program starts.

    `processes` is counted over the whole account, so it is None where that is shared. `log` is made anew by the
    account itself: it lies where its owner may put links, pipes and folders. `doors` of control groups and the
    `ruleset` of Landlock are descriptors that were opened by whoever starts the process, who closes them.
    """

    quotas: Quotas
    processes: int | None
    log: Path
    doors: list[int] = field(default_factory=list)
    ruleset: int | None = None

    def __call__(self) -> None:
        """Confine this process. It was forked from the hub: nothing here may wait for one of its threads."""
        for door in self.doors:
            os.write(door, b"0")
        os.nice(NICENESS)
        _write_sacrifice()
        set_process_option(PR_SET_NO_NEW_PRIVS, 1)
        if self.ruleset is not None:
            restrict_self(self.ruleset)
        descriptor = _open_log(self.log)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        # Last: the hub may have more files open and more memory than the server is allowed.
        self._set_limits()

    def __enter__(self) -> Confinement:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for descriptor in (*self.doors, *(() if self.ruleset is None else (self.ruleset,))):
            os.close(descriptor)
        self.doors, self.ruleset = [], None

    def _set_limits(self) -> None:
        """Limit each process alone; what all take together is limited by the group or watched over."""
        # Writable private memory: with a limited address space, libraries break that reserve much and use little.
        memory = self.quotas.memory_mb * _MB
        _limit(resource.RLIMIT_DATA, memory)
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_NOFILE, self.quotas.open_files)
        _limit(resource.RLIMIT_FSIZE, max(self.quotas.home_mb, LEAST_FILE_MB) * _MB)
        if self.processes is not None:
            _limit(resource.RLIMIT_NPROC, self.processes)


def _limit(kind: int, value: int) -> None:
    # Who is not root may lower what the system allows, never raise it.
    allowed = resource.getrlimit(kind)[1]
    if os.geteuid() != 0 and allowed != resource.RLIM_INFINITY:
        value = min(value, allowed)
    resource.setrlimit(kind, (value, value))


def _write_sacrifice() -> None:
    with suppress(OSError):  # somebody may have chosen to sacrifice even more
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        try:
            os.write(descriptor, SACRIFICE)
        finally:
            os.close(descriptor)


def _open_log(log: Path) -> int:
    """Return a new file, or nowhere: opening what is there already could wait for ever, and the hub with it."""
    try:
        with suppress(FileNotFoundError):
            log.unlink()
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)
