"""Limits of runs, with a real process and kernel for each."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from urbanlab_runner.cells import find_last_cell
from urbanlab_runner.execute import is_notebook
from urbanlab_runner.runs import RunError, Runs, check_parameters
from urbanlab_runner.store import Run, RunStore

from ...kafka_broker import wait_until  # noqa: TID252


@pytest.fixture
def sockets() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ul", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


async def _wait(runs: Runs, run: Run) -> Run:
    for _ in range(400):
        found = runs.store.find_run(run.id)
        if found is not None and found.state != "running":
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("the run does not end")


async def test_runs_that_take_too_long_end_with_their_kernels(
    curated: Path, tmp_path: Path, sockets: Path
) -> None:
    runs = Runs(RunStore(tmp_path / "runs"), curated, sockets)
    began = time.monotonic()
    await _wait(runs, runs.start_run("sum.ipynb", {}))
    runs.time_limit = limit = round(
        4 * (time.monotonic() - began)
    )  # enough to begin, however busy the machine
    cells = {"endless": 3, "stubborn": 4}
    started = [runs.start_run(f"{name}.ipynb", {"pid_file": str(tmp_path / name)}) for name in cells]
    ended = [await _wait(runs, run) for run in started]
    assert [(run.state, run.failed_cell) for run in ended] == [("failed", cell) for cell in cells.values()]
    assert {run.error for run in ended} == {f"the run was still going on after {limit} s and was ended"}
    pids = {int((tmp_path / name).read_text()) for name in cells}
    wait_until(lambda: not pids & set(psutil.pids()), 5, "the kernels end")
    assert not os.listdir(sockets)


async def test_runs_beyond_two_wait_for_their_turn(curated: Path, tmp_path: Path, sockets: Path) -> None:
    runs = Runs(RunStore(tmp_path / "runs"), curated, sockets, time_limit=30)
    started = [runs.start_run("sum.ipynb", {"a": number}) for number in range(3)]
    ended = [await _wait(runs, run) for run in started]
    assert {run.state for run in ended} == {"succeeded"}
    assert [run.id for run in runs.store.list_runs()] == [run.id for run in reversed(started)]


@pytest.mark.parametrize(
    "text",
    [
        *("", "no JSON", "[1]", "{}", "null", '{"nbformat": "4"}', '{"nbformat": 9}'),
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}',
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": {"a": 1}}',
    ],
)
def test_what_else_lies_in_a_file_is_no_notebook(curated: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "file.ipynb").write_text(text)
    assert not is_notebook(tmp_path / "file.ipynb")
    assert is_notebook(curated / "sum.ipynb")


@pytest.mark.parametrize("name", ["a b", "1a", "a=1", "", "import", "a\nb", "a.b"])
def test_a_parameter_is_named_like_a_variable(name: str) -> None:
    check_parameters({"month": "2026-01", "größe": 1})
    with pytest.raises(RunError, match="cannot name a parameter"):
        check_parameters({name: 1})


def _make_cell(begun: bool, *tags: str) -> dict[str, Any]:
    return {"metadata": {"tags": list(tags), "papermill": {"start_time": "2026" if begun else None}}}


@pytest.mark.parametrize(
    ("cells", "number"),
    [
        ([], None),
        ([_make_cell(False)], None),
        ([_make_cell(True), _make_cell(False)], 1),
        ([_make_cell(True), _make_cell(True, "injected-parameters"), _make_cell(True)], 2),
        ([_make_cell(False, "papermill-error-cell-tag"), _make_cell(True), _make_cell(True)], 2),
        ([{"metadata": {}}, {"metadata": {"papermill": {"start_time": "2026"}}}], 2),
    ],
)
def test_the_last_cell_is_counted_among_the_authors(
    tmp_path: Path, cells: list[Any], number: int | None
) -> None:
    (tmp_path / "output.ipynb").write_text(json.dumps({"cells": cells}))
    assert find_last_cell(tmp_path / "output.ipynb") == number


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": [1]}', '{"cells": [{}]}'])
def test_without_a_notebook_there_is_no_last_cell(tmp_path: Path, text: str) -> None:
    (tmp_path / "output.ipynb").write_text(text)
    assert find_last_cell(tmp_path / "output.ipynb") is None
    assert find_last_cell(tmp_path / "absent.ipynb") is None
