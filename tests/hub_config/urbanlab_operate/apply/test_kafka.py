"""Topics and rights: what is wanted, and that a real broker is brought there, stays there, and comes back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import KafkaError

from urbanlab.contract.records import Tenant
from urbanlab_hub.settings import Settings
from urbanlab_operate.apply import kafka
from urbanlab_operate.apply.kafka import make_rights, make_topics
from urbanlab_operate.changes import ApplyError, Changes
from urbanlab_operate.local.kafka import make_client_options

Make = Callable[..., Tenant]


def _describe(rights: set[ACL], principal: str) -> set[str]:
    return {
        f"{acl.operation.name} {acl.resource_pattern.resource_type.name} {acl.resource_pattern.resource_name}*"
        for acl in rights
        if acl.principal == f"User:{principal}"
    }


def test_each_feed_has_its_topic_and_one_for_what_was_rejected(make_tenant: Make) -> None:
    topics = make_topics([make_tenant("alpha", "level", "rain"), make_tenant("beta")])

    names = {"alpha.level", "alpha.rain", "beta.level"}
    assert topics.keys() == names | {f"{name}.rejected" for name in names}
    assert topics["alpha.level"]["retention.ms"] == str(7 * 86_400_000)


def test_what_is_kept_for_some_days_only_is_kept_no_longer_in_kafka(make_tenant: Make) -> None:
    topics = make_topics([make_tenant("alpha", keep_days=2)])
    assert {config["retention.ms"] for config in topics.values()} == {str(2 * 86_400_000)}


def test_a_reader_reads_the_own_and_open_topics_and_writes_nothing(make_tenant: Make) -> None:
    rights = make_rights([make_tenant("alpha"), make_tenant("beta")], demo=True)

    assert _describe(rights, "alpha.read") == {
        "READ TOPIC alpha.*",
        "DESCRIBE TOPIC alpha.*",
        "READ TOPIC open.*",
        "DESCRIBE TOPIC open.*",
        "READ GROUP alpha.*",
    }
    assert _describe(rights, "alpha.open") == {
        "READ TOPIC open.*",
        "DESCRIBE TOPIC open.*",
        "READ GROUP alpha.*",
    }
    assert _describe(rights, "ingest") >= {"WRITE TOPIC open.*", "CREATE TOPIC open.*", "DELETE TOPIC open.*"}
    assert _describe(rights, "ingest") >= {"WRITE TOPIC alpha.*", "WRITE TOPIC beta.*", "READ GROUP ingest.*"}
    assert all(acl.permission_type is ACLPermissionType.ALLOW for acl in rights)


def test_without_the_demo_the_simulator_may_nothing(make_tenant: Make) -> None:
    assert _describe(make_rights([make_tenant("alpha")], demo=True), "simulator")
    assert not _describe(make_rights([make_tenant("alpha")], demo=False), "simulator")


@pytest.mark.parametrize(
    ("principal", "ours"),
    [
        ("User:ingest", True),
        ("User:alpha.read", True),
        ("User:alpha.open", True),
        ("User:*", True),
        ("User:ANONYMOUS", True),
        ("User:grafana", False),
        ("User:alpha.read.more", False),
        ("User:broker", False),
    ],
)
def test_whose_rights_are_ours(principal: str, ours: bool) -> None:
    assert bool(kafka.OURS.fullmatch(principal)) is ours


# --- with a real broker ---


@pytest.fixture
def reconcile(kafka_settings: Settings) -> Callable[..., list[str]]:
    def run(tenants: Mapping[str, Tenant], *, dry_run: bool = False) -> list[str]:
        changes = Changes("kafka", dry_run=dry_run, report=lambda line: None)
        kafka.reconcile(kafka_settings, tenants, changes)
        return changes.lines

    return run


@pytest.fixture
def admin(kafka_settings: Settings) -> Any:
    with closing(KafkaAdminClient(**make_client_options(kafka_settings))) as client:
        yield client


@pytest.fixture
def tenants(make_tenant: Make, reconcile: Callable[..., list[str]]) -> dict[str, Tenant]:
    """Two tenants that the broker has been brought in line with."""
    made = {name: make_tenant(name) for name in ("alpha", "beta")}
    reconcile(made)
    return made


def test_a_second_time_nothing_changes(
    tenants: dict[str, Tenant], reconcile: Callable[..., list[str]]
) -> None:
    assert reconcile(tenants) == []


def test_a_new_tenant_and_one_that_left(
    tenants: dict[str, Tenant], make_tenant: Make, reconcile: Callable[..., list[str]], admin: Any
) -> None:
    more = {**tenants, "gamma": make_tenant("gamma")}
    lines = reconcile(more, dry_run=True)
    assert "gamma.level" not in admin.list_topics()
    assert [line.replace("would ", "") for line in lines] == reconcile(more)
    assert "kafka: create the topic gamma.level" in lines[0].replace("would ", "")

    lines = reconcile(tenants)
    assert lines
    assert all(line.startswith("kafka: no longer let ") and "gamma" in line for line in lines)
    assert "gamma.level" in admin.list_topics()  # its data stays, and nobody can reach it


def _make_acl(principal: str, name: str, permission: ACLPermissionType = ACLPermissionType.ALLOW) -> ACL:
    pattern = ResourcePattern(ResourceType.TOPIC, name, ACLResourcePatternType.LITERAL)
    return ACL(f"User:{principal}", "*", ACLOperation.READ, permission, pattern)


@pytest.mark.parametrize("principal", ["alpha.read", "*", "ANONYMOUS", "simulator"])
def test_a_right_that_nobody_declared_is_taken_away(
    tenants: dict[str, Tenant], reconcile: Callable[..., list[str]], admin: Any, principal: str
) -> None:
    admin.create_acls([_make_acl(principal, "beta.level")])

    assert reconcile(tenants) == [f"kafka: no longer let {principal} read topic beta.level"]
    assert reconcile(tenants) == []


def test_a_right_of_the_operators_own_stays(
    tenants: dict[str, Tenant], reconcile: Callable[..., list[str]], admin: Any
) -> None:
    own = _make_acl("grafana", "beta.level")
    admin.create_acls([own])
    try:
        assert reconcile(tenants) == []
    finally:
        admin.delete_acls([own])


def test_a_right_or_a_refusal_by_hand_is_mended(
    tenants: dict[str, Tenant], reconcile: Callable[..., list[str]], admin: Any
) -> None:
    lost = next(acl for acl in make_rights(tenants.values(), demo=True) if acl.principal == "User:beta.read")
    admin.delete_acls([lost])
    admin.create_acls([_make_acl("ingest", "alpha.level", ACLPermissionType.DENY)])

    lines = reconcile(tenants)
    assert lines[0].startswith("kafka: let beta.read ")
    assert lines[1:] == ["kafka: no longer let ingest not read topic alpha.level"]
    assert reconcile(tenants) == []


def test_a_topic_set_otherwise_by_hand_is_set_back_and_keeps_what_is_the_operators(
    tenants: dict[str, Tenant], reconcile: Callable[..., list[str]], admin: Any
) -> None:
    by_hand = {"retention.ms": "1000", "max.message.bytes": "2000000"}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "alpha.level", by_hand)])

    assert reconcile(tenants) == [f"kafka: set retention.ms {7 * 86_400_000} of the topic alpha.level"]
    resource = ConfigResource(ConfigResourceType.TOPIC, "alpha.level")
    found = admin.describe_configs([resource], config_filter="all")["topic"]["alpha.level"]
    assert found["max.message.bytes"]["value"] == "2000000"
    assert reconcile(tenants) == []


def test_a_broker_that_is_away_is_one_sentence(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "TIMEOUT_MS", 500)
    away = dataclasses.replace(kafka_settings, kafka_port=1)
    with pytest.raises(ApplyError, match=r"Kafka at 127\.0\.0\.1:1 does not answer as it should"):
        kafka.reconcile(away, {}, Changes("kafka", dry_run=False, report=print))


@pytest.mark.parametrize("port", ["kafka_port", "kafka_controller_port"])
@pytest.mark.parametrize("how", [{"security_protocol": "PLAINTEXT"}, {"sasl_plain_password": "guessed"}])
def test_nobody_gets_in_without_the_password(
    kafka_settings: Settings, port: str, how: dict[str, str]
) -> None:
    address = f"127.0.0.1:{getattr(kafka_settings, port)}"
    options = {**make_client_options(kafka_settings), "bootstrap_servers": address, **how}
    with pytest.raises(KafkaError):
        KafkaAdminClient(**options).list_topics()
