"""Bombs in the kernel of one person: others and the platform go on working, the bomb ends, and it is noted."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from tests.installation import Installation
from urbanlab_hub.account_limits import WATCHED, describe_limits

from .login import KernelChannel, StaffSession, _make_request
from .operator_access import wait_until
from .people import People, own_tenant

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can limit each person's account")
TENANT, GROUP = "bombed", "/tenants/bombed/analyst"
QUOTAS = {"memory_mb": 700, "processes": 80, "cpus": 1.0, "open_files": 512}
END_SECONDS = 30
SANE_SECONDS = 2.0  # what takes a moment may take so much more while a bomb goes off, on two cores

# Two processes: each alone stays below the limit of a single one, and the kernel's own is always the larger.
MEMORY_BOMB = """
import os, time
most = 350 if os.fork() else 250
held = []
while True:
    if len(held) < most:
        held.append(bytearray(2**20))
    time.sleep(0.001)
"""
FORK_BOMB = """
import os
while True:
    try: os.fork()
    except BlockingIOError: pass
"""


class Bomber:
    """Somebody of the limited tenant, and what the system knows of the account."""

    def __init__(self, installation: Installation, password: str) -> None:
        self.session = StaffSession(installation, "bomber", TENANT, password)
        self.facts: dict[str, Any] = self.session.ask_json(
            "import json, os;"
            "print(json.dumps({'uid': os.getuid(), 'kernel': os.getpid(), 'server': os.getppid()}))"
        )

    def list_processes(self) -> list[psutil.Process]:
        """Return the living processes of the account."""
        return [
            process
            for process in psutil.process_iter(["uids", "status"])
            if process.info["uids"].real == self.facts["uid"]
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ]


@pytest.fixture(scope="module")
def bomber(installation: Installation) -> Iterator[Bomber]:
    people = People(installation)
    with own_tenant(installation, TENANT, quotas=QUOTAS):
        made = Bomber(installation, people.make("bomber", (GROUP,)))
        yield made
        made.session.close()
        people.remove()


@pytest.fixture(scope="module")
def neighbour(installation: Installation) -> Iterator[StaffSession]:
    with StaffSession(installation, "analyst-detmold") as session:
        session.run("kept = 'in peace'")
        yield session


def measure_worst(installation: Installation, neighbour: StaffSession, seconds: float) -> float:
    """Return how long an answer of the hub and of another's kernel took at worst, while time goes by."""
    worst, end = 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        assert neighbour.run("print(kept)", 30).text == "in peace\n"
        requests.get(f"{installation.settings.hub_url}hub/api", timeout=30).raise_for_status()
        worst = max(worst, time.monotonic() - began)
        time.sleep(0.05)
    return worst


def read_log(installation: Installation) -> str:
    """Return what the hub wrote."""
    return (installation.settings.state / "logs" / "hub.log").read_text(encoding="utf-8")


def send(channel: KernelChannel | None, code: str) -> KernelChannel:
    """Let a kernel begin and wait for nothing."""
    assert channel is not None
    channel.socket.send(json.dumps(_make_request(code)))
    return channel


def read_until_restart(channel: KernelChannel) -> str:
    """Return what the kernel's connection says until the kernel begins anew."""
    told, deadline = "", time.monotonic() + END_SECONDS
    while (answer := channel._receive(deadline)) is not None:
        told += answer["content"].get("text", "")
        if answer["content"].get("execution_state") == "restarting":
            return told
    raise AssertionError(f"the kernel still runs after {END_SECONDS} s; it said {told!r}")


def test_the_limits_are_the_tenants(installation: Installation, bomber: Bomber) -> None:
    names = ("RLIMIT_DATA", "RLIMIT_NOFILE", "RLIMIT_CORE")
    code = f"import json, resource as r; print(json.dumps([r.getrlimit(getattr(r, name))[1] for name in {names}]))"
    assert bomber.session.ask_json(code) == [700 * 2**20, 512, 0]
    if describe_limits(read_installation(installation), has_accounts=True) == WATCHED:
        pytest.skip("there are no control groups on this machine")
    groups = Path(f"/proc/{bomber.facts['kernel']}/cgroup").read_text()
    assert groups == Path(f"/proc/{bomber.facts['server']}/cgroup").read_text()
    assert f"urbanlab-{read_installation(installation)}/" in groups


def read_installation(installation: Installation) -> str:
    """Return the name of the installation."""
    return (installation.settings.state / "installation").read_text().strip()


def test_a_fork_bomb_stays_in_its_account_until_its_server_is_stopped(
    installation: Installation, bomber: Bomber, neighbour: StaffSession
) -> None:
    calm = measure_worst(installation, neighbour, 1)
    send(bomber.session.kernel, FORK_BOMB)
    wait_until(lambda: len(bomber.list_processes()) > QUOTAS["processes"] / 2)
    worst = measure_worst(installation, neighbour, 2)
    assert len(bomber.list_processes()) <= QUOTAS["processes"]
    assert worst < SANE_SECONDS + 3 * calm

    bomber.session.stop_server()
    assert bomber.list_processes() == []
    assert f"reached its limit of {QUOTAS['processes']} processes" in read_log(installation)


def test_a_memory_bomb_ends_itself_and_nothing_else(
    installation: Installation, bomber: Bomber, neighbour: StaffSession
) -> None:
    server = psutil.Process(bomber.session.ask_json("import os; print(os.getppid())"))
    calm = measure_worst(installation, neighbour, 1)
    channel = send(bomber.session.kernel, MEMORY_BOMB)
    assert measure_worst(installation, neighbour, 1) < SANE_SECONDS + 3 * calm
    # Whoever ran it reads why in the cell.
    assert "700 MB" in read_until_restart(channel)
    assert server.is_running()
    bomber.session.stop_server()
    assert "reached its limit of 700 MB memory" in read_log(installation)
