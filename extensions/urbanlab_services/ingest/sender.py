"""Sends messages and waits until Kafka has them; the producer is made when it is first needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from urbanlab_services.kafka_options import make_producer_options
from urbanlab_services.service import ServiceSettings

FLUSH_SECONDS = 30

Message = tuple[bytes | None, bytes]  # key and value


class Sender:
    """Owns the producer."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._producer: Any = None

    def send(self, topic: str, messages: Iterable[Message]) -> None:
        """Return when Kafka has acknowledged all messages; raise `KafkaError` otherwise."""
        try:
            self._send(topic, messages)
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

    def _send(self, topic: str, messages: Iterable[Message]) -> None:
        if self._producer is None:
            self._producer = KafkaProducer(**make_producer_options(self._settings, "ingest"))
        futures = [self._producer.send(topic, key=key, value=value) for key, value in messages]
        self._producer.flush(timeout=FLUSH_SECONDS)
        for future in futures:
            if future.failed():
                raise future.exception
