"""Facts about processes and listeners, read from /proc; and ending all processes of an account."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from urbanlab_hub.accounts import NOBODYS_ID

PROC = Path("/proc")
LISTENING = "0A"
# Run by a process that may signal the account's and that they may not: no code in it can stop what ends it. The
# system reaches all of its processes in one step, whatever they fork meanwhile.
_END_ALL = f"""
import os, signal, sys
os.setgroups([])
os.setresgid({NOBODYS_ID}, {NOBODYS_ID}, {NOBODYS_ID})
os.setresuid({NOBODYS_ID}, int(sys.argv[1]), {NOBODYS_ID})
os.kill(-1, signal.SIGKILL)
"""


class StillRunningError(RuntimeError):
    """Processes that outlived their end."""


@dataclass(frozen=True)
class ProcessId:
    """A process: its number and the tick at which it began, so that a number used again is another process."""

    pid: int
    began: int


@dataclass(frozen=True)
class _Status:
    pid: int
    state: str
    parent: int
    began: int


def find_process(pid: int) -> ProcessId | None:
    """Return the identity of a living process, or None where there is none or a zombie."""
    status = _read_status(pid)
    return ProcessId(pid, status.began) if status and status.state != "Z" else None


def is_alive(process: ProcessId) -> bool:
    """Return whether exactly this process lives."""
    return find_process(process.pid) == process


def list_processes(uid: int) -> list[int]:
    """Return the numbers of all living processes of an account."""
    return [status.pid for status in _read_all() if status.state != "Z" and _find_uid(status.pid) == uid]


def list_descendants(pid: int) -> list[int]:
    """Return the numbers of a process's children, their children, and so on."""
    parents = [(status.parent, status.pid) for status in _read_all()]
    found, front = [], [pid]
    while front:
        front = [child for parent, child in parents if parent in front]
        found.extend(front)
    return found


def end_processes(uid: int, seconds: float = 5) -> None:
    """End every process of an account at once, whatever it forks meanwhile; for root only."""
    if uid == 0:
        raise ValueError("root's processes are not to be ended")
    deadline = time.monotonic() + seconds
    while list_processes(uid):
        command = (sys.executable, "-I", "-S", "-c", _END_ALL, str(uid))
        subprocess.run(command, check=False, capture_output=True, env={}, cwd="/")
        if time.monotonic() > deadline:
            raise StillRunningError(f"processes of account {uid} do not end: {list_processes(uid)}")
        time.sleep(0.02)


def kill(pids: list[int]) -> None:
    """Kill processes by number; those that have ended meanwhile are fine."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def find_listener(port: int) -> int | None:
    """Return the uid of the account that listens on a TCP port of IPv4, or None."""
    text = (PROC / "net" / "tcp").read_text()
    if f":{port:04X} " not in text:  # most looks at a server that starts end here
        return None
    for line in text.splitlines()[1:]:
        fields = line.split()
        if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
            return int(fields[7])
    return None


def _read_all() -> Iterator[_Status]:
    for entry in PROC.iterdir():
        status = _read_status(int(entry.name)) if entry.name.isdigit() else None
        if status:
            yield status


def _read_status(pid: int) -> _Status | None:
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name stands in brackets and may hold anything, so count from the last bracket.
    fields = text.rpartition(")")[2].split()
    return _Status(pid=pid, state=fields[0], parent=int(fields[1]), began=int(fields[19]))


def _find_uid(pid: int) -> int | None:
    try:
        return (PROC / str(pid)).stat().st_uid
    except FileNotFoundError:
        return None
