"""How sizes are shown to whoever decides about them."""

from __future__ import annotations

import pytest

from urbanlab_operate.purge.remnants import show_size


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
        (999_000_000, "999.0 MB"),
        (5_000_000_000, "5.0 GB"),
        (7_300_000_000_000, "7.3 TB"),
        (12_000_000_000_000_000, "12000.0 TB"),
    ],
)
def test_sizes_are_short(size: int, shown: str) -> None:
    assert show_size(size) == shown
