"""What counts as drift, and what is left of what a system knows besides."""

from __future__ import annotations

from typing import Any

import pytest

from urbanlab_operate.apply.drift import agrees, find_different, lay_over


@pytest.mark.parametrize(
    ("found", "wanted", "fine"),
    [
        ({"a": 1, "id": "x"}, {"a": 1}, True),  # Keycloak knows more about an object
        ({"a": 1}, {"a": 2}, False),
        (None, {"a": 1}, False),
        (["a"], ["a"], True),
        (["a", "b"], ["a"], False),  # an address too many is drift
        (None, [], True),
        ([{"name": "b"}, {"name": "a", "id": 1}], [{"name": "a"}, {"name": "b"}], True),
        ("true", True, False),
    ],
)
def test_what_counts_as_drift(found: Any, wanted: Any, fine: bool) -> None:
    assert agrees(found, wanted) is fine
    assert find_different({"x": found, "y": 1}, {"x": wanted}) == ([] if fine else ["x"])


def test_what_is_set_keeps_what_the_system_knows_besides() -> None:
    assert lay_over({"a": 1, "b": 2}, {"a": 3}) == {"a": 3, "b": 2}
    assert lay_over(["x"], ["y"]) == ["y"]
