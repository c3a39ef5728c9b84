"""Kafka: the topics of feeds and who may read and write them."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import KafkaError, NoError

from urbanlab.contract import naming
from urbanlab.contract.records import Feed, Tenant
from urbanlab.contract.secrets import read_secret
from urbanlab_hub.settings import Settings
from urbanlab_operate.changes import ApplyError, Changes

ADMIN = "broker"
FEED_DAYS = 7  # the warehouse keeps what is older
REJECTED_DAYS = 30  # time to mend a mapping and replay
DAY_MS = 24 * 3600 * 1000
TIMEOUT_MS = 20_000
# Of many at once the broker is done much sooner, but one request must end within the time above.
TOPICS_AT_ONCE, RIGHTS_AT_ONCE = 60, 500
SETTLE_SECONDS = 5.0
# Whose rights we set, so that those which nobody declared are taken away again. Any other principal is the
# operator's own business, except the two that stand for everybody.
OURS = re.compile(r"User:(ingest|simulator|[a-z][a-z0-9]*\.[a-z]+|\*|ANONYMOUS)")
READ, WRITE, DESCRIBE = ACLOperation.READ, ACLOperation.WRITE, ACLOperation.DESCRIBE
CREATE, DELETE = ACLOperation.CREATE, ACLOperation.DELETE
OPEN = "open."  # what the names of all open topics begin with


def reconcile(settings: Settings, tenants: Mapping[str, Tenant], changes: Changes) -> None:
    """Bring topics and rights in line; topics of tenants that left stay, nobody can reach them."""
    with connected(settings) as admin:
        _reconcile_topics(admin, make_topics(tenants.values()), changes)
        _reconcile_rights(admin, make_rights(tenants.values(), demo=settings.demo), changes)


@contextmanager
def connected(settings: Settings) -> Iterator[KafkaAdminClient]:
    """Give the administrator's client; whatever goes wrong at it is an `ApplyError` with one sentence."""
    # Its warnings about a broker that is away say in many lines what ApplyError says in one.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    admin = None
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=settings.kafka_bootstrap,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username=ADMIN,
            sasl_plain_password=read_secret(settings.master_secrets, "kafka-broker").reveal(),
            request_timeout_ms=TIMEOUT_MS,
            bootstrap_timeout_ms=TIMEOUT_MS,
        )
        yield admin
    except KafkaError as error:
        raise ApplyError(
            f"Kafka at {settings.kafka_bootstrap} does not answer as it should ({type(error).__name__}): "
            "see `urbanlab status`, and start it with `urbanlab up`"
        ) from error
    finally:
        if admin is not None:
            admin.close()


def make_topics(tenants: Iterable[Tenant]) -> dict[str, dict[str, str]]:
    """Return the configuration of every topic by its name."""
    topics = {}
    for tenant in tenants:
        for feed in tenant.feeds:
            topics[naming.make_topic(tenant.id, feed.name)] = _make_config(feed, FEED_DAYS)
            topics[naming.make_rejected_topic(tenant.id, feed.name)] = _make_config(feed, REJECTED_DAYS)
    return topics


def _make_config(feed: Feed, days: int) -> dict[str, str]:
    kept = min(days, feed.keep_days or days)
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(kept * DAY_MS),
        # By the time of arrival: history that is loaded today must not be old enough to delete.
        "message.timestamp.type": "LogAppendTime",
    }


def _reconcile_topics(
    admin: KafkaAdminClient, wanted: Mapping[str, Mapping[str, str]], changes: Changes
) -> None:
    existing = set(admin.list_topics())
    # Partitions and replicas: what the cluster sets as its default.
    absent = [
        (f"create the topic {topic}", (topic, {"configs": dict(wanted[topic])}))
        for topic in sorted(set(wanted) - existing)
    ]
    changes.make_all(
        absent, lambda some: admin.create_topics(dict(some), wait_for_metadata=True), TOPICS_AT_ONCE
    )
    different = _find_different(admin, {topic: wanted[topic] for topic in sorted(set(wanted) & existing)})
    for topic, values in different.items():
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, values)
        shown = ", ".join(f"{name} {value}" for name, value in values.items())
        changes.make(f"set {shown} of the topic {topic}", partial(admin.alter_configs, [resource]))
    if different and not changes.dry_run:
        _wait_until(lambda: not _find_different(admin, {topic: wanted[topic] for topic in different}))


def _find_different(
    admin: KafkaAdminClient, wanted: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """Return what is to be set of each topic that has it otherwise."""
    found = _read_configs(admin, list(wanted))
    different = {
        topic: {name: value for name, value in config.items() if found[topic].get(name) != value}
        for topic, config in wanted.items()
    }
    return {topic: values for topic, values in different.items() if values}


def _wait_until(condition: Callable[[], bool]) -> None:
    """Give the broker time to answer as it has been told: it learns of that from its controller."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def _read_configs(admin: KafkaAdminClient, topics: list[str]) -> dict[str, dict[str, str]]:
    if not topics:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
    found = admin.describe_configs(resources, config_filter="all")["topic"]
    return {topic: {name: entry["value"] for name, entry in found[topic].items()} for topic in topics}


def make_rights(tenants: Iterable[Tenant], *, demo: bool) -> set[ACL]:
    """Return every right that readers of tenants, ingest and the simulator have."""
    rights = _allow("ingest", ResourceType.GROUP, "ingest.", READ)
    # Ingest makes the open topic of a feed when that is released, and deletes it when it is withdrawn.
    rights |= _allow("ingest", ResourceType.TOPIC, OPEN, WRITE, DESCRIBE, CREATE, DELETE)
    for tenant in tenants:
        topics = naming.make_topic_prefix(tenant.id)
        reader = naming.make_kafka_principal(tenant.id, "read")
        rights |= _allow(reader, ResourceType.TOPIC, topics, READ, DESCRIBE)
        for principal in (reader, naming.make_kafka_principal(tenant.id, "open")):
            rights |= _allow(principal, ResourceType.TOPIC, OPEN, READ, DESCRIBE)
            rights |= _allow(principal, ResourceType.GROUP, topics, READ)
        rights |= _allow("ingest", ResourceType.TOPIC, topics, READ, WRITE, DESCRIBE)
        if demo:
            rights |= _allow("simulator", ResourceType.TOPIC, topics, READ, WRITE, DESCRIBE)
    return rights


def _allow(principal: str, kind: ResourceType, prefix: str, *operations: ACLOperation) -> set[ACL]:
    pattern = ResourcePattern(kind, prefix, ACLResourcePatternType.PREFIXED)
    return {
        ACL(f"User:{principal}", "*", operation, ACLPermissionType.ALLOW, pattern) for operation in operations
    }


def _reconcile_rights(admin: KafkaAdminClient, wanted: set[ACL], changes: Changes) -> None:
    found = _list_rights(admin)
    lacking = [(f"let {_describe(acl)}", acl) for acl in sorted(wanted - found, key=_describe)]
    changes.make_all(lacking, partial(_create_rights, admin), RIGHTS_AT_ONCE)
    surplus = [(f"no longer let {_describe(acl)}", acl) for acl in sorted(found - wanted, key=_describe)]
    changes.make_all(surplus, partial(_delete_rights, admin), RIGHTS_AT_ONCE)
    if (lacking or surplus) and not changes.dry_run:
        _wait_until(lambda: _list_rights(admin) == wanted)


def _create_rights(admin: KafkaAdminClient, acls: list[ACL]) -> None:
    for error in admin.create_acls(acls)["failed"]:
        raise error(f"one of {len(acls)} rights")


def _delete_rights(admin: KafkaAdminClient, acls: list[ACL]) -> None:
    for _, _, error in admin.delete_acls(acls):
        if error is not NoError:
            raise error(f"one of {len(acls)} rights")


def _list_rights(admin: KafkaAdminClient) -> set[ACL]:
    """Return the rights of those whose rights we set."""
    anything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    rights: list[ACL] = admin.describe_acls(
        ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, anything)
    )[0]
    return {acl for acl in rights if OURS.fullmatch(acl.principal)}


def _describe(acl: ACL) -> str:
    pattern = acl.resource_pattern
    star = "*" if pattern.pattern_type is ACLResourcePatternType.PREFIXED else ""
    refusal = "not " if acl.permission_type is ACLPermissionType.DENY else ""
    place = f"{pattern.resource_type.name.lower()} {pattern.resource_name}{star}"
    whence = "" if acl.host == "*" else f" from {acl.host}"
    return f"{acl.principal.removeprefix('User:')} {refusal}{acl.operation.name.lower()} {place}{whence}"
