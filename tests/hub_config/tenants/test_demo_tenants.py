"""The tenants that come with the product: complete, in both languages, and where they claim to be."""

from __future__ import annotations

import math

import pytest

from urbanlab.contract.records import Sensor, Tenant
from urbanlab_hub.tenants import DEMO_FOLDER, load_tenants

TENANTS = load_tenants(DEMO_FOLDER)
FEEDS = {
    "footfall": ("sensor", "observed_at", "persons"),
    "footfall_live": ("sensor", "observed_at", "persons"),
    "weather": ("sensor", "observed_at", "temperature", "rain", "wind", "humidity"),
}


def _kilometres(tenant: Tenant, sensor: Sensor) -> float:
    north = (sensor.latitude - tenant.latitude) * 111.2
    east = (sensor.longitude - tenant.longitude) * 111.2 * math.cos(math.radians(tenant.latitude))
    return math.hypot(north, east)


def test_there_are_three() -> None:
    assert list(TENANTS) == ["detmold", "guetersloh", "rietberg"]


@pytest.mark.parametrize("tenant", TENANTS.values(), ids=TENANTS)
def test_each_has_the_feeds_of_the_demo(tenant: Tenant) -> None:
    assert {feed.name: tuple(column.name for column in feed.columns) for feed in tenant.feeds} == FEEDS
    for feed in tenant.feeds:
        assert feed.simulated
        assert feed.licence == "dl-de/zero-2.0"
        assert feed.key == ("sensor", "observed_at")
        assert set(feed.title) == set(feed.description) == {"de", "en"}
        assert all(set(column.title) == {"de", "en"} for column in feed.columns)


@pytest.mark.parametrize("tenant", TENANTS.values(), ids=TENANTS)
def test_each_has_four_counters_and_a_weather_station_near_its_centre(tenant: Tenant) -> None:
    counters = [sensor for sensor in tenant.sensors if sensor.kind == "footfall"]

    assert (len(counters), len(tenant.sensors)) == (4, 5)
    assert len({sensor.level for sensor in counters}) == 4
    assert all(_kilometres(tenant, sensor) < 0.5 for sensor in counters)
    assert all(_kilometres(tenant, sensor) < 2 for sensor in tenant.sensors)
