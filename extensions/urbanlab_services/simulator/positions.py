"""Where a run goes on: the last instant of each sensor, read from the end of its topic."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from kafka import KafkaConsumer, TopicPartition

# The sensors of a feed report in turn, so the last messages of a partition name each of them
# unless it has been silent for longer than outages last.
TAIL_MESSAGES = 1000
READ_SECONDS = 10


def read_last_instants(consumer: KafkaConsumer, topic: str) -> dict[str, datetime]:
    """Return the last instant of each sensor in `topic`; an empty topic has none."""
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    consumer.assign(partitions)
    for partition in partitions:
        consumer.seek(partition, max(begins[partition], ends[partition] - TAIL_MESSAGES))
    last: dict[str, datetime] = {}
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        batches: dict[Any, list[Any]] = consumer.poll(timeout_ms=READ_SECONDS * 1000)
        if not batches:
            raise TimeoutError(f"the end of {topic} could not be read")
        _remember_latest(last, (message.value for batch in batches.values() for message in batch))
    return last


def _remember_latest(last: dict[str, datetime], payloads: Iterable[bytes]) -> None:
    for payload in payloads:
        values = parse_message(payload)
        if values is not None:
            sensor, instant = values
            last[sensor] = max(instant, last.get(sensor, instant))


def parse_message(payload: bytes) -> tuple[str, datetime] | None:
    """Return sensor and instant; `None` for what others have put into the topic."""
    try:
        values = json.loads(payload)
        instant = datetime.fromisoformat(values["observed_at"])
        return (str(values["sensor"]), instant) if instant.tzinfo else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
