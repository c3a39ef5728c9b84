"""Steps run as soon as those they need are done, side by side; a failure or the wish to stop ends the whole."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import pytest
from rich.console import Console

from urbanlab_operate.errors import OperateError
from urbanlab_operate.local.steps import Progress, Step, StoppedError, run_steps, wait_until
from urbanlab_operate.local.up import APPLY, APPLY_NEEDS, NEEDS


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def run(output: io.StringIO) -> Callable[..., dict[str, float]]:
    def run_them(*steps: Step, stop: threading.Event | None = None) -> dict[str, float]:
        progress = Progress(Console(file=output, width=120))
        run_steps(steps, progress, stop or threading.Event())
        return progress.seconds

    return run_them


def test_a_step_waits_for_what_it_needs_however_they_are_given(run: Callable[..., dict[str, float]]) -> None:
    order: list[str] = []
    names = {"c": ("a", "b"), "b": ("a",), "a": ()}
    seconds = run(*(Step(name, needs, lambda name=name: order.append(name)) for name, needs in names.items()))  # type: ignore[misc]

    assert order == ["a", "b", "c"]
    assert set(seconds) == {"a", "b", "c"}


def test_steps_that_need_nothing_of_each_other_run_side_by_side(
    run: Callable[..., dict[str, float]], output: io.StringIO
) -> None:
    both = threading.Barrier(2, timeout=5)  # breaks where one waits for the end of the other
    run(Step("left", (), both.wait), Step("right", (), both.wait))
    assert "✓ left" in output.getvalue()


def test_a_failure_is_raised_and_what_needs_it_never_starts(run: Callable[..., dict[str, float]]) -> None:
    def fail() -> None:
        raise OperateError("Kafka does not answer")

    started: list[str] = []
    with pytest.raises(OperateError, match="Kafka does not answer"):
        run(Step("kafka", (), fail), Step("apply", ("kafka",), lambda: started.append("apply")))
    assert started == []


def test_the_wish_to_stop_is_heard_while_a_step_hangs(run: Callable[..., dict[str, float]]) -> None:
    stop, hang = threading.Event(), threading.Event()
    threading.Timer(0.2, stop.set).start()
    ended: list[bool] = []
    with pytest.raises(StoppedError):
        run(Step("slow", (), lambda: ended.append(hang.wait(60))), stop=stop)
    assert ended == []  # nobody has waited for it
    hang.set()


def test_waiting_ends_with_the_last_problem_or_once_there_is_none() -> None:
    answers = iter(["does not answer", "is not ready", None])
    wait_until(lambda: next(answers), "hub", 10, threading.Event())
    with pytest.raises(OperateError, match=r"^hub is not ready, after 0 seconds$"):
        wait_until(lambda: "is not ready", "hub", 0, threading.Event())


def test_waiting_hears_the_wish_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError):
        wait_until(lambda: "is not ready", "hub", 30, stop)


def test_everything_that_a_part_needs_is_a_step_and_there_is_no_circle() -> None:
    needs = {**NEEDS, APPLY: APPLY_NEEDS}
    done: set[str] = set()
    while ready := {name for name in needs if name not in done and done.issuperset(needs[name])}:
        done |= ready
    assert done == set(needs)
