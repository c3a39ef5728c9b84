"""Sends to the rejected topics; the producer is made when the first record has to be rejected."""

from __future__ import annotations

from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from urbanlab.contract.naming import make_rejected_topic
from urbanlab_services.kafka_options import make_producer_options
from urbanlab_services.service import ServiceSettings

FLUSH_SECONDS = 30


class RejectedTopics:
    """Owns the producer."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._producer: Any = None

    def send(self, tenant: str, feed: str, messages: list[bytes]) -> None:
        """Return when Kafka has acknowledged all messages; raise `KafkaError` otherwise."""
        try:
            self._send(make_rejected_topic(tenant, feed), messages)
        except KafkaError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the producer, without waiting for what was not acknowledged."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            try:
                producer.close(timeout=0)
            except KafkaError:
                # What was not acknowledged is sent again by the next try.
                return

    def _send(self, topic: str, messages: list[bytes]) -> None:
        if self._producer is None:
            self._producer = KafkaProducer(**make_producer_options(self._settings, "ingest"))
        futures = [self._producer.send(topic, value=message) for message in messages]
        self._producer.flush(timeout=FLUSH_SECONDS)
        for future in futures:
            if future.failed():
                raise future.exception
