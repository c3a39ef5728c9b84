"""What is healthy: the supervisor's view of each program, joined with the part's own answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psutil
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from urbanlab.contract.secrets import read_secret
from urbanlab_hub.account_limits import describe_limits, describe_listening
from urbanlab_hub.settings import Settings
from urbanlab_operate.changes import ApplyError
from urbanlab_operate.local import supervisor
from urbanlab_operate.local.folders import get_installation, is_root
from urbanlab_operate.local.readiness import Problem, find_problem
from urbanlab_operate.local.supervisor import ProgramInfo
from urbanlab_operate.rest_api import RestApi

ISOLATED = "Each service and each user runs in a Unix account of its own."
NOT_ISOLATED = (
    "NO ISOLATION: not started as root, so services and all users share one account and can read each other's "
    "data and secrets. Good for trying out; start as root for anything else."
)


NEARLY_FULL = 0.8  # of what a database may hold


@dataclass(frozen=True)
class PartStatus:
    """How one part is; `reason` is empty where it is healthy."""

    name: str
    state: str
    healthy: bool
    reason: str
    pid: int
    restarts: int
    memory_mb: int
    seconds: int


@dataclass(frozen=True)
class Load:
    """What the warehouse is at: tenant -> numbers; damaged tables, each with what is known of it."""

    tenants: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    damaged: list[Mapping[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Isolation:
    """What keeps users' code apart from the rest of the machine."""

    limits: str  # the mechanism that holds accounts to their quotas
    listening: str  # what leaves users' servers one address to be reached at


def read_isolation(settings: Settings) -> Isolation:
    """Return how an installation isolates its users on this machine."""
    installation = get_installation(settings) if (settings.state / "installation").exists() else ""
    has_accounts = is_root() and bool(installation)
    return Isolation(
        describe_limits(installation, has_accounts), describe_listening(installation, has_accounts)
    )


def read_status(settings: Settings) -> list[PartStatus]:
    """Return the status of all parts; empty where nothing runs."""
    if not supervisor.is_running(settings):
        return []
    infos = supervisor.list_programs(settings)
    restarts = supervisor.count_restarts(settings)
    with ThreadPoolExecutor(len(infos)) as pool:
        problems = dict(
            zip(
                [info.name for info in infos],
                pool.map(lambda info: find_problem(settings, info.name) if info.pid else None, infos),
                strict=True,
            )
        )
    return [evaluate(info, problems[info.name], restarts.get(info.name, 0)) for info in infos]


def evaluate(info: ProgramInfo, problem: Problem, restarts: int) -> PartStatus:
    """Return the status of a part from what the supervisor and the part itself say."""
    running = info.state == "RUNNING" or (info.state == "STARTING" and problem is None)
    return PartStatus(
        name=info.name,
        state=info.state.lower(),
        healthy=running and problem is None,
        reason=(problem or "") if info.pid else f"does not run: {info.reason}".rstrip(": "),
        pid=info.pid,
        restarts=restarts,
        memory_mb=_measure_memory(info.pid),
        seconds=info.seconds,
    )


def _measure_memory(pid: int) -> int:
    """Return the resident memory of a process in MB; 0 where it has none (any more)."""
    try:
        return int(psutil.Process(pid).memory_info().rss // 2**20) if pid else 0
    except psutil.NoSuchProcess:
        return 0


def read_load(settings: Settings) -> Load:
    """Return what runs, waits and is damaged at the warehouse; nothing where it does not answer."""
    password = read_secret(settings.master_secrets, "warehouse-operator")
    try:
        gateway = RestApi("The warehouse gateway", settings.warehouse_url, password)
        return Load(**gateway.request("GET", "/operator/load"))
    except ApplyError:
        return Load()


def is_healthy(parts: list[PartStatus]) -> bool:
    """Return whether all parts run and can do their work."""
    return bool(parts) and all(part.healthy for part in parts)


def to_json(parts: list[PartStatus], isolation: Isolation, load: Load) -> Mapping[str, Any]:
    """Return the status as plain values for programs."""
    return {
        "running": bool(parts),
        "healthy": is_healthy(parts),
        "isolated": is_root(),
        **dataclasses.asdict(isolation),
        "parts": [dataclasses.asdict(part) for part in parts],
        "warehouse": dataclasses.asdict(load),
    }


def print_status(
    parts: list[PartStatus],
    isolation: Isolation,
    load: Load,
    console: Console,
) -> None:
    """Print the status for people."""
    if not parts:
        console.print("Urban Lab does not run here. Start it with `urbanlab up`.")
        return
    table = Table("part", "state", "restarts", "process", "memory", "up", "")
    for part in parts:
        colour = "green" if part.healthy else "red"
        table.add_row(
            part.name,
            f"[{colour}]{'healthy' if part.healthy else part.state}[/{colour}]",
            str(part.restarts),
            str(part.pid or "–"),
            f"{part.memory_mb} MB",
            f"{part.seconds} s",
            escape(part.reason),
        )
    console.print(table)
    print_isolation(isolation, console)
    _print_load(load, console)


def print_isolation(isolation: Isolation, console: Console) -> None:
    """Print for people what keeps users apart, and loudly where nothing does."""
    console.print(ISOLATED if is_root() else f"[bold red]{NOT_ISOLATED}[/bold red]")
    console.print(f"limits: {isolation.limits}", f"only a server's own port: {isolation.listening}", sep="\n")


def _print_load(load: Load, console: Console) -> None:
    """Say what is damaged in the warehouse, who uses it now, and whose databases are nearly full."""
    for entry in load.damaged:
        text = f"warehouse: {entry['table']} is damaged: {entry['damage']}"
        console.print(f"[bold red]{escape(text)}[/bold red]")
    for name, each in load.tenants.items():
        if each["running"] or each["waiting"]:
            console.print(
                f"warehouse: {each['running']} statements of {name} run (of {each['limit']}), "
                f"{each['waiting']} wait"
            )
        for kind, what in (("data", "database"), ("lab", "workshop")):
            used, limit = each.get(f"{kind}_mb", 0), each.get(f"{kind}_limit_mb", 0)
            if limit and used >= NEARLY_FULL * limit:
                console.print(f"[yellow]warehouse: the {what} of {name} holds {used} of {limit} MB[/yellow]")
