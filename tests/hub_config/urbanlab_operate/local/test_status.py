"""What is healthy: the supervisor's view joined with the part's own answer."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from urbanlab_hub.settings import Settings
from urbanlab_operate.local import status
from urbanlab_operate.local.status import (
    Isolation,
    PartStatus,
    evaluate,
    is_healthy,
    print_status,
    read_isolation,
    to_json,
)
from urbanlab_operate.local.supervisor import ProgramInfo

ISOLATION = Isolation("cgroups v2", "Landlock")


def _info(state: str, pid: int, reason: str = "") -> ProgramInfo:
    return ProgramInfo("hub", state, pid, 7 if pid else 0, reason)


@pytest.mark.parametrize(
    ("info", "problem", "healthy", "reason"),
    [
        (_info("RUNNING", os.getpid()), None, True, ""),
        (_info("STARTING", os.getpid()), None, True, ""),
        (_info("RUNNING", os.getpid()), "does not answer", False, "does not answer"),
        (_info("STARTING", os.getpid()), "does not answer", False, "does not answer"),
        (_info("BACKOFF", 0, "Exited too quickly"), None, False, "does not run: Exited too quickly"),
        (_info("FATAL", 0, "can't find command"), None, False, "does not run: can't find command"),
        (_info("STOPPED", 0), None, False, "does not run"),
        (_info("STOPPING", os.getpid()), None, False, ""),
    ],
)
def test_a_part_is_healthy_if_it_runs_and_answers(
    info: ProgramInfo, problem: str | None, healthy: bool, reason: str
) -> None:
    part = evaluate(info, problem, 3)

    assert (part.healthy, part.reason, part.restarts) == (healthy, reason, 3)
    assert (part.memory_mb > 0) is bool(info.pid)


TENANTS = {
    "herford": {
        "running": 8,
        "waiting": 3,
        "limit": 8,
        "data_mb": 79,
        "data_limit_mb": 100,
        "lab_mb": 90,
        "lab_limit_mb": 100,
    },
    "minden": {"running": 0, "waiting": 0, "limit": 8, "lab_mb": 0, "lab_limit_mb": 100},
    "operator": {"running": 0, "waiting": 0, "limit": 8},
}


DAMAGED = {"table": "herford.level", "damage": "the part broken_1 was put aside"}
LOAD = status.Load(TENANTS, [DAMAGED])


@pytest.fixture
def part() -> PartStatus:
    return PartStatus("hub", "backoff", False, "does not run: [brackets]", 0, 4, 0, 0)


def test_the_whole_is_healthy_only_if_there_are_parts_and_all_are(part: PartStatus) -> None:
    well = evaluate(_info("RUNNING", os.getpid()), None, 0)
    assert is_healthy([well])
    assert not is_healthy([well, part])
    assert not is_healthy([])


def test_programs_get_the_same_as_people(part: PartStatus) -> None:
    values: Any = to_json([part], ISOLATION, LOAD)
    assert (values["running"], values["healthy"], values["parts"][0]["restarts"]) == (True, False, 4)
    assert (values["limits"], values["listening"]) == ("cgroups v2", "Landlock")
    assert values["warehouse"]["tenants"]["herford"]["waiting"] == 3
    assert values["warehouse"]["damaged"] == [DAMAGED]


def _print(parts: list[PartStatus]) -> str:
    output = io.StringIO()
    print_status(parts, ISOLATION, LOAD, Console(file=output, width=200))
    return output.getvalue()


def test_people_see_state_restarts_and_reason(part: PartStatus) -> None:
    text = _print([part])
    assert all(word in text for word in ("backoff", " 4 ", "does not run: [brackets]"))
    assert "limits: cgroups v2\n" in text
    assert "warehouse: herford.level is damaged: the part broken_1 was put aside\n" in text
    assert "warehouse: 8 statements of herford run (of 8), 3 wait\n" in text
    assert "warehouse: the workshop of herford holds 90 of 100 MB\n" in text
    assert not any(
        word in text for word in ("statements of minden", "workshop of minden", "database of herford")
    )
    assert "Start it with `urbanlab up`" in _print([])


@pytest.mark.parametrize(
    ("root", "said"), [(True, status.ISOLATED), (False, "NO ISOLATION: not started as root")]
)
def test_whether_people_are_kept_apart_is_said_loudly(
    part: PartStatus, monkeypatch: pytest.MonkeyPatch, root: bool, said: str
) -> None:
    find: Callable[[], bool] = lambda: root  # noqa: E731
    monkeypatch.setattr(status, "is_root", find)
    assert said in _print([part])


def test_before_the_first_start_nothing_holds_people_together(settings: Settings) -> None:
    assert read_isolation(settings).limits == "rlimits of each process alone"
