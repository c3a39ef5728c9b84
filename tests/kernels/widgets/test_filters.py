"""What can be typed into a tail's filter box."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urbanlab.messages import Message
from urbanlab.widgets.filters import parse_filter


def make(value: dict[str, Any] | None = None, key: str = "kolbeplatz", raw: bytes = b"") -> Message:
    return Message("t", 0, 0, datetime.datetime.now(datetime.UTC), key, value, raw)


MESSAGE = make(
    {"sensor": "Kolbeplatz Nord", "persons": 21, "rate": 1.5, "wet": True, "none": None, "a.b": 3},
    raw='{"sensor": "Kolbeplatz Nord", "note": "Straße"}'.encode(),
)


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", True),
        ("   ", True),
        ("persons>20", True),
        ("persons>21", False),
        ("persons>=21", True),
        ("persons<=20", False),
        ("persons!=20", True),
        ("persons=21.0", True),
        ("rate=1,5", True),
        ("rate<1.4", False),
        ("persons=many", False),
        ('sensor="kolbeplatz nord"', True),
        ("sensor=kolbeplatz", False),
        ("sensor!=x", True),
        ("wet=true", True),
        ("a.b=3", True),
        ("none=1", False),
        ("absent=1", False),
        ("absent!=1", False),
        ("key=KOLBEPLATZ", True),
        ("nord", True),
        ("straße", True),
        ("kolbeplatz persons>20", True),
        ("kolbeplatz persons>200", False),
        ("süd", False),
        ('sensor="Kolbe', False),
    ],
)
def test_a_message_passes_where_all_words_hold(text: str, passes: bool) -> None:
    assert parse_filter(text)(MESSAGE) is passes


def test_a_message_that_is_no_json_is_found_by_its_text() -> None:
    broken = make(None, raw=b"21;Nord;oops")
    assert parse_filter("nord")(broken)
    assert not parse_filter("persons>1")(broken)


@given(text=st.text(max_size=40))
def test_nothing_that_is_typed_breaks_it(text: str) -> None:
    assert parse_filter(text)(MESSAGE) in {True, False}
