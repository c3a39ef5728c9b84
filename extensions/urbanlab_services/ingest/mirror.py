"""Mirrors the new records of released feeds to their open topics, with the fields that were released."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping

from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError

from urbanlab.contract.naming import make_database, make_open_topic
from urbanlab.contract.records import Feed, Tenant
from urbanlab_services.ingest.mapping import Key, parse_object
from urbanlab_services.ingest.open_topics import OpenTopics
from urbanlab_services.ingest.sender import Sender
from urbanlab_services.ingest.warehouse import Warehouse
from urbanlab_services.service import ServiceSettings

ASK_SECONDS = 1.0  # so long, at most, a feed goes on being mirrored that was withdrawn


class Mirror:
    """Knows what is released and sends it; every method raises `WarehouseError` or `KafkaError`."""

    def __init__(
        self, settings: ServiceSettings, warehouse: Warehouse, tenants: Callable[[], Mapping[str, Tenant]]
    ) -> None:
        self._warehouse = warehouse
        self._tenants = tenants
        self._topics = OpenTopics(settings)
        self._sender = Sender(settings)
        self._open: dict[str, frozenset[str]] = {}  # topic -> the fields that were released
        self._asked_at = float("-inf")
        self._sent: dict[str, frozenset[Key]] = {}

    def refresh(self) -> None:
        """Learn what is released now, unless that was asked a moment ago."""
        if time.monotonic() - self._asked_at < ASK_SECONDS:
            return
        self._asked_at = float("-inf")
        self._open = {
            make_open_topic(release["tenant"], feed): frozenset(
                column["name"] for column in release["columns"]
            )
            for release in self._warehouse.list_releases()
            # Which rows of a feed are open the warehouse can say, and nobody of a record on its way.
            if not release["where"] and (feed := _find_feed(release["tenant"], release["table"]))
        }
        feeds = {
            make_open_topic(tenant.id, feed.name): feed
            for tenant in self._tenants().values()
            for feed in tenant.feeds
        }
        self._topics.follow(self._open, {topic: feeds[topic] for topic in self._open if topic in feeds})
        self._asked_at = time.monotonic()

    def send(self, tenant: str, feed: Feed, records: Mapping[Key, ConsumerRecord]) -> None:
        """Return when Kafka has the records that are about to be stored, where their feed is released.

        They are sent before they are stored, so that a process killed in between loses none. Those of a try
        whose storing failed are not sent again by the next.
        """
        self.refresh()
        topic = make_open_topic(tenant, feed.name)
        fields = self._open.get(topic)
        if fields is None:
            self._sent.pop(topic, None)
            return
        before = self._sent.get(topic, frozenset())
        messages = [
            (record.key, make_message(record.value, fields))
            for key, record in records.items()
            if key not in before
        ]
        try:
            self._sender.send(topic, messages)
        except KafkaError:
            self._topics.look_again()
            self._asked_at = float("-inf")
            raise
        self._sent[topic] = frozenset(records)


def make_message(payload: bytes, fields: Collection[str]) -> bytes:
    """Return an accepted record with the released fields only: a sensor may send more than anybody decided on."""
    values = parse_object(payload)
    return json.dumps(
        {name: value for name, value in values.items() if name in fields}, ensure_ascii=False
    ).encode()


def _find_feed(tenant: str, table: str) -> str:
    database, _, name = table.partition(".")
    return name if database == make_database(tenant) else ""
