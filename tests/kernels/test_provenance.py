"""What was read is noted, and described when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from urbanlab import datasets, provenance
from urbanlab.session import Session


@pytest.fixture(autouse=True)
def nothing_read() -> Iterator[None]:
    provenance._read.clear()
    yield
    provenance._read.clear()


def test_what_was_looked_up_is_described_with_its_youngest_record(warehouse_session: Session) -> None:
    assert provenance.describe() == {"datasets": [], "until": "", "simulated": False}
    table = datasets.dataset("footfall").table
    # A thousand hours from the first of March on; see `_ingest` in conftest.py.
    assert provenance.describe() == {
        "datasets": [table],
        "until": "2026-04-11T15:00:00+00:00",
        "simulated": True,
    }
