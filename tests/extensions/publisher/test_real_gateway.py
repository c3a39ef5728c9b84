"""Decisions about open data, carried out at a real gateway with a real engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from urbanlab.contract.secrets import Secret
from urbanlab_services.errors import InvalidRequestError
from urbanlab_services.publisher import data_releases
from urbanlab_services.publisher.actors import Actor
from urbanlab_services.publisher.data_releases import DataRequest, parse_request
from urbanlab_services.publisher.open_data import OpenData
from urbanlab_services.publisher.store import Store

from ..warehouse.conftest import PUBLISHER, Warehouse, make_town, make_warehouse  # noqa: TID252

AT = "2026-03-01T12:00:00.000+00:00"
OLGA = Actor("olga@alba", "alba", frozenset({"analyst"}))
GERD = Actor("gerd@alba", "alba", frozenset({"gatekeeper"}), may_decide=True)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    running = make_warehouse(tmp_path_factory.mktemp("warehouse"), make_town("alba"))
    yield running
    running.stop()


@pytest.fixture
def open_data(warehouse: Warehouse, tmp_path: Path) -> OpenData:
    return OpenData(warehouse.url, Secret(PUBLISHER), Store(tmp_path / "store.sqlite"))


def _decide(dataset: str) -> DataRequest:
    return data_releases.release(parse_request({"dataset": dataset, "title": "Ä"}, OLGA, "1", AT), GERD, AT)


async def test_what_is_released_can_be_read_and_what_is_withdrawn_cannot(
    open_data: OpenData, warehouse: Any
) -> None:
    released = await open_data.release(_decide("footfall"))
    assert released.state == "released" and await open_data.is_reachable()
    answer = warehouse.post("alba", "SELECT count() FROM open_data.alba__footfall", "publications")
    assert (answer.status_code, answer.text) == (200, "0\n")
    withdrawn = await open_data.withdraw(data_releases.withdraw(released, GERD, "because", AT))
    assert withdrawn.state == "withdrawn"
    answer = warehouse.post("alba", "SELECT count() FROM open_data.alba__footfall", "publications")
    assert answer.status_code >= 400
    again = dataclasses.replace(withdrawn, state=data_releases.DataState.WITHDRAWING)
    assert (await open_data.withdraw(again)).state == "withdrawn"


async def test_the_gateway_tells_when_what_is_behind_open_data_was_written(
    open_data: OpenData, warehouse: Any
) -> None:
    released = await open_data.release(_decide("footfall"))
    assert await open_data.list_written() == {}  # nothing has been written yet
    began = datetime.now(UTC).replace(microsecond=0)
    values = "INSERT INTO alba.footfall VALUES ('n', '2026-03-01 10:00:00', 1)"
    assert warehouse.post("alba", values, "steward").status_code == 200
    written = await open_data.list_written()
    assert list(written) == ["open_data.alba__footfall"]
    assert datetime.fromisoformat(written["open_data.alba__footfall"]) >= began
    await open_data.withdraw(data_releases.withdraw(released, GERD, "because", AT))


async def test_what_does_not_exist_is_not_released(open_data: OpenData) -> None:
    with pytest.raises(InvalidRequestError, match=r"cannot release this: [A-Z]"):
        await open_data.release(_decide("nothing"))


async def test_with_a_wrong_secret_the_decision_waits(
    open_data: OpenData, warehouse: Any, tmp_path: Path
) -> None:
    stranger = OpenData(warehouse.url, Secret("wrong"), Store(tmp_path / "other.sqlite"))
    assert (await stranger.release(_decide("footfall"))).state == "releasing"
