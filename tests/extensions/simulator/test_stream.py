"""What a stream sends next: in order, nothing twice, nothing before it is over."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from urbanlab.contract.records import Tenant
from urbanlab_services.simulator.positions import parse_message
from urbanlab_services.simulator.series import SERIES
from urbanlab_services.simulator.stream import Stream, find_sensors, make_streams

NOW = datetime(2026, 3, 4, 10, 30, 3, tzinfo=UTC)


def make_stream(tenant: Tenant, feed: str) -> Stream:
    return next(stream for stream in make_streams(tenant) if stream.series.feed == feed)


def take_all(stream: Stream, now: datetime, steps: int = 10_000) -> list[tuple[str, datetime]]:
    bodies = [json.loads(value) for _, _, value in stream.take(now, steps)]
    return [(body["sensor"], datetime.fromisoformat(body["observed_at"])) for body in bodies]


def test_a_first_run_sends_a_year_of_hours_that_are_over(make_tenant: Callable[..., Tenant]) -> None:
    tenant = make_tenant()
    stream = make_stream(tenant, "footfall")
    stream.follow(find_sensors(tenant, stream.series), {}, NOW)
    sent = take_all(stream, NOW)
    assert min(at for _, at in sent) == datetime(2025, 3, 4, 10, tzinfo=UTC)
    assert max(at for _, at in sent) == datetime(2026, 3, 4, 9, tzinfo=UTC)
    assert len(sent) == len(set(sent)) > 34_000
    assert not stream.is_behind(NOW) and take_all(stream, NOW) == []
    assert stream.is_behind(NOW + timedelta(minutes=30))


def test_a_run_goes_on_after_the_last_of_each_sensor(make_tenant: Callable[..., Tenant]) -> None:
    tenant = make_tenant(counters=2)
    stream = make_stream(tenant, "footfall")
    last = {
        "counter0": NOW - timedelta(hours=5, minutes=30, seconds=3),
        "counter1": NOW.replace(hour=9, minute=0, second=0),
    }
    stream.follow(find_sensors(tenant, stream.series), last, NOW)
    assert {sensor for sensor, _ in take_all(stream, NOW)} == {"counter0"}


@pytest.mark.parametrize(
    ("feed", "pause", "made_up_for"),
    [
        ("footfall_live", timedelta(minutes=3), timedelta(minutes=3)),
        ("footfall_live", timedelta(days=3), timedelta(minutes=15)),
        ("footfall", timedelta(days=30), timedelta(days=30)),
    ],
)
def test_how_long_a_pause_is_made_up_for(feed: str, pause: timedelta, made_up_for: timedelta) -> None:
    series = SERIES[feed]
    now = series.align(NOW)
    assert now - series.find_start(now - pause, now) in {made_up_for, made_up_for - series.step}


def test_chunks_follow_one_another(make_tenant: Callable[..., Tenant]) -> None:
    tenant = make_tenant(counters=2)
    whole, pieces = make_stream(tenant, "weather"), make_stream(tenant, "weather")
    for stream in (whole, pieces):
        stream.follow(find_sensors(tenant, stream.series), {}, NOW)
    collected: list[tuple[str, datetime]] = []
    while pieces.is_behind(NOW):
        collected += take_all(pieces, NOW, steps=100)
    assert collected == take_all(whole, NOW)


def test_only_feeds_marked_as_simulated_are(make_tenant: Callable[..., Tenant]) -> None:
    tenant = make_tenant()
    real = tuple(dataclasses.replace(feed, simulated=feed.name == "weather") for feed in tenant.feeds)
    assert [stream.topic for stream in make_streams(make_tenant(feeds=real))] == ["town.weather"]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no json",
        b"[]",
        b"5",
        b'{"sensor": "a"}',
        b'{"sensor": "a", "observed_at": 5}',
        b"\xff",
        b"[" * 100000,
        b'{"sensor": "a", "observed_at": "2026-01-01T00:00:00"}',
    ],
)
def test_what_others_put_into_a_topic_is_passed_over(payload: bytes) -> None:
    assert parse_message(payload) is None
