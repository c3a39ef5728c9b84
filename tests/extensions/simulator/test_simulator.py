"""The simulator as a process against a real Kafka: history, restart, new tenants, Kafka's death."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from urbanlab.contract import environment
from urbanlab.contract.records import Sensor, Tenant, write_tenant

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture
def environ(kafka: Any, tmp_path: Path) -> dict[str, str]:
    for folder in ("records", "secrets", "state"):
        (tmp_path / folder).mkdir()
    (tmp_path / "secrets/kafka-simulator").write_text(kafka.password)
    return {
        environment.KAFKA_BOOTSTRAP: f"127.0.0.1:{kafka.port}",
        environment.RECORDS: str(tmp_path / "records"),
        environment.SECRETS: str(tmp_path / "secrets"),
        environment.SERVICE_STATE: str(tmp_path / "state"),
    }


def read_keys(kafka: Any, topic: str) -> list[tuple[str, datetime]]:
    values = [json.loads(message.value) for message in kafka.read(topic)]
    return [(value["sensor"], datetime.fromisoformat(value["observed_at"])) for value in values]


def test_history_restart_and_kafkas_death(
    kafka: Any,
    environ: dict[str, str],
    tmp_path: Path,
    make_tenant: Callable[..., Tenant],
    start_service: Callable[..., Any],
) -> None:
    tenant = make_tenant("alpha")
    kafka.prepare_tenant(tenant)
    write_tenant(tmp_path / "records", tenant)

    # The first run is killed in the middle of its history; the second one completes it.
    first = start_service("simulator", **environ)
    wait_for_messages(kafka, "alpha.footfall", 1000)
    first.kill()
    second = start_service("simulator", **environ)
    second.wait_until_ready(60)

    footfall = read_keys(kafka, "alpha.footfall")
    now = datetime.now(UTC)
    assert min(instant for _, instant in footfall) < now - timedelta(days=364)
    assert now - timedelta(hours=40) < max(instant for _, instant in footfall) <= now - timedelta(hours=1)
    assert {sensor for sensor, _ in footfall} == {f"counter{n}" for n in range(4)}
    per_sensor = Counter(sensor for sensor, _ in set(footfall))
    assert all(8400 <= count <= 8760 for count in per_sensor.values()), per_sensor
    # At most what was on its way when the process was killed is there twice.
    assert len(footfall) - len(set(footfall)) < 2000
    assert len(set(read_keys(kafka, "alpha.weather"))) > 8400

    # Kafka dies and comes back: live messages go on, without a gap and without one being sent twice.
    kafka.kill()
    kafka.start()
    before = len(kafka.read("alpha.footfall_live"))
    wait_for_messages(kafka, "alpha.footfall_live", before + 8)
    live = sorted(
        instant for sensor, instant in set(read_keys(kafka, "alpha.footfall_live")) if sensor == "counter0"
    )
    assert all(later - earlier == timedelta(seconds=5) for earlier, later in itertools.pairwise(live))
    assert second.stop() == 0


def test_new_tenant_and_new_sensor_are_followed(
    kafka: Any,
    environ: dict[str, str],
    tmp_path: Path,
    make_tenant: Callable[..., Tenant],
    start_service: Callable[..., Any],
) -> None:
    service = start_service("simulator", **environ)
    tenant = make_tenant("beta", counters=1)
    write_tenant(tmp_path / "records", tenant)  # the topics come later, as they might in `urbanlab apply`
    assert service.get("/readyz")[0] != 200
    kafka.prepare_tenant(tenant)
    service.wait_until_ready(40)
    more = (*tenant.sensors, Sensor("late", "Late", "footfall", 8.4, 51.9))
    write_tenant(tmp_path / "records", make_tenant("beta", sensors=more))
    wait_for_messages(kafka, "beta.footfall", 16_000)
    assert {sensor for sensor, _ in read_keys(kafka, "beta.footfall")} == {"counter0", "late"}


def wait_for_messages(kafka: Any, topic: str, count: int) -> None:
    deadline = time.monotonic() + 40
    while len(kafka.read(topic)) < count:
        assert time.monotonic() < deadline, f"{topic} has {len(kafka.read(topic))} of {count} messages"
        time.sleep(0.3)
