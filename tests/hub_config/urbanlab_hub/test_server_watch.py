"""When the hub ends a server that runs: lost groups, and a home that bursts."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_config.conftest import needs_root
from urbanlab_hub import server_watch
from urbanlab_hub.server_watch import HomeGrowth, ServerWatch, read_groups

MB = 1024 * 1024


@pytest.fixture
def process() -> Iterator[int]:
    """A process with two groups."""
    code = "print(1, flush=True); import time; time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", code], extra_groups=[40001, 40002], stdout=subprocess.PIPE
    ) as made:
        assert made.stdout is not None and made.stdout.read(1)
        yield made.pid
        made.kill()


@needs_root
def test_the_groups_of_a_process_are_read(process: int) -> None:
    assert read_groups(process) == {40001, 40002}
    assert read_groups(2**22 + 1) == set()


@needs_root
@pytest.mark.parametrize(
    ("allowed", "ends"),
    [({40001, 40002}, False), ({40001, 40002, 40003}, False), ({40001}, True), (set(), True)],
)
async def test_a_server_with_a_group_that_its_person_lost_ends(
    process: int, tmp_path: Path, allowed: set[int], ends: bool
) -> None:
    assert await _is_ended(process, allowed, tmp_path) is ends


async def _is_ended(pid: int, groups: set[int], home: Path) -> bool:
    ended = []

    async def end() -> None:
        ended.append(True)

    watch = ServerWatch("anna@alpha", end)
    watch.look(pid, groups, home, 0)
    watch.look(pid, groups, home, 0)  # begins nothing while the first goes on
    assert watch._looking is not None
    await asyncio.wait_for(watch._looking, 10)
    return len(ended) == 1


@pytest.mark.parametrize(
    ("sizes", "answers"),
    [
        ((1.0, 2.0, 2.3), (False, False, False)),  # where 2 MB are allowed, more than 2.4 are far too many
        ((1.0, 3.0, 3.0, 1.0), (False, True, True, False)),
        ((9.0, 9.0, 9.5, 5.0, 5.5, 2.0), (False,) * 6),  # who makes room is left to it
        ((9.0, 4.0, 6.0), (False, False, True)),
        ((3.0, 3.4, 3.8, 4.2), (False, False, False, True)),  # little by little is growth, too
    ],
)
async def test_only_a_home_that_is_far_too_large_and_grows_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: tuple[float, ...], answers: tuple[bool, ...]
) -> None:
    monkeypatch.setattr(server_watch, "HOME_SECONDS", 0)
    monkeypatch.setattr(server_watch, "SHARE", 0)
    growth, found = HomeGrowth(), []
    for size in sizes:
        (tmp_path / "a.bin").write_bytes(os.urandom(int(size * MB)))
        found.append(await growth.is_too_large(tmp_path, 2))
        assert abs((growth.taken or 0) - size * MB) < MB / 50
    assert tuple(found) == answers


async def test_a_home_is_measured_once_a_minute(tmp_path: Path) -> None:
    growth = HomeGrowth()
    for size in (1, 9):
        (tmp_path / "a.bin").write_bytes(os.urandom(size * MB))
        assert not await growth.is_too_large(tmp_path, 1)


async def test_a_home_that_is_not_there_bursts_not(tmp_path: Path) -> None:
    assert not await HomeGrowth().is_too_large(tmp_path / "absent", 1)
