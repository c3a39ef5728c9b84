"""The servers of a tenant: whose, for how long, and how much memory they take."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psutil

from urbanlab.contract import naming
from urbanlab_hub.instants import read_instant
from urbanlab_hub.processes import list_descendants
from urbanlab_hub.usage import Usage, measure_usage

RUNS, STARTS, STOPS = "runs", "starts", "stops"


@dataclass(frozen=True)
class Server:
    """A server; `owner` is its hub user's person as addresses have it, `name` as people know it.

    `started` tells it from one that its owner may start later.
    """

    owner: str
    name: str
    is_runner: bool
    state: str
    started: str
    age: timedelta | None
    usage: Usage | None = None
    home_bytes: int | None = None

    @property
    def can_stop(self) -> bool:
        """Whether stopping it makes sense now."""
        return self.state == RUNS


def list_servers(users: Iterable[Any], now: datetime) -> list[tuple[Server, Any]]:
    """Return the servers of hub users of one tenant, each with its spawner; those of people first, by name."""
    # Asking a user without a server for its spawner would make one.
    active = [(make_server(user, now), user.spawner) for user in users if user.active and user.spawner.active]
    return sorted(active, key=lambda each: (each[0].is_runner, each[0].name))


def make_server(user: Any, now: datetime) -> Server:
    """Return what the hub says of a user's server."""
    person, _ = naming.split_hub_user(user.name)
    started = user.spawner.orm_spawner.started
    return Server(
        owner=user.name.rpartition("@")[0],
        name=person,
        is_runner=person in naming.SERVICE_PERSONS,
        state=_find_state(user.spawner.pending),
        started=started.isoformat() if started else "",
        age=max(timedelta(), now - read_instant(started)) if started else None,
    )


def measure_servers(found: Iterable[tuple[Server, Any]]) -> list[Server]:
    """Return the servers with what each takes of the machine; waits for the system, so in a thread."""
    return [
        dataclasses.replace(server, usage=_measure(spawner), home_bytes=_find_home_bytes(spawner))
        for server, spawner in found
    ]


def _find_state(pending: str | None) -> str:
    if not pending:
        return RUNS
    return STOPS if pending == "stop" else STARTS


def _measure(spawner: Any) -> Usage | None:
    limits = getattr(spawner, "limits", None)
    if limits is None:
        return None  # a server elsewhere than on this machine
    if limits.uid is None:
        return measure_family(spawner.process.pid) if spawner.process else None
    return measure_usage(limits.uid, limits.group.folders["memory"] if limits.group else None)


def _find_home_bytes(spawner: Any) -> int | None:
    watch = getattr(spawner, "watch", None)
    return watch.home_bytes if watch else None


def measure_family(pid: int) -> Usage:
    """Return what a process and its descendants take; where all share one account it is all that can be told."""
    memory = processes = 0
    for each in (pid, *list_descendants(pid)):
        with suppress(psutil.NoSuchProcess):
            memory += psutil.Process(each).memory_info().rss
            processes += 1
    return Usage(memory, processes)
