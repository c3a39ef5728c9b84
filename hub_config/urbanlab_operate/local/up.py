"""Starts an installation: set-up, all parts in the order of their needs, `apply`, the demo; and waits."""

from __future__ import annotations

import fcntl
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table

from urbanlab_hub.cgroups import ensure_cgroups
from urbanlab_hub.settings import Settings
from urbanlab_operate.apply import apply
from urbanlab_operate.demo import get_accounts_path
from urbanlab_operate.demo_pages import publish_demo_pages
from urbanlab_operate.errors import OperateError
from urbanlab_operate.local import fetch, folders, programs, supervisor
from urbanlab_operate.local.down import end_all, find_processes
from urbanlab_operate.local.history import find_missing_history
from urbanlab_operate.local.installation_secrets import ensure_secrets
from urbanlab_operate.local.kafka import ensure_kafka
from urbanlab_operate.local.keycloak import ensure_keycloak
from urbanlab_operate.local.ports import check_ports
from urbanlab_operate.local.prerequisites import check_prerequisites
from urbanlab_operate.local.reach import check_reach
from urbanlab_operate.local.readiness import find_problem
from urbanlab_operate.local.status import print_isolation, read_isolation
from urbanlab_operate.local.steps import Progress, Step, StoppedError, run_steps, wait_until

# Keycloak's first start, which takes 14 s on two free cores, took 104 s on two that others used as well.
READY_SECONDS = 240.0
HISTORY_SECONDS = 300.0
APPLY = "apply tenants"
HISTORY = "demo history"
PAGES = "demo pages"

# Part -> what must be there before it starts.
NEEDS = {
    "keycloak": (),
    "kafka": ("keycloak",),  # fetches the keys for checking tokens while it starts
    "audit": (),
    "engine": (),
    "warehouse": ("engine", "audit"),
    "proxy": (),
    "hub": ("proxy", "audit"),
    "tokens": ("hub", APPLY),
    "ingest": (APPLY,),
    "publisher": ("hub", "warehouse", APPLY),
    "portal": (),
    "culler": ("hub", APPLY),
    "simulator": (APPLY,),
}
APPLY_NEEDS = ("keycloak", "kafka", "warehouse", "hub")


def up(settings: Settings, *, detach: bool, console: Console) -> int:
    """Start everything; return once it runs when detached, else after the end; the exit code."""
    stop = threading.Event()
    with _alone(settings) as lock, _stopping_by_signals(stop):
        if supervisor.is_running(settings):
            console.print(
                "Urban Lab is running already: `urbanlab status` shows it, `urbanlab down` ends it."
            )
            return 0
        try:
            _start(settings, console, stop)
            lock.close()
            if not detach:
                console.print("Ctrl-C ends everything.")
                _watch(settings, console, stop)
        except StoppedError:
            console.print("Stopped while starting.")
        except BaseException:
            _end(settings, console)
            raise
        if not detach or stop.is_set():
            _end(settings, console)
    return 0


def _start(settings: Settings, console: Console, stop: threading.Event) -> None:
    started = time.monotonic()
    progress = Progress(console)
    check_prerequisites(console)
    fetch.ensure_parts(settings, progress.run)
    if find_processes(settings):
        # Their supervisor was killed, and they hold the ports and the data that the new ones need.
        progress.run("end what a former start left", partial(end_all, settings))
    progress.run("folders, accounts and secrets", partial(_prepare, settings))
    progress.run("supervisor", partial(supervisor.start_supervisor, settings))
    run_steps(make_steps(settings, stop, console.print), progress, stop)
    progress.note_done("everything", time.monotonic() - started)
    _write_seconds(settings, progress.seconds)
    _print_summary(settings, console)


def _prepare(settings: Settings) -> None:
    """Bring the state folder into the state in which the programs can start."""
    check_ports(settings.bind, programs.list_ports(settings))
    accounts = folders.ensure_folders(settings)
    if folders.is_root():
        check_reach(settings)
        ensure_cgroups(folders.get_installation(settings))
    ensure_secrets(settings)
    ensure_keycloak(settings, accounts)
    ensure_kafka(settings, accounts)
    supervisor.write_configuration(settings, programs.make_programs(settings, accounts))


def make_steps(settings: Settings, stop: threading.Event, report: Callable[[str], object]) -> list[Step]:
    """Return the steps that bring the installation up, with what each needs."""
    names = programs.list_names(settings)
    steps = [Step(name, NEEDS[name], partial(_start_part, settings, name, stop)) for name in names]
    # What an upgrade or somebody's hand changed is told; at the first start everything is new.
    tell = report if _get_seconds_path(settings).exists() else _ignore
    steps.append(Step(APPLY, APPLY_NEEDS, partial(apply, settings, report=tell)))
    if settings.demo:
        find = partial(find_missing_history, settings)
        wait = partial(wait_until, find, "The demo history", HISTORY_SECONDS, stop)
        steps.append(Step(HISTORY, ("ingest", "simulator"), wait))
        publish = partial(publish_demo_pages, settings, stop, report)
        steps.append(Step(PAGES, (HISTORY, "publisher", "portal", "tokens"), publish))
    return steps


def _start_part(settings: Settings, name: str, stop: threading.Event) -> None:
    supervisor.start_program(settings, name)
    try:
        wait_until(partial(find_problem, settings, name), name, READY_SECONDS, stop)
    except OperateError as error:
        raise OperateError(f"{error}. It wrote at last:\n{read_tail(settings, name)}") from error


def read_tail(settings: Settings, name: str, lines: int = 15) -> str:
    """Return the last lines that a program wrote."""
    log = supervisor.get_log(settings, name)
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return "\n".join(line[:500] for line in text.splitlines()[-lines:])


def _ignore(line: str) -> None:
    """Tell nobody."""


def _write_seconds(settings: Settings, seconds: dict[str, float]) -> None:
    text = json.dumps(seconds, indent=1) + "\n"
    _get_seconds_path(settings).write_text(text, encoding="utf-8")


def _get_seconds_path(settings: Settings) -> Path:
    """Return the file that every start writes which came to its end."""
    return supervisor.get_folder(settings) / "start-seconds.json"


def _print_summary(settings: Settings, console: Console) -> None:
    table = Table("part", "address")
    table.add_row("hub", settings.hub_url)
    table.add_row("citizen portal", f"{settings.portal_url}/")
    table.add_row("publisher", f"{settings.publisher_url}/")
    table.add_row("Keycloak", settings.login_url)
    table.add_row("warehouse", settings.warehouse_url)
    table.add_row("Kafka", settings.kafka_bootstrap)
    console.print(table)
    if settings.demo:
        console.print(f"Demo accounts and their passwords: {get_accounts_path(settings)}", soft_wrap=True)
    print_isolation(read_isolation(settings), console)


def _watch(settings: Settings, console: Console, stop: threading.Event) -> None:
    """Say when a part had to be started again, until somebody asks for the end."""
    known = supervisor.count_restarts(settings)
    while not stop.wait(2):
        if not supervisor.is_running(settings):
            console.print("Urban Lab was ended from elsewhere.")
            return
        counts = supervisor.count_restarts(settings)
        for name in (name for name in counts if counts[name] > known.get(name, 0)):
            console.print(f"{name} had to be started again: `urbanlab status` says how it is.")
        known = counts


def _end(settings: Settings, console: Console) -> None:
    started = time.monotonic()
    if end_all(settings):
        console.print(f"Everything has ended, in {time.monotonic() - started:.1f} s.")


@contextmanager
def _stopping_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let the signals that ask for the end set `stop` instead of interrupting whatever is going on."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    former = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def _alone(settings: Settings) -> Iterator[TextIO]:
    """Let nobody else start the same installation until the lock is closed."""
    settings.state.mkdir(parents=True, exist_ok=True)
    path = settings.state / "up.lock"
    path.touch(mode=0o600)  # whoever may open it could hold it for ever
    path.chmod(0o600)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperateError("Urban Lab is being started by somebody else just now.") from None
        yield lock
