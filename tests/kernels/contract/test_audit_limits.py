"""How many of one person's refusals are written down, and how many others the next one speaks of."""

from __future__ import annotations

from urbanlab.contract import audit_limits
from urbanlab.contract.audit_limits import Limits


def test_some_of_each_minute_and_the_number_of_the_others() -> None:
    limits = Limits(per_minute=3)
    assert [limits.count(("a",), now) for now in (0, 1, 2, 3, 59)] == [0, 0, 0, None, None]
    assert limits.count(("b",), 59) == 0
    assert [limits.count(("a",), now) for now in (60, 61)] == [2, 0]


def test_many_keys_take_no_more_memory_than_a_few_thousand() -> None:
    limits = Limits(per_minute=1)
    kept = [limits.count((str(number),), 0) for number in range(audit_limits.MAX_KEYS + 50)]
    assert kept.count(0) == audit_limits.MAX_KEYS
    assert limits.count(("new",), 61) == 0
