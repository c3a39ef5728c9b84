"""Kafka's topics of the tenant's feeds, and the groups of its readers."""

from __future__ import annotations

from functools import partial
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import GroupIdNotFoundError, NoError, UnknownTopicOrPartitionError
from rich.filesize import decimal

from urbanlab.contract import naming
from urbanlab_hub.settings import Settings
from urbanlab_operate.apply.kafka import OPEN, connected
from urbanlab_operate.purge.remnants import Remnant


def find(settings: Settings, tenant: str) -> list[Remnant]:
    """Return each topic with its size, and each group."""
    prefix = naming.make_topic_prefix(tenant)
    with connected(settings) as admin:
        sizes = _measure(admin)
        topics = [name for name in sorted(admin.list_topics()) if name.startswith((prefix, OPEN + prefix))]
        groups = sorted(
            group["group_id"] for group in admin.list_groups() if group["group_id"].startswith(prefix)
        )
    return [
        *(
            Remnant(
                f"the topic {topic} ({decimal(sizes.get(topic, 0))})",
                partial(_delete_topic, settings, topic),
            )
            for topic in topics
        ),
        *(
            Remnant(f"the group of readers {group}", partial(_delete_group, settings, group))
            for group in groups
        ),
    ]


def _measure(admin: KafkaAdminClient) -> dict[str, int]:
    sizes: dict[str, int] = {}
    folders: list[dict[str, Any]] = [
        folder for broker in admin.describe_log_dirs() for folder in broker["log_dirs"]
    ]
    for folder in folders:
        for topic in folder["topics"]:
            size = sum(part["partition_size"] for part in topic["partitions"])
            sizes[topic["name"]] = sizes.get(topic["name"], 0) + size
    return sizes


def _delete_topic(settings: Settings, topic: str) -> None:
    with connected(settings) as admin:
        try:
            admin.delete_topics([topic])
        except UnknownTopicOrPartitionError:
            return  # ingest deletes open topics, too


def _delete_group(settings: Settings, group: str) -> None:
    with connected(settings) as admin:
        for _, error in admin.delete_groups([group]):
            if error not in (NoError, GroupIdNotFoundError):
                raise error(group)
