"""How the services reach Kafka: as SCRAM users of their own, each with the ACLs of its work."""

from __future__ import annotations

from typing import Any

from urbanlab_services.service import ServiceSettings

# Kafka is away for seconds at a restart: waiting the default half minute between tries helps nobody.
MAX_RECONNECT_MS = 1000


def make_kafka_options(settings: ServiceSettings, user: str) -> dict[str, Any]:
    """Return the connection options of kafka-python for a SCRAM user; its secret is ``kafka-USER``."""
    return {
        "bootstrap_servers": settings.kafka_bootstrap,
        "client_id": f"urbanlab-{settings.name}",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": user,
        "sasl_plain_password": settings.secret(f"kafka-{user}").reveal(),
        "reconnect_backoff_max_ms": MAX_RECONNECT_MS,
        "metrics_enabled": False,
    }


def make_producer_options(settings: ServiceSettings, user: str) -> dict[str, Any]:
    """Return the options of a producer whose acknowledged messages survive and are written once."""
    return {
        **make_kafka_options(settings, user),
        "acks": "all",
        "enable_idempotence": True,
        "compression_type": "lz4",
        "linger_ms": 20,
        "max_block_ms": 10_000,
        "allow_auto_create_topics": False,
    }


def make_admin_options(settings: ServiceSettings, user: str) -> dict[str, Any]:
    """Return the options of a client that makes and deletes topics; it has no metrics to switch off."""
    options = make_kafka_options(settings, user)
    return {name: value for name, value in options.items() if name != "metrics_enabled"}
