"""What was read is noted, however it was read, and described when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import urbanlab as ul
from urbanlab import provenance, reads
from urbanlab.session import Session

# A thousand hours from the first of March on; see `_ingest` in conftest.py.
UNTIL = "2026-04-11T15:00:00+00:00"


@pytest.fixture(autouse=True)
def nothing_read() -> Iterator[None]:
    reads.forget()
    yield
    reads.forget()


def test_what_was_looked_up_is_described_with_its_youngest_record(warehouse_session: Session) -> None:
    assert provenance.describe() == {"datasets": [], "until": "", "simulated": False}
    table = ul.dataset("footfall").table
    assert provenance.describe() == {"datasets": [table], "until": UNTIL, "simulated": True}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM footfall",
        "WITH recent AS (SELECT * FROM footfall) SELECT count() FROM recent",
        "SELECT 1 WHERE 'a' IN (SELECT sensor FROM footfall)",
    ],
)
def test_plain_sql_is_noted_too_and_names_of_its_own_are_not(warehouse_session: Session, sql: str) -> None:
    ul.query(sql)
    told = provenance.describe()
    assert (told["datasets"], told["until"]) == ([f"{warehouse_session.tenant}.footfall"], UNTIL)


def test_so_is_what_the_client_reads_and_not_what_failed(warehouse_session: Session) -> None:
    ul.client().query("SELECT 1")
    with pytest.raises(ul.UrbanlabError):
        ul.query("SELECT * FROM nonsuch")
    assert provenance.describe()["datasets"] == []
    ul.client().query("SELECT count() FROM footfall")
    assert provenance.describe()["datasets"] == [f"{warehouse_session.tenant}.footfall"]
