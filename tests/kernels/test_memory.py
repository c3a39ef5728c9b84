"""How much memory is left, by files and limits as the system has them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from urbanlab.memory import _find_group_rooms, find_room

MB = 1 << 20


def test_without_limits_it_is_what_the_machine_has() -> None:
    assert 0 < find_room() <= psutil.virtual_memory().total


def test_a_limit_of_the_process_counts() -> None:
    code = (
        "import resource, psutil; from urbanlab.memory import find_room;"
        f"most = psutil.Process().memory_info().data + 64 * {MB};"
        "resource.setrlimit(resource.RLIMIT_DATA, (most, most)); print(find_room())"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert 32 * MB < int(done.stdout) <= 64 * MB


def _write_group(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name.replace("__", ".")).write_text(f"{value}\n")


@pytest.mark.parametrize(
    ("line", "kind", "names"),
    [
        ("0::/town/anna", "", ("memory.max", "memory.current", "inactive_file")),
        (
            "7:cpu,memory:/town/anna",
            "memory",
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ),
    ],
)
def test_every_group_around_counts_and_idle_files_are_given_back(
    tmp_path: Path, line: str, kind: str, names: tuple[str, str, str]
) -> None:
    allowed, held, idle = names
    for place, limit in (("town", 500 * MB), ("town/anna", 900 * MB)):
        files = {allowed: limit, held: 300 * MB, "memory.stat": f"anon 5\n{idle} {100 * MB}"}
        _write_group(
            tmp_path / kind / place, **{name.replace(".", "__"): value for name, value in files.items()}
        )
    (tmp_path / "own").write_text(f"3:pids:/elsewhere\n{line}\n")
    assert sorted(_find_group_rooms(tmp_path / "own", tmp_path)) == [300 * MB, 700 * MB]


def test_a_group_without_a_limit_and_one_that_is_not_there_say_nothing(tmp_path: Path) -> None:
    _write_group(tmp_path / "town", memory__max="max", memory__current=5, memory__stat="anon 5")
    (tmp_path / "own").write_text("0::/town\n")
    assert list(_find_group_rooms(tmp_path / "own", tmp_path)) == []
    assert list(_find_group_rooms(tmp_path / "absent", tmp_path)) == []
    _write_group(tmp_path, memory__max=9 * MB, memory__current=MB, memory__stat="anon 5")
    (tmp_path / "own").write_text("0::/seen/from/outside\n")
    assert list(_find_group_rooms(tmp_path / "own", tmp_path)) == [8 * MB]
