"""What goes to a feed's rejected topic: the reason, where the record stood, and the record itself."""

from __future__ import annotations

import base64
import json
from typing import Any

from kafka.consumer.fetcher import ConsumerRecord

from urbanlab_services.ingest.mapping import MappingError

# Kafka takes messages of a megabyte; a larger original stays where it was, and its position is told.
MAX_PAYLOAD_BYTES = 256 * 1024


def make_rejection(record: ConsumerRecord, error: MappingError) -> bytes:
    """Return the message for the rejected topic."""
    body = {
        "code": error.code,
        "reason": str(error),
        "position": {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "timestamp": record.timestamp,
        },
        **_show_bytes("key", record.key),
        **_show_bytes("payload", record.value),
    }
    return json.dumps(body, ensure_ascii=False).encode()


def _show_bytes(name: str, value: bytes | None) -> dict[str, Any]:
    """Return the bytes as text where they are UTF-8, in base64 where not, and shortened where they are many."""
    if value is None:
        return {name: None}
    shown = value[:MAX_PAYLOAD_BYTES]
    cut = {f"{name}_bytes": len(value)} if len(value) > len(shown) else {}
    try:
        return {name: shown.decode("utf-8"), **cut}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(shown).decode("ascii"), **cut}
