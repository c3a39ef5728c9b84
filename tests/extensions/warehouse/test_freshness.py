"""How much there is and since when: whom a slow view keeps waiting, and what ends while it is being prolonged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.extensions.warehouse.conftest import Warehouse, make_town
from tests.extensions.warehouse.test_releases import ask, change_as_operator, release
from tests.extensions.warehouse.test_releases import withdraw as withdraw_open
from tests.extensions.warehouse.test_shares import VIEW, list_shares, share, withdraw
from urbanlab.contract.naming import make_warehouse_role
from urbanlab_services.warehouse.embedded import EmbeddedEngine
from urbanlab_services.warehouse.freshness import FORGOTTEN_AFTER, Freshness, Wanted
from urbanlab_services.warehouse.lineage import Lineage
from urbanlab_services.warehouse.release_record import Release
from urbanlab_services.warehouse.releases import Releases
from urbanlab_services.warehouse.running import Running
from urbanlab_services.warehouse.wire import Job

ALBA, BERN = (make_warehouse_role(town, "analyst") for town in ("alba", "bern"))
VIEWS = tuple(f"lab_alba.slow{number}" for number in range(3))


class SlowEngine(EmbeddedEngine):
    """The warehouse's engine, on which each count of alba's takes four seconds of a clock of its own."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.now = 0.0
        self.asked: list[str] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def collect(self, job: Job) -> bytes:
        if job.role == ALBA:
            self.asked.append(job.settings["max_execution_time"])
            await self.may_go_on.wait()
            self.now += 4.0
        return await super().collect(job)


@pytest.fixture
def views(warehouse: Warehouse) -> Iterator[Warehouse]:
    for view in VIEWS:
        assert warehouse.post("alba", f"CREATE VIEW {view} AS SELECT number FROM numbers(5)").ok
    assert warehouse.post("bern", "CREATE VIEW lab_bern.quick AS SELECT number FROM numbers(7)").ok
    yield warehouse
    for view in (*VIEWS, "lab_bern.quick"):
        change_as_operator(warehouse, f"DROP VIEW {view}")


async def test_a_list_has_one_patience_with_all_its_views(views: Warehouse) -> None:
    engine = SlowEngine(views.socket)
    freshness = Freshness(engine, lambda: engine.now)
    wanted = dict.fromkeys(VIEWS, Wanted())
    assert [state.rows for state in (await freshness.find(wanted, ALBA)).values()] == [5, 5, None]
    assert engine.asked == ["5", "1"]
    assert [state.rows for state in (await freshness.find(wanted, ALBA)).values()] == [5, 5, 5]
    engine.now += 61.0  # they are counted again, and the last is told as it was
    assert [state.rows for state in (await freshness.find(wanted, ALBA)).values()] == [5, 5, 5]
    assert engine.asked == ["5", "1", "5", "5", "1"]


async def test_slow_views_of_one_town_keep_no_other_waiting(views: Warehouse) -> None:
    engine = SlowEngine(views.socket)
    engine.may_go_on.clear()
    freshness = Freshness(engine, lambda: engine.now)
    slow = asyncio.create_task(freshness.find({VIEWS[0]: Wanted()}, ALBA))
    found = await asyncio.wait_for(freshness.find({"lab_bern.quick": Wanted()}, BERN), 10)
    assert found["lab_bern.quick"].rows == 7 and not slow.done()
    engine.may_go_on.set()
    assert (await slow)[VIEWS[0]].rows == 5


async def test_what_nobody_asks_for_any_more_is_forgotten(views: Warehouse) -> None:
    engine = SlowEngine(views.socket)
    freshness = Freshness(engine, lambda: engine.now)
    await freshness.find(dict.fromkeys(VIEWS[:2], Wanted()), ALBA)
    engine.now += FORGOTTEN_AFTER
    await freshness.find({VIEWS[2]: Wanted()}, ALBA)
    assert list(freshness._counted) == [(ALBA, VIEWS[2])]


def test_when_what_is_behind_open_data_was_written_is_known_also_of_views(views: Warehouse) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    values = "('a', '2026-01-01 10:00:00', 5)"
    assert views.post("alba", f"INSERT INTO alba.footfall VALUES {values}", "steward").ok
    assert views.post("alba", "CREATE VIEW lab_alba.busy AS SELECT persons FROM alba.footfall").ok
    try:
        assert release(views, "lab_alba.busy", "busy").ok
        assert release(views, columns=["persons"], where="persons > 1").ok
        assert release(views, VIEWS[0], "numbers").ok
        written = ask(views, "GET", "/written").json()["written"]
    finally:
        for dataset in ("busy", "footfall", "numbers"):
            withdraw_open(views, dataset)
        change_as_operator(views, "DROP VIEW lab_alba.busy")
        change_as_operator(views, "TRUNCATE TABLE alba.footfall")
    assert set(written) == {"open_data.alba__busy", "open_data.alba__footfall"}
    assert all(datetime.fromisoformat(moment) >= began for moment in written.values())


class RacingEngine(EmbeddedEngine):
    """The warehouse's engine; somebody prolongs a share whenever a view is about to be dropped."""

    def prolong_by(self, releases: Releases, longer: Release) -> None:
        self.releases, self.longer = releases, longer
        self.prolonging: asyncio.Task[object] | None = None

    async def collect(self, job: Job) -> bytes:
        if job.text.startswith("DROP VIEW") and self.prolonging is None:
            self.prolonging = asyncio.create_task(self.releases.release(self.longer))
            await asyncio.wait({self.prolonging}, timeout=0.5)
        return await super().collect(job)


async def test_what_is_prolonged_while_it_ends_goes_on(warehouse: Warehouse) -> None:
    engine = RacingEngine(warehouse.socket)
    towns = {name: make_town(name) for name in ("alba", "bern")}
    releases = Releases(engine, lambda: towns, Running(), Lineage(engine))
    now = datetime.now(UTC).replace(microsecond=0)
    assert share(warehouse, until=(now + timedelta(days=1)).isoformat()).ok
    ((held, _),) = await releases.list_held()
    longer = {**vars(held), "until": (now + timedelta(days=9)).isoformat()}
    engine.prolong_by(releases, Release(**longer))
    await releases.end_over(now + timedelta(days=2))
    assert engine.prolonging is not None
    await engine.prolonging
    assert list_shares(warehouse)[VIEW]["until"] == longer["until"]
    withdraw(warehouse)
