"""Open topics between a real Kafka and the real warehouse: made by a release, gone with it, no record missing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from kafka import KafkaAdminClient

from tests.extensions.conftest import make_feed, wait_until
from tests.extensions.ingest.test_ingest import make_messages
from tests.extensions.warehouse.conftest import PUBLISHER, Warehouse, make_town, make_warehouse
from urbanlab.contract import environment
from urbanlab_services.ingest.mirror import make_message

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@dataclass
class Town:
    """A town with feeds, whose ingest runs."""

    name: str
    kafka: Any
    warehouse: Warehouse
    ingest: Any

    def release(self, feed: str) -> None:
        words = {"title": {"de": "Frequenz"}, "description": {}, "licence": "dl-de/zero-2.0"}
        body = {"table": f"{self.name}.{feed}", "released_by": "gabi", **words}
        self.ask("PUT", f"/releases/{self.name}/{feed}", json=body)
        wait_until(lambda: self.topic(feed) in self.list_open(), 10, "the open topic is there")

    def withdraw(self, feed: str) -> None:
        self.ask("DELETE", f"/releases/{self.name}/{feed}")
        wait_until(lambda: self.topic(feed) not in self.list_open(), 10, "the open topic is gone")

    def ask(self, method: str, path: str, **options: Any) -> None:
        url = f"{self.warehouse.url}{path}"
        answer = requests.request(method, url, auth=("publisher", PUBLISHER), timeout=20, **options)
        assert answer.ok, answer.text

    def topic(self, feed: str) -> str:
        return f"open.{self.name}.{feed}"

    def list_open(self) -> set[str]:
        admin = KafkaAdminClient(**self.kafka.options())
        try:
            return {topic for topic in admin.list_topics() if topic.startswith("open.")}
        finally:
            admin.close()

    def count(self, feed: str) -> int:
        return int(self.warehouse.ask(f"SELECT count() FROM {self.name}.{feed}"))

    def send(self, feed: str, *messages: bytes) -> None:
        """Send, and wait until the warehouse has them."""
        before = self.count(feed)
        self.kafka.send(f"{self.name}.{feed}", *messages)
        wait_until(lambda: self.count(feed) == before + len(messages), 30, "the rows are there")

    def read(self, feed: str) -> list[int]:
        return [json.loads(message.value)["persons"] for message in self.kafka.read(self.topic(feed))]


@pytest.fixture
def town(
    kafka: Any, tmp_path: Path, start_service: Callable[..., Any], request: pytest.FixtureRequest
) -> Iterator[Town]:
    name = f"m{abs(hash(request.node.name)) % 10**8}"
    feeds = tuple(make_feed(feed, ("persons", "integer")) for feed in ("footfall", "live"))
    tenant = make_town(name, feeds=feeds)
    (tmp_path / "warehouse").mkdir()
    warehouse = make_warehouse(tmp_path / "warehouse", tenant)
    kafka.prepare_tenant(tenant)
    (tmp_path / "state").mkdir()
    (warehouse.folder / "secrets/kafka-ingest").write_text(kafka.password)
    ingest = start_service(
        "ingest",
        **{
            environment.KAFKA_BOOTSTRAP: f"127.0.0.1:{kafka.port}",
            environment.WAREHOUSE_URL: warehouse.url,
            environment.RECORDS: str(warehouse.records),
            environment.SECRETS: str(warehouse.folder / "secrets"),
            environment.SERVICE_STATE: str(tmp_path / "state"),
        },
    )
    ingest.wait_until_ready()
    yield Town(name, kafka, warehouse, ingest)
    warehouse.kill()


def test_a_released_feeds_new_records_are_open_until_it_is_withdrawn(town: Town) -> None:
    town.send("footfall", *make_messages(0, 3))
    assert town.list_open() == set()
    town.release("footfall")
    town.send("footfall", *make_messages(3, 3))
    town.send("live", *make_messages(3, 3))
    assert town.read("footfall") == [3, 4, 5]
    assert town.list_open() == {town.topic("footfall")}
    town.withdraw("footfall")
    town.send("footfall", *make_messages(6, 3))
    assert town.list_open() == set()
    town.release("footfall")
    assert town.read("footfall") == []


def test_exactly_the_accepted_records_are_open_and_only_their_released_fields(town: Town) -> None:
    town.release("footfall")
    message = json.loads(make_messages(1, 1)[0])
    loose = json.dumps({**message, "plate": "GT-UL 1"}).encode()
    town.kafka.send(f"{town.name}.footfall", b"no json", loose, loose, key=b"s1")
    wait_until(lambda: town.count("footfall") == 1, 20, "the row is there")
    town.send("footfall", make_messages(2, 1)[0])
    opened = town.kafka.read(town.topic("footfall"))
    assert [json.loads(record.value) for record in opened] == [message, json.loads(make_messages(2, 1)[0])]
    assert opened[0].key == b"s1"


def test_none_is_lost_when_ingest_or_the_engine_is_killed(town: Town) -> None:
    town.release("footfall")
    sent = 0
    for _ in range(3):
        town.kafka.send(f"{town.name}.footfall", *make_messages(sent, 6000))
        sent += 6000
        time.sleep(0.3)
        town.ingest.kill()
        town.ingest.start()
    town.warehouse.kill_engine()
    town.kafka.send(f"{town.name}.footfall", *make_messages(sent, 500))
    sent += 500
    town.warehouse.start_engine()
    wait_until(lambda: town.count("footfall") == sent, 60, "all rows are there")
    assert set(town.read("footfall")) == set(range(sent))


def test_a_message_holds_the_released_fields_as_they_were_sent() -> None:
    payload = '{"a": "2026-05-01T10:00:00+02:00", "b": 1.50, "ü": "ß"}'.encode()
    assert json.loads(make_message(payload, {"a", "ü", "absent"})) == {
        "a": "2026-05-01T10:00:00+02:00",
        "ü": "ß",
    }
