"""Sends to the rejected topics."""

from __future__ import annotations

from urbanlab.contract.naming import make_rejected_topic
from urbanlab_services.ingest.sender import Sender
from urbanlab_services.service import ServiceSettings


class RejectedTopics:
    """What could not be mapped, for whoever mends the mapping."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._sender = Sender(settings)

    def send(self, tenant: str, feed: str, messages: list[bytes]) -> None:
        """Return when Kafka has acknowledged all messages; raise `KafkaError` otherwise."""
        self._sender.send(make_rejected_topic(tenant, feed), [(None, message) for message in messages])
