"""One batch of one feed: map, leave out what is there already, insert, set aside what cannot be mapped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kafka.consumer.fetcher import ConsumerRecord
from prometheus_client import Counter, Gauge

from urbanlab.contract.records import Feed
from urbanlab_services.ingest.mapping import Key, Mapping, MappingError, Row
from urbanlab_services.ingest.rejection import make_rejection
from urbanlab_services.ingest.warehouse import Warehouse

logger = logging.getLogger(__name__)

RECORDS = Counter(
    "urbanlab_ingest_records", "Records read from the feeds, by what became of them", ["outcome"]
)
LAG = Gauge("urbanlab_ingest_lag_seconds", "Age of the oldest record of the batch stored last")

SendRejections = Callable[[str, str, list[bytes]], None]  # tenant, feed, messages
SendMirrored = Callable[[str, Feed, dict[Key, ConsumerRecord]], None]  # tenant, feed, records by key


@dataclass
class MappedBatch:
    """What the records of a batch became: rows by key, the later of two alike left out, and rejections."""

    rows: dict[Key, Row] = field(default_factory=dict)
    records: dict[Key, ConsumerRecord] = field(default_factory=dict)  # what the rows were made of
    rejections: list[bytes] = field(default_factory=list)
    duplicates: int = 0

    @classmethod
    def from_records(cls, feed: Feed, records: Iterable[ConsumerRecord]) -> MappedBatch:
        """Return the records mapped by the feed's columns."""
        batch, mapping = cls(), Mapping(feed)
        for record in records:
            try:
                batch._add(mapping, record)
            except MappingError as error:
                batch.rejections.append(make_rejection(record, error))
        return batch

    def _add(self, mapping: Mapping, record: ConsumerRecord) -> None:
        row = mapping.to_row(record.value)
        key = mapping.to_key(row)
        self.duplicates += key in self.rows
        self.rows.setdefault(key, row)
        self.records.setdefault(key, record)


@dataclass(frozen=True)
class BatchWriter:
    """Writes batches so that each record is stored once, however often it is tried."""

    warehouse: Warehouse
    send_rejections: SendRejections
    send_mirrored: SendMirrored

    def write(self, tenant: str, feed: Feed, records: list[ConsumerRecord]) -> None:
        """Store the records; raise `WarehouseError` or `KafkaError` if it has to be tried again.

        When this returns, every record is a row on disk or a message in the rejected topic, so that its
        offset can be committed. A second try finds the rows of the first by their keys.
        """
        batch = MappedBatch.from_records(feed, records)
        fresh = self._insert_fresh(tenant, feed, batch)
        if batch.rejections:
            self.send_rejections(tenant, feed.name, batch.rejections)
            logger.warning(
                "records rejected",
                extra={"tenant": tenant, "feed": feed.name, "count": len(batch.rejections)},
            )
        RECORDS.labels("accepted").inc(fresh)
        RECORDS.labels("duplicate").inc(batch.duplicates + len(batch.rows) - fresh)
        RECORDS.labels("rejected").inc(len(batch.rejections))
        LAG.set(max(0.0, time.time() - min(record.timestamp for record in records) / 1000))

    def _insert_fresh(self, tenant: str, feed: Feed, batch: MappedBatch) -> int:
        if not batch.rows:
            return 0
        existing = self.warehouse.find_existing(tenant, feed, batch.rows.values())
        fresh = [key for key in batch.rows if key not in existing]
        if fresh:
            self.send_mirrored(tenant, feed, {key: batch.records[key] for key in fresh})
            self.warehouse.insert(tenant, feed, [batch.rows[key] for key in fresh])
        return len(fresh)
