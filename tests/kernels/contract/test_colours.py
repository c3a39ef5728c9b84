"""Contrast as WCAG 2.1 counts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urbanlab.contract.colours import READABLE, lighten, measure_contrast


# Figures of the W3C's own examples and of common checkers.
@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#ff0000", "#ffffff", 4.0),
        ("#0b5d51", "#0b5d51", 1.0),
    ],
)
def test_the_ratio_is_that_of_the_guidelines(one: str, other: str, ratio: float) -> None:
    assert measure_contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert measure_contrast(other, one) == measure_contrast(one, other)


@given(st.integers(0, 0xFFFFFF))
def test_whatever_a_town_chooses_can_be_read_in_the_dark(value: int) -> None:
    assert measure_contrast(lighten(f"#{value:06x}", "#18211e"), "#18211e") >= READABLE
