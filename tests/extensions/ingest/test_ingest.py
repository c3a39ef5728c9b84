"""Ingest as a process between a real Kafka and a real ClickHouse on disk: once each, nothing lost."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.extensions.conftest import wait_until
from urbanlab.contract import environment
from urbanlab.contract.records import COLUMN_TYPES, Tenant, write_tenant

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@dataclass
class ClickHouse:
    port: int
    folder: Path

    def start(self) -> None:
        server = Path(__file__).with_name("chdb_server.py")
        self.process = subprocess.Popen([sys.executable, str(server), str(self.port), str(self.folder)])
        deadline = time.monotonic() + 30
        while not self.answers():
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            return self.query("SELECT 1") == "1\n"
        except OSError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def query(self, sql: str) -> str:
        address = f"http://127.0.0.1:{self.port}/?{urllib.parse.urlencode({'query': sql + ' FORMAT TSV'})}"
        with urllib.request.urlopen(address, data=b"", timeout=10) as answer:
            return str(answer.read().decode())

    def prepare_tenant(self, tenant: Tenant) -> None:
        self.execute(f"CREATE DATABASE {tenant.id}")
        for feed in tenant.feeds:
            columns = ", ".join(f"{column.name} {COLUMN_TYPES[column.type]}" for column in feed.columns)
            key = ", ".join(feed.key)
            self.execute(
                f"CREATE TABLE {tenant.id}.{feed.name} ({columns}) ENGINE=MergeTree ORDER BY ({key})"
            )

    def execute(self, sql: str) -> None:
        address = f"http://127.0.0.1:{self.port}/?{urllib.parse.urlencode({'query': sql})}"
        urllib.request.urlopen(address, data=b"", timeout=10).close()

    def count(self, table: str) -> tuple[int, int]:
        """Return rows, and different keys."""
        rows, keys = self.query(f"SELECT count(), uniqExact(sensor, observed_at) FROM {table}").split()
        return int(rows), int(keys)


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ClickHouse(port, tmp_path_factory.mktemp("clickhouse"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def environ(kafka: Any, clickhouse: ClickHouse, tmp_path: Path) -> dict[str, str]:
    for folder in ("records", "secrets", "state"):
        (tmp_path / folder).mkdir()
    (tmp_path / "secrets/kafka-ingest").write_text(kafka.password)
    (tmp_path / "secrets/warehouse-ingest").write_text("secret-of-the-warehouse")
    return {
        environment.KAFKA_BOOTSTRAP: f"127.0.0.1:{kafka.port}",
        environment.WAREHOUSE_URL: f"http://127.0.0.1:{clickhouse.port}",
        environment.RECORDS: str(tmp_path / "records"),
        environment.SECRETS: str(tmp_path / "secrets"),
        environment.SERVICE_STATE: str(tmp_path / "state"),
    }


def make_messages(first: int, count: int) -> list[bytes]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        json.dumps(
            {"sensor": f"s{n % 4}", "observed_at": (start + timedelta(hours=n)).isoformat(), "persons": n}
        ).encode()
        for n in range(first, first + count)
    ]


def wait_for_rows(clickhouse: ClickHouse, table: str, rows: int, seconds: float = 120) -> float:
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        try:
            if clickhouse.count(table)[0] >= rows:
                return time.monotonic() - began
        except urllib.error.URLError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{table} has {clickhouse.count(table)} of {rows} rows")


@dataclass
class Town:
    tenant: Tenant
    ingest: Any


@pytest.fixture
def make_town(
    kafka: Any,
    clickhouse: ClickHouse,
    environ: dict[str, str],
    tmp_path: Path,
    make_tenant: Callable[..., Tenant],
    start_service: Callable[..., Any],
) -> Callable[[str], Town]:
    def make(name: str) -> Town:
        tenant = make_tenant(name)
        kafka.prepare_tenant(tenant)
        clickhouse.prepare_tenant(tenant)
        write_tenant(tmp_path / "records", tenant)
        ingest = start_service("ingest", **environ)
        ingest.wait_until_ready()
        return Town(tenant, ingest)

    return make


def test_a_live_message_is_there_once(
    kafka: Any, clickhouse: ClickHouse, make_town: Callable[[str], Town]
) -> None:
    town = make_town("once")
    message = make_messages(0, 1)[0]
    kafka.send("once.footfall", message)
    wait_for_rows(clickhouse, "once.footfall", 1)
    kafka.send("once.footfall", message, message)
    kafka.send("once.footfall", *make_messages(1, 1))
    wait_for_rows(clickhouse, "once.footfall", 2)
    counted = 'urbanlab_ingest_records_total{outcome="duplicate"} 2.0'
    wait_until(lambda: counted in town.ingest.get("/metrics")[1], 30, counted)
    assert clickhouse.count("once.footfall") == (2, 2)
    assert clickhouse.query("SELECT persons, toUnixTimestamp(observed_at) FROM once.footfall ORDER BY 1") == (
        "0\t1767225600\n1\t1767229200\n"
    )
    metrics = town.ingest.get("/metrics")[1]
    assert 'urbanlab_ingest_records_total{outcome="accepted"} 2.0' in metrics
    assert "once" not in metrics  # whoever may ask for metrics learns of no tenant
    assert town.ingest.stop() == 0
    assert "secret-of-the-warehouse" not in town.ingest.log.read_text()
    assert kafka.password not in town.ingest.log.read_text()


def test_what_cannot_be_mapped_is_set_aside_and_stops_nothing(
    kafka: Any, clickhouse: ClickHouse, make_town: Callable[[str], Town]
) -> None:
    make_town("bad")
    bad = {
        b"no json": "not_json",
        b"\xff\xfe\x00": "not_utf8",
        b"[1]": "not_object",
        b"": "empty",
        b"[" * 60_000: "too_deep",
        b'{"sensor": "s", "observed_at": "2026-01-01T00:00:00Z", "persons": NaN}': "not_json",
        b'{"sensor": "s", "observed_at": "2026-01-01T00:00:00Z", "persons": "12"}': "wrong_type",
        b'{"sensor": "s", "persons": 12}': "missing_field",
        b"x" * 900_000: "too_large",
    }
    kafka.send("bad.footfall", *bad)
    kafka.send("bad.footfall", *make_messages(0, 3))
    wait_for_rows(clickhouse, "bad.footfall", 3)
    rejected = [json.loads(message.value) for message in kafka.read("bad.footfall.rejected")]
    assert [entry["code"] for entry in rejected] == list(bad.values())
    assert [entry["position"]["offset"] for entry in rejected] == list(range(len(bad)))
    assert rejected[0]["payload"] == "no json"
    assert rejected[1]["payload_base64"] == "//4A"
    assert rejected[-1]["payload_bytes"] == 900_000
    assert all(entry["reason"] for entry in rejected)


def test_no_row_is_lost_or_doubled_whoever_is_killed(
    kafka: Any, clickhouse: ClickHouse, make_town: Callable[[str], Town]
) -> None:
    town = make_town("kills")
    sent = 0

    def send(count: int) -> None:
        nonlocal sent
        kafka.send("kills.footfall", *make_messages(sent, count))
        sent += count

    for _ in range(4):
        before = sent
        send(12_000)
        # Rows of the first batch are there and their offset is just being committed, or not yet.
        wait_for_rows(clickhouse, "kills.footfall", before + 1)
        town.ingest.kill()
        town.ingest.start()
    send(3000)
    clickhouse.kill()
    send(3000)
    time.sleep(1)
    clickhouse.start()
    wait_for_rows(clickhouse, "kills.footfall", sent)
    kafka.kill()
    kafka.start()
    send(3000)
    wait_for_rows(clickhouse, "kills.footfall", sent)
    town.ingest.wait_until_ready()
    time.sleep(1)
    assert clickhouse.count("kills.footfall") == (sent, sent)


def test_a_feed_without_its_table_waits_and_the_others_go_on(
    kafka: Any, clickhouse: ClickHouse, make_town: Callable[[str], Town]
) -> None:
    town = make_town("lanes")
    clickhouse.execute("RENAME TABLE lanes.footfall TO lanes.away")
    kafka.send("lanes.footfall", *make_messages(0, 2))
    time.sleep(1)
    kafka.send("lanes.footfall_live", *make_messages(0, 2))
    wait_for_rows(clickhouse, "lanes.footfall_live", 2)
    assert town.ingest.get("/readyz")[0] == 503
    clickhouse.execute("RENAME TABLE lanes.away TO lanes.footfall")
    wait_for_rows(clickhouse, "lanes.footfall", 2)
    town.ingest.wait_until_ready()


def test_a_long_history_is_there_whole(
    kafka: Any, clickhouse: ClickHouse, make_town: Callable[[str], Town]
) -> None:
    make_town("fast")
    kafka.send("fast.footfall", *make_messages(0, 20_000))
    wait_for_rows(clickhouse, "fast.footfall", 20_000)
    assert clickhouse.count("fast.footfall") == (20_000, 20_000)


def test_a_tenant_that_appears_is_followed(
    kafka: Any,
    clickhouse: ClickHouse,
    environ: dict[str, str],
    tmp_path: Path,
    make_tenant: Callable[..., Tenant],
    start_service: Callable[..., Any],
) -> None:
    ingest = start_service("ingest", **environ)
    ingest.wait_until_ready()
    tenant = make_tenant("fresh")
    write_tenant(tmp_path / "records", tenant)
    kafka.prepare_tenant(tenant)
    clickhouse.prepare_tenant(tenant)
    kafka.send("fresh.footfall", *make_messages(0, 5))
    wait_for_rows(clickhouse, "fresh.footfall", 5)
    assert clickhouse.count("fresh.footfall") == (5, 5)
