"""A real supervisor with tiny programs: starting, dying, restarting, ending."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.hub_config.conftest import needs_root
from urbanlab_hub.settings import Settings
from urbanlab_operate.local import supervisor
from urbanlab_operate.local.down import end_all, find_processes
from urbanlab_operate.local.programs import Program
from urbanlab_operate.local.supervisor import ProgramInfo

STEADY = "import os, time; print('steady', os.getpid(), flush=True); time.sleep(600)"
# Ignores the polite request, and leaves a child behind in a session of its own.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0: os.setsid()
time.sleep(600)
"""
FAILING = "raise SystemExit('cannot start')"


def _wait(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


@pytest.fixture
def supervised(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of an installation whose supervisor runs and knows three programs."""
    # In a folder of a short name, for a socket's address holds about a hundred characters.
    settings = dataclasses.replace(settings, state=tmp_path_factory.mktemp("s") / "state")
    codes = {"steady": STEADY, "stubborn": STUBBORN, "failing": FAILING}
    made = []
    for name, code in codes.items():
        folder = settings.state / name
        (folder / "tmp").mkdir(parents=True)
        (folder / "main.py").write_text(code)
        made.append(Program(name, (sys.executable, str(folder / "main.py")), folder))
    for name in ("supervisor", "logs"):
        (settings.state / name).mkdir()
    supervisor.write_configuration(settings, made)
    supervisor.start_supervisor(settings)
    yield settings
    end_all(settings)


def _find(settings: Settings, name: str) -> ProgramInfo:
    return next(info for info in supervisor.list_programs(settings) if info.name == name)


def _is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_killed_program_is_started_again_and_counted(supervised: Settings) -> None:
    supervisor.start_program(supervised, "steady")
    _wait(lambda: _find(supervised, "steady").state == "RUNNING")
    first = _find(supervised, "steady").pid
    assert supervisor.count_restarts(supervised) == {"steady": 0}
    os.kill(first, signal.SIGKILL)
    _wait(lambda: _find(supervised, "steady").pid not in (0, first))

    assert supervisor.count_restarts(supervised) == {"steady": 1}
    assert supervisor.get_log(supervised, "steady").read_text().count("steady") >= 1


def test_what_cannot_start_is_tried_again_after_ever_longer_pauses(supervised: Settings) -> None:
    began = time.monotonic()
    supervisor.start_program(supervised, "failing")
    _wait(lambda: supervisor.count_restarts(supervised).get("failing") == 2)
    assert time.monotonic() - began > 2.5  # one second, then two: no busy loop
    _wait(lambda: _find(supervised, "failing").state == "BACKOFF")

    assert "cannot start" in supervisor.get_log(supervised, "failing").read_text()
    assert _find(supervised, "failing").reason.startswith("Exited too quickly")


def test_down_leaves_no_process_in_time(supervised: Settings) -> None:
    for name in ("steady", "stubborn", "failing"):
        supervisor.start_program(supervised, name)
    _wait(
        lambda: len(find_processes(supervised)) >= 4
    )  # the supervisor, two programs, the stubborn one's child
    pids = [process.pid for process in find_processes(supervised)]
    began = time.monotonic()

    assert end_all(supervised) is True
    assert time.monotonic() - began < 15
    assert all(_is_gone(pid) for pid in pids)
    assert not supervisor.is_running(supervised)
    assert end_all(supervised) is False


def test_down_finds_what_a_killed_supervisor_left_and_up_begins_anew(supervised: Settings) -> None:
    supervisor.start_program(supervised, "steady")
    # Not before it prints: a program that is forked and not yet executed still looks like its supervisor.
    _wait(lambda: "steady" in supervisor.get_log(supervised, "steady").read_text())
    pid = _find(supervised, "steady").pid
    os.kill(supervisor.get_pid(supervised), signal.SIGKILL)
    _wait(lambda: not supervisor.is_running(supervised))
    assert {process.pid for process in find_processes(supervised)} == {pid}
    assert end_all(supervised) is True
    assert _is_gone(pid)

    supervisor.start_supervisor(supervised)  # over the socket that was left
    assert _find(supervised, "steady").state == "STOPPED"


def test_programs_get_nothing_of_the_operators_environment(
    supervised: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_all(supervised)
    monkeypatch.setenv("OPERATORS_OWN", "secret")
    supervisor.start_supervisor(supervised)
    supervisor.start_program(supervised, "steady")
    _wait(lambda: "steady" in supervisor.get_log(supervised, "steady").read_text())
    environ = psutil.Process(_find(supervised, "steady").pid).environ()

    assert "OPERATORS_OWN" not in environ
    assert environ["HOME"] == str(supervised.state / "steady")
    assert environ["TMPDIR"] == str(supervised.state / "steady" / "tmp")


def test_only_the_owner_opens_the_socket_and_the_configuration(supervised: Settings) -> None:
    folder: Path = supervisor.get_folder(supervised)
    assert (folder / "supervisord.conf").stat().st_mode & 0o077 == 0
    assert supervisor.get_socket(supervised).stat().st_mode & 0o077 == 0


@needs_root
def test_what_people_compute_does_not_hold_up_the_parts(supervised: Settings) -> None:
    supervisor.start_program(supervised, "steady")
    _wait(lambda: _find(supervised, "steady").state == "RUNNING")
    shared = Path(f"/proc/{_find(supervised, 'steady').pid}/autogroup")
    if not shared.exists():
        pytest.skip("this kernel does not share its processors among sessions")
    assert shared.read_text().split()[-1] == supervisor.PARTS_NICENESS
