"""Facts about real processes, and the end of everything that an account runs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.hub_config.conftest import needs_root
from urbanlab_hub import processes
from urbanlab_hub.accounts import ensure_account

SLEEP = (sys.executable, "-c", "import time; print(flush=True); time.sleep(60)")
# Closes what is in its folder in /proc to everybody but root.
HIDDEN = "import ctypes, time; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); print(flush=True); time.sleep(60)"
FORKING = """
import os, time
print(flush=True)
while True:
    if os.fork() == 0: os.setsid(); time.sleep(60); os._exit(0)
    time.sleep(0.05)
"""
# Stops all processes of its account but the one that does it, again and again; so does its child.
STOPPING = """
import os, signal
print(flush=True)
os.fork()
while True:
    try: os.kill(-1, signal.SIGSTOP)
    except OSError: pass
"""


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(SLEEP, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    with suppress(ProcessLookupError):
        process.kill()
    process.communicate()


def test_a_process_is_known_by_number_and_beginning(child: subprocess.Popen[bytes]) -> None:
    found = processes.find_process(child.pid)

    assert found is not None
    assert processes.is_alive(found)
    assert not processes.is_alive(processes.ProcessId(found.pid, found.began + 1))  # the number used again


def test_neither_a_zombie_nor_a_stranger_is_a_process(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    deadline = time.monotonic() + 5
    while processes.find_process(child.pid) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert processes.find_process(child.pid) is None
    assert processes.find_process(2**22 + 1) is None


def test_descendants_are_found_at_any_depth() -> None:
    nested = f"import subprocess; subprocess.run({list(SLEEP)!r})"
    with subprocess.Popen([sys.executable, "-c", nested], stdout=subprocess.PIPE) as outer:
        assert outer.stdout is not None
        outer.stdout.readline()
        family = processes.list_descendants(os.getpid())
        below = processes.list_descendants(outer.pid)
        assert len(below) == 1
        assert {outer.pid, *below} <= set(family)
        processes.kill([outer.pid, *below, 2**22 + 1])
    assert outer.returncode == -9


def test_who_listens_at_a_port_is_known() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert processes.find_listener(port) is None
        listener.listen()
        assert processes.find_listener(port) == os.geteuid()


@needs_root
@pytest.mark.parametrize(
    "code", [SLEEP[2], HIDDEN, FORKING, STOPPING], ids=["plain", "hidden", "forking", "stopping"]
)
def test_everything_of_an_account_ends_and_nothing_else(
    installation: str, child: subprocess.Popen[bytes], code: str
) -> None:
    account = ensure_account("anna@alpha", installation)
    command = [sys.executable, "-c", code]
    identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd="/", start_new_session=True, **identity)  # type: ignore[call-overload]
    process.stdout.readline()
    assert process.pid in processes.list_processes(account.pw_uid)
    processes.end_processes(account.pw_uid)

    assert process.wait(5) == -9
    process.stdout.close()
    assert processes.list_processes(account.pw_uid) == []
    assert child.poll() is None


def test_roots_processes_are_never_ended() -> None:
    with pytest.raises(ValueError, match="root's processes"):
        processes.end_processes(0)
