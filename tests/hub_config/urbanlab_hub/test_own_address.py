"""What code in a user's server can listen at: a real child under Landlock, with and without the packet filter."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_config.conftest import needs_root
from urbanlab.contract.records import Quotas
from urbanlab_hub import landlock, own_address
from urbanlab_hub.cgroup_trees import NETWORK
from urbanlab_hub.cgroups import Group, ensure_cgroups
from urbanlab_hub.confinement import Confinement

HOST = "127.0.0.3"
# Prints one line for each way to listen: the port, or why not. Stays until its input ends.
LISTEN = """
import socket, sys
def listen(port, host="{host}", protocol=0, family=socket.AF_INET):
    try:
        held.append(socket.socket(family, socket.SOCK_STREAM, protocol))
        if port is not None: held[-1].bind((host, port))
        held[-1].listen()
        print(held[-1].getsockname()[1], flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
held = []
listen({port}); listen(0); listen({other}); listen(None); listen({port}, "127.0.0.2")
listen({port}, "::1", 0, socket.AF_INET6); listen({other}, protocol=262)
with socket.create_connection(("127.0.0.1", {outside})) as client: print(client.recv(9).decode(), flush=True)
for target in (("{host}", {port}), ("::ffff:{host}", {port})):
    try: socket.create_connection(target).close(); print("connected", flush=True)
    except OSError as error: print(error.strerror, flush=True)
sys.stdin.read()
"""
needs_landlock = pytest.mark.skipif(not landlock.limits_ports(), reason="this system's Landlock has no ports")


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def greeter() -> Iterator[int]:
    """The port of a server outside, which a user's code may use."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            connection.sendall(b"hello")
            connection.close()

        threading.Thread(target=greet, daemon=True).start()
        yield server.getsockname()[1]


def is_reachable(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as client:
        client.settimeout(0.3)
        return client.connect_ex((host, port)) == 0


@pytest.fixture
def network_group(installation: str) -> Iterator[Group]:
    groups = ensure_cgroups(installation)
    if groups is None or NETWORK not in groups.parents or not own_address.is_possible():
        pytest.skip("this machine has no way to filter what arrives at a group")
    yield groups.ensure_group("anna", Quotas())


def run_listener(
    tmp_path: Path, port: int, outside: int, doors: list[int]
) -> tuple[list[str], subprocess.Popen[str]]:
    """Start the child; return what it said about each way to listen."""
    code = LISTEN.format(host=HOST, port=port, other=find_free_port(), outside=outside)
    with Confinement(Quotas(), None, tmp_path / "log", doors, landlock.make_ruleset(port)) as confinement:
        child = subprocess.Popen(
            [sys.executable, "-c", code], preexec_fn=confinement, stdin=subprocess.PIPE, text=True
        )
    log = tmp_path / "log"
    while len(lines := log.read_text().splitlines()) < 10 and child.poll() is None:
        pass
    return lines, child


@needs_landlock
def test_a_server_binds_its_own_port_and_no_other(tmp_path: Path, greeter: int) -> None:
    port = find_free_port()
    lines, child = run_listener(tmp_path, port, greeter, [])
    assert lines[:3] == [str(port), "Permission denied", "Permission denied"]
    assert lines[-3:] == ["hello", "connected", "connected"]
    child.communicate()


@needs_root
@needs_landlock
def test_a_group_is_reached_at_its_own_address_by_no_other_way_and_by_no_other_group(
    tmp_path: Path, greeter: int, network_group: Group
) -> None:
    port = find_free_port()
    own_address.leave_address(network_group.folders[NETWORK], HOST, find_free_port())  # of a former server
    own_address.leave_address(network_group.folders[NETWORK], HOST, port)
    lines, child = run_listener(tmp_path, port, greeter, network_group.open_doors())
    unbound = int(lines[3])

    assert is_reachable(HOST, port)
    elsewhere = [(host, unbound) for host in (HOST, "127.0.0.1", "127.0.0.2")]
    assert [way for way in [*elsewhere, ("127.0.0.2", port), ("::1", port)] if is_reachable(*way)] == []
    refused = "Operation not permitted"
    assert lines[-4:] == [
        refused,
        "hello",
        refused,
        refused,
    ]  # MPTCP; a connection to elsewhere; to users' servers
    child.communicate()


@pytest.mark.skipif(landlock.get_version() < 6, reason="this system's Landlock knows no scopes")
def test_nothing_outside_can_be_signalled_or_reached_by_an_abstract_socket(tmp_path: Path) -> None:
    name = f"\0urbanlab-{os.getpid()}"
    code = f"""
import os, signal, socket, subprocess, sys
for attempt in (lambda: os.kill({os.getpid()}, 0), lambda: socket.socket(socket.AF_UNIX).connect({name!r})):
    try: attempt(); print("outside")
    except PermissionError: pass
child = subprocess.Popen(["sleep", "9"]); os.kill(child.pid, signal.SIGKILL); print(child.wait())
"""
    with (
        socket.socket(socket.AF_UNIX) as outside,
        Confinement(Quotas(), None, tmp_path / "log", ruleset=landlock.make_ruleset(1)) as confinement,
    ):
        outside.bind(name)
        outside.listen()
        subprocess.run([sys.executable, "-c", code], preexec_fn=confinement, check=True)
    assert (tmp_path / "log").read_text() == "-9\n"
