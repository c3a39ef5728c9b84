"""Ends everything that belongs to an installation, and makes sure that nothing is left."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

from urbanlab_hub.accounts import list_accounts
from urbanlab_hub.cgroups import delete_cgroups
from urbanlab_hub.settings import Settings
from urbanlab_operate.errors import OperateError
from urbanlab_operate.local import supervisor
from urbanlab_operate.local.folders import get_installation, is_root

# What others write to ends after those who write.
LAST = ("keycloak", "kafka", "engine", "audit")
SECONDS = 14  # for everything


def end_all(settings: Settings) -> bool:
    """End all processes of the installation; return whether there were any."""
    deadline = time.monotonic() + SECONDS
    ours = find_processes(settings)
    if supervisor.is_running(settings):
        _end_supervised(settings, ours)
    ours = {*ours, *find_processes(settings)}
    _end({process for process in ours if process.is_running()}, deadline)
    if left := find_processes(settings):
        names = ", ".join(f"{process.pid}" for process in left)
        raise OperateError(f"These processes do not end: {names}")
    if is_root() and (settings.state / "installation").exists():
        delete_cgroups(get_installation(settings))
    return bool(ours)


def find_processes(settings: Settings) -> set[psutil.Process]:
    """Return all processes of the installation: the supervisor's descendants, and whatever its accounts run."""
    found: set[psutil.Process] = set()
    if supervisor.is_running(settings):
        root = psutil.Process(supervisor.get_pid(settings))
        found = {root, *root.children(recursive=True)}
    accounts = _list_account_ids(settings)
    # What the supervisor started knows its socket, also where the supervisor itself was killed.
    marker = f"unix://{supervisor.get_socket(settings)}"
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.uids().real in accounts or process.environ().get("SUPERVISOR_SERVER_URL") == marker:
                found.add(process)
    return {process for process in found if _is_alive(process)}


def _list_account_ids(settings: Settings) -> set[int]:
    if not is_root() or not (settings.state / "installation").exists():
        return set()
    return {entry.pw_uid for entry in list_accounts(get_installation(settings))}


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _end_supervised(settings: Settings, ours: Iterable[psutil.Process]) -> None:
    infos = supervisor.list_programs(settings)
    supervised = {info.pid for info in infos} | {supervisor.get_pid(settings)}
    # Users' servers are nobody's program: they are asked here, while the others end.
    _signal([process for process in ours if process.pid not in supervised], signal.SIGTERM)
    names = [info.name for info in infos]
    supervisor.stop_programs(
        settings, [name for name in names if name not in LAST], supervisor.STOP_SECONDS + 1
    )
    supervisor.stop_programs(settings, [name for name in names if name in LAST], supervisor.STOP_SECONDS + 1)
    supervisor.send_shutdown(settings)


def _end(processes: Iterable[psutil.Process], deadline: float) -> None:
    """Wait a moment, then kill until none is left: a process may have started others meanwhile."""
    _, alive = psutil.wait_procs(processes, timeout=1)
    while alive and time.monotonic() < deadline:
        _signal(alive, signal.SIGKILL)
        _, alive = psutil.wait_procs(alive, timeout=0.5)


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
