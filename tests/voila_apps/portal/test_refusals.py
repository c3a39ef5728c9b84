"""What the portal writes down of refusals: that they were, of which kind, how many; not who, not where."""

from __future__ import annotations

import logging

import pytest

from urbanlab_portal.refusals import Refusals


def read_lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int, int]]:
    """Return kind, status and the number of those that were held back before, of each line."""
    return [
        (vars(record)["kind"], vars(record)["status"], vars(record).get("suppressed", 0))
        for record in caplog.records
    ]


def test_a_flood_is_told_by_its_size(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    refusals = Refusals(per_minute=2)
    for second in range(5):
        refusals.note("preview", 410, second)
    refusals.note("page", 404, 5)
    refusals.note("preview", 410, 61)
    refusals.note("preview", 410, 200)
    assert read_lines(caplog) == [
        *[("preview", 410, 0)] * 2, ("page", 404, 0), ("preview", 410, 3), ("preview", 410, 0),
    ]  # fmt: skip
