"""Sends what is due through Kafka, catches up after every interruption, and follows new tenants."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError
from prometheus_client import Counter

from urbanlab.contract.records import Tenant
from urbanlab_services.kafka_options import make_kafka_options, make_producer_options
from urbanlab_services.records_watcher import RecordsWatcher
from urbanlab_services.service import Missing, ServiceSettings
from urbanlab_services.simulator.footfall import PULSE_SECONDS
from urbanlab_services.simulator.positions import read_last_instants
from urbanlab_services.simulator.stream import Message, Stream, find_sensors, make_streams

logger = logging.getLogger(__name__)

SENT = Counter("urbanlab_simulator_messages", "Messages that Kafka has acknowledged")
CHUNK_STEPS = 240  # of each stream before it is another's turn, so that all tenants grow together
FLUSH_SECONDS = 30
MAX_BACKOFF_SECONDS = 5.0


class Sender:
    """Owns the streams; `run` works until told to stop, whatever happens to Kafka."""

    def __init__(
        self,
        settings: ServiceSettings,
        records: RecordsWatcher,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._records = records
        self._clock = clock
        self._streams: dict[str, Stream] = {}
        self._connected = False
        self._history_sent = False

    def find_missing(self) -> Missing:
        """Return why the feeds are not up to date."""
        if not self._connected:
            return {"kafka": "Kafka does not answer."}
        return (
            {}
            if self._history_sent
            else {"history": "The history of the simulated city is still being sent."}
        )

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set; begin anew with a longer and longer pause when Kafka fails."""
        pause = 0.5
        while not stop.is_set():
            try:
                with closing(KafkaProducer(**make_producer_options(self._settings, "simulator"))) as producer:
                    pause = 0.5
                    self._send_until_stopped(producer, stop)
            except (KafkaError, TimeoutError) as error:
                logger.warning("sending was interrupted", extra={"error": type(error).__name__})
                stop.wait(pause)
                pause = min(MAX_BACKOFF_SECONDS, pause * 2)
            finally:
                self._connected = False
                # What was not acknowledged must be sent again: the topics say where to go on.
                self._streams = {}

    def _send_until_stopped(self, producer: KafkaProducer, stop: threading.Event) -> None:
        while not stop.is_set():
            tenants = self._records.tenants()
            complete = self._follow_tenants(tenants)
            self._connected = True
            now = self._clock()
            self._send(producer, now)
            if not any(stream.is_behind(now) for stream in self._streams.values()):
                self._note_history(complete and bool(tenants))
                stop.wait(self._seconds_to_next_pulse())

    def _note_history(self, complete: bool) -> None:
        if complete and not self._history_sent:
            logger.info("history sent", extra={"streams": len(self._streams)})
            self._history_sent = True

    def _follow_tenants(self, tenants: dict[str, Tenant]) -> bool:
        """Bring the streams in line with the tenants; return whether all their topics exist."""
        wanted = {
            stream.topic: (stream, find_sensors(tenant, stream.series))
            for tenant in tenants.values()
            for stream in make_streams(tenant)
        }
        self._streams = {topic: stream for topic, stream in self._streams.items() if topic in wanted}
        changed = {
            topic: self._streams.get(topic, fresh)
            for topic, (fresh, sensors) in wanted.items()
            if topic not in self._streams or self._streams[topic].sensors != sensors
        }
        if not changed:
            return True
        with closing(KafkaConsumer(**make_kafka_options(self._settings, "simulator"))) as consumer:
            existing: set[str] = consumer.topics()
            for topic in changed.keys() & existing:
                last = read_last_instants(consumer, topic)
                changed[topic].follow(wanted[topic][1], last, self._clock())
                self._streams[topic] = changed[topic]
        return changed.keys() <= existing

    def _send(self, producer: KafkaProducer, now: datetime) -> None:
        """Send one chunk of each stream, pulses first; raise `KafkaError` unless all is acknowledged."""
        messages: list[Message] = []
        for stream in sorted(self._streams.values(), key=lambda stream: stream.series.step):
            messages.extend(stream.take(now, CHUNK_STEPS))
        futures = [producer.send(topic, key=key, value=value) for topic, key, value in messages]
        producer.flush(timeout=FLUSH_SECONDS)
        for future in futures:
            if future.failed():
                raise future.exception
        SENT.inc(len(futures))

    def _seconds_to_next_pulse(self) -> float:
        return PULSE_SECONDS - self._clock().timestamp() % PULSE_SECONDS + 0.05
