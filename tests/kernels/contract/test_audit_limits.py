"""How many of one person's refusals are written down, and who speaks of the others."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from urbanlab.contract import audit_limits
from urbanlab.contract.audit import Entry
from urbanlab.contract.audit_limits import Flood, Limits
from urbanlab.contract.audit_sender import AuditSender


def _make(person: str, tenant: str = "town", **data: Any) -> Entry:
    return Entry("query-refused", tenant, {"person": person, **data})


def test_some_of_each_minute_and_the_number_of_the_others() -> None:
    limits = Limits(per_minute=3)
    assert [limits.count(_make("a"), now) for now in (0, 1, 2, 3, 59)] == [0, 0, 0, None, None]
    assert limits.count(_make("b"), 59) == 0
    assert limits.count(_make("a", "village"), 59) == 0
    assert [limits.count(_make("a"), now) for now in (60, 61)] == [2, 0]


def test_a_flood_that_has_ended_is_told_once_by_its_last() -> None:
    limits = Limits(per_minute=1)
    for now in range(5):
        limits.count(_make("a", number=now), now)
    limits.count(_make("b"), 50)
    limits.count(_make("b"), 51)
    assert limits.take_ended(59) == []
    assert limits.take_ended(60) == [Flood(4, _make("a", number=4))]
    assert limits.take_ended(60) == []
    assert limits.count(_make("a"), 61) == 0
    assert limits.take_ended(110) == [Flood(1, _make("b"))]


def test_many_keys_take_no_more_memory_than_a_few_thousand() -> None:
    limits = Limits(per_minute=1)
    persons = audit_limits.MAX_KEYS + 50
    kept = [limits.count(_make(str(number)), 0) for number in range(persons)]
    assert kept.count(0) == audit_limits.MAX_KEYS + 1  # those who come last share one
    assert limits.count(_make("x", "village"), 1) == 0
    assert [flood.count for flood in limits.take_ended(60)] == [49]
    assert limits.count(_make("new"), 61) == 0


def test_the_sender_tells_of_a_flood_that_nobody_follows(tmp_path: Path) -> None:
    sender = AuditSender(None, tmp_path, "warehouse")
    for number in range(audit_limits.PER_MINUTE + 5):
        sender.record_often("query-refused", "town", person="anna@town", reason=f"R{number}")
    assert len(sender.list_waiting()) == audit_limits.PER_MINUTE
    sender.record_ended_floods()
    assert len(sender.list_waiting()) == audit_limits.PER_MINUTE
    for _ in range(2):
        sender.record_ended_floods(time.monotonic() + 61)
    *told, last = sender.list_waiting()
    assert len(told) == audit_limits.PER_MINUTE
    assert last.data == {"person": "anna@town", "reason": "R24", "suppressed": 4}
    assert not any("suppressed" in entry.data for entry in told)
