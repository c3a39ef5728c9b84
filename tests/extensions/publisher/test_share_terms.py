"""The terms of a share as people write them: columns, a row filter, an end."""

from __future__ import annotations

from typing import Any

import pytest

from urbanlab_services.errors import InvalidRequestError
from urbanlab_services.publisher.share_terms import parse_terms, parse_until

AT = "2026-06-01T12:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2026-06-01", "2026-06-01T22:00:00+00:00"),
        ("2026-12-31", "2026-12-31T23:00:00+00:00"),
        ("2026-10-25", "2026-10-25T23:00:00+00:00"),  # a day of 25 hours
        ("2026-07-01 18:30:20", "2026-07-01T16:30:00+00:00"),
        ("2026-07-01T18:30+00:00", "2026-07-01T18:30:00+00:00"),
        ("", ""),
        ("2026-05-31", "over already"),
        ("2026-06-01T12:00:30+00:00", "over already"),
        ("31.12.2026", "no day"),
        ("soon", "no day"),
        ("9999-12-31", "no day"),
        ("2026-02-30", "no day"),
        ("x" * 500, "no day"),
    ],
)
def test_an_end_is_the_end_of_a_day_where_the_town_lies(text: str, end: str) -> None:
    if not end or "+" in end:
        assert parse_until(text, AT, "Europe/Berlin") == end
        return
    with pytest.raises(InvalidRequestError, match=end):
        parse_until(text, AT, "Europe/Berlin")


@pytest.mark.parametrize(
    "values",
    [
        {"partner": "town"},
        {"partner": "Village"},
        {"partner": "lab_x"},
        {"partner": 5},
        {"columns": 5},
        {"columns": [1]},
        {"columns": ["x" * 101]},
        {"columns": [f"c{n}" for n in range(1001)]},
        {"where": ["a"]},
        {"where": "x" * 2001},
        {"until": {"a": 1}},
    ],
)
def test_terms_that_are_none_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        parse_terms(values, "town", AT, "Europe/Berlin")


def test_columns_may_be_written_with_commas() -> None:
    assert parse_terms({"columns": "a, b,,a "}, "town", AT, "Europe/Berlin").columns == ("a", "b")
