"""A change is carried out and then said, or only said."""

from __future__ import annotations

import pytest

from urbanlab_operate.changes import Changes


@pytest.mark.parametrize(
    ("dry_run", "line", "done"),
    [(False, "kafka: create the topic a", [1]), (True, "kafka: would create the topic a", [])],
)
def test_a_dry_run_only_says_it(dry_run: bool, line: str, done: list[int]) -> None:
    said: list[str] = []
    acts: list[int] = []
    changes = Changes("kafka", dry_run=dry_run, report=said.append)
    changes.make("create the topic a", lambda: acts.append(1))

    assert (said, changes.lines, acts) == ([line], [line], done)


def test_what_fails_is_not_said_to_be_done() -> None:
    said: list[str] = []
    changes = Changes("kafka", dry_run=False, report=said.append)
    with pytest.raises(ZeroDivisionError):
        changes.make("divide", lambda: 1 / 0)
    assert said == changes.lines == []
