"""The loop of ingest: one consumer for all feeds, batches of at most a few thousand records."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing
from typing import Any

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from urbanlab_services.ingest.batch import BatchWriter
from urbanlab_services.ingest.lanes import Lanes
from urbanlab_services.ingest.mirror import Mirror
from urbanlab_services.ingest.warehouse import WarehouseError
from urbanlab_services.kafka_options import make_kafka_options
from urbanlab_services.records_watcher import RecordsWatcher
from urbanlab_services.service import Missing, ServiceSettings

logger = logging.getLogger(__name__)

GROUP = "ingest.feeds"
BATCH_RECORDS = 5000
POLL_SECONDS = 0.5
# Inserts are dearer than rows: messages that trickle in are gathered for this long.
GATHER_SECONDS = 0.3
ASSIGN_SECONDS = 2.0
REFRESH_SECONDS = 2.0
MAX_BACKOFF_SECONDS = 5.0


class IngestLoop:
    """Reads, writes, then commits; whatever fails is read again.

    Partitions are assigned by hand and the group keeps offsets only: after `kill -9` there is no dead
    member to wait for. That there is one process at a time is ensured by the lock in `app`.
    """

    def __init__(
        self, settings: ServiceSettings, records: RecordsWatcher, writer: BatchWriter, mirror: Mirror
    ) -> None:
        self._settings = settings
        self._records = records
        self._writer = writer
        self._mirror = mirror
        self._lanes = Lanes()
        self._connected = False
        self._assigned_at = float("-inf")
        self._refreshed_at = float("-inf")

    def find_missing(self) -> Missing:
        """Return why records do not reach the warehouse."""
        if not self._connected:
            return {"kafka": "Kafka does not answer."}
        failed = self._lanes.count_failed()
        return {"feeds": f"{failed} feeds cannot be written at the moment."} if failed else {}

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; begin anew with a longer and longer pause when Kafka fails."""
        pause = 0.5
        while not stop.is_set():
            try:
                with closing(self._connect()) as consumer:
                    pause = 0.5
                    self._consume(consumer, stop)
            except KafkaError as error:
                logger.warning("reading was interrupted", extra={"error": type(error).__name__})
                stop.wait(pause)
                pause = min(MAX_BACKOFF_SECONDS, pause * 2)
            finally:
                self._connected = False

    def _connect(self) -> KafkaConsumer:
        self._assigned_at = float("-inf")
        return KafkaConsumer(
            **make_kafka_options(self._settings, "ingest"),
            group_id=GROUP,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=BATCH_RECORDS,
            fetch_max_bytes=16 * 1024 * 1024,
            allow_auto_create_topics=False,
        )

    def _consume(self, consumer: KafkaConsumer, stop: threading.Event) -> None:
        while not stop.is_set():
            self._assign(consumer)
            self._connected = True
            self._refresh_mirror()
            self._set_pauses(consumer)
            began = time.monotonic()
            batches = consumer.poll(timeout_ms=int(POLL_SECONDS * 1000))
            self._write_batches(consumer, batches)
            if 0 < sum(map(len, batches.values())) < BATCH_RECORDS:
                stop.wait(max(0.0, GATHER_SECONDS - (time.monotonic() - began)))

    def _assign(self, consumer: KafkaConsumer) -> None:
        """Follow the tenants' feeds; a topic that is not there yet is looked for again later."""
        if time.monotonic() - self._assigned_at < ASSIGN_SECONDS:
            return
        self._lanes.follow(self._records.tenants())
        partitions = {
            TopicPartition(topic, number)
            for topic in self._lanes.by_topic
            for number in consumer.partitions_for_topic(topic)
        }
        if partitions != consumer.assignment():
            consumer.assign(sorted(partitions))
            logger.info("partitions assigned", extra={"count": len(partitions)})
        self._assigned_at = time.monotonic()

    def _refresh_mirror(self) -> None:
        """Follow releases and withdrawals also while no record comes."""
        if time.monotonic() - self._refreshed_at < REFRESH_SECONDS:
            return
        self._refreshed_at = time.monotonic()
        try:
            self._mirror.refresh()
        except (WarehouseError, KafkaError) as error:
            # The feeds that are not released go on; a released one waits when its next record is to be sent.
            logger.warning("what is released cannot be followed", extra={"error": str(error)})

    def _set_pauses(self, consumer: KafkaConsumer) -> None:
        assigned, paused = consumer.assignment(), consumer.paused()
        waiting = {partition for partition in assigned if self._lanes.by_topic[partition.topic].is_waiting()}
        consumer.pause(*(waiting - paused))
        consumer.resume(*((paused & assigned) - waiting))

    def _write_batches(self, consumer: KafkaConsumer, batches: dict[TopicPartition, list[Any]]) -> None:
        written = {}
        for partition, records in batches.items():
            if self._write(partition, records):
                written[partition] = OffsetAndMetadata(records[-1].offset + 1, "", -1)
            else:
                consumer.seek(partition, records[0].offset)
        if written:
            consumer.commit(written, timeout_ms=10_000)

    def _write(self, partition: TopicPartition, records: list[Any]) -> bool:
        lane = self._lanes.by_topic[partition.topic]
        try:
            self._writer.write(lane.tenant, lane.feed, records)
        except (WarehouseError, KafkaError) as error:
            logger.warning("feed cannot be written", extra={"topic": partition.topic, "error": str(error)})
            lane.note_failure()
            return False
        lane.note_success()
        return True
