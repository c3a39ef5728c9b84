"""A change is carried out and then said, or only said."""

from __future__ import annotations

import pytest

from urbanlab_operate.changes import ApplyError, Changes, say


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


@pytest.mark.parametrize("dry_run", [False, True])
def test_many_are_carried_out_some_at_once_and_each_is_said_when_it_is_done(dry_run: bool) -> None:
    happened: list[object] = []
    changes = Changes("kafka", dry_run=dry_run, report=happened.append)

    changes.make_all([(f"make {name}", name) for name in "abc"], happened.append, 2)

    if dry_run:
        assert happened == ["kafka: would make a", "kafka: would make b", "kafka: would make c"]
    else:
        assert happened == [["a", "b"], "kafka: make a", "kafka: make b", ["c"], "kafka: make c"]


def test_what_fails_together_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: list[str]) -> None:
        raise ApplyError("Kafka does not answer")

    changes = Changes("kafka", dry_run=False, report=say)
    with pytest.raises(ApplyError):
        changes.make_all([("make a", "a")], fail, 5)
    changes.make_all([], fail, 5)
    changes.note("make b")
    assert changes.lines == ["kafka: make b"]
    assert capsys.readouterr().out == "kafka: make b\n"
