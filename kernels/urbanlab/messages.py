"""A message of a topic, as analysts see it."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Message:
    """One message of a topic.

    Attributes:
        topic, partition, offset: Where it stands.
        time: When it was sent, with its time zone.
        key: What it is about, for example the sensor; an empty string if it has none.
        value: Its fields, or `None` if it is no JSON object.
        raw: What was sent, byte for byte.
        error: Why `value` is `None`; an empty string otherwise.
    """

    topic: str
    partition: int
    offset: int
    time: datetime.datetime
    key: str
    value: dict[str, Any] | None
    raw: bytes
    error: str = ""


def from_record(record: Any) -> Message:
    """Return the message that kafka-python's record holds; one that is no JSON says so in `error`."""
    raw = record.value or b""
    value, error = parse(raw)
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        time=_to_instant(record.timestamp),
        key=(record.key or b"").decode("utf-8", "replace"),
        value=value,
        raw=raw,
        error=error,
    )


def _to_instant(milliseconds: int | None) -> datetime.datetime:
    try:
        return datetime.datetime.fromtimestamp((milliseconds or 0) / 1000, datetime.UTC)
    except (ValueError, OverflowError, OSError):  # whoever sends it may write any number
        return datetime.datetime.fromtimestamp(0, datetime.UTC)


def parse(raw: bytes) -> tuple[dict[str, Any] | None, str]:
    """Return the fields of a message and an empty string, or `None` and the reason."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return None, f"This message is no JSON: {str(error)[:120]}"
    if not isinstance(value, dict):
        return None, f"This message is JSON, but a {type(value).__name__} and no object with fields"
    return value, ""
