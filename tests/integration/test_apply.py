"""`urbanlab apply` on the running product: killed at any step, against drift by hand, and tried dry."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

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

from tests.installation import COMMAND, Installation
from urbanlab.contract import naming
from urbanlab_operate.apply import apply
from urbanlab_operate.keycloak_realm import Realm
from urbanlab_operate.local.kafka import make_client_options

from .operator_access import ask_as_service
from .people import own_tenant

TENANT = "driftstadt"
FEED = {
    "title": {"de": "Pegel", "en": "Water level"},
    "description": {"de": "Wasserstand", "en": "Water level"},
    "columns": {
        "gauge": {"type": "category", "title": {"de": "Pegel", "en": "Gauge"}},
        "at": {"type": "instant", "title": {"de": "Zeit", "en": "Time"}},
        "level": {"type": "number", "title": {"de": "Stand", "en": "Level"}},
    },
    "key": ["gauge", "at"],
    "time": "at",
}
FEEDS = {"footfall": None, "footfall_live": None, "weather": None, "level": FEED}
NOTHING: list[str] = []


@pytest.fixture(scope="module")
def tenant(installation: Installation) -> Iterator[str]:
    with own_tenant(installation, TENANT, feeds=FEEDS, second_factor=["gatekeeper", "admin"]) as made:
        yield made


@pytest.fixture
def bring_in_line(installation: Installation) -> Callable[..., list[str]]:
    """Apply in this process, which saves the start of a command."""

    def run(**options: Any) -> list[str]:
        return apply(installation.settings, report=lambda line: None, **options)

    return run


# --- killed ---

# What the command has just said when it is killed, in each of the systems.
MOMENTS = (
    "keycloak: create the group",
    "keycloak: create the client",
    "kafka: create the topic",
    "kafka: let",
    "records: write",
    "warehouse:",
)


@pytest.mark.timeout(180)
def test_killed_at_any_step_the_next_one_goes_on_and_a_third_has_nothing_to_do(
    installation: Installation, bring_in_line: Callable[..., list[str]]
) -> None:
    ids = [f"k{secrets.token_hex(6)}" for _ in MOMENTS]
    paths = [installation.settings.tenants / f"{each}.yaml" for each in ids]
    try:
        for path, moment in zip(paths, MOMENTS, strict=True):
            path.write_text(json.dumps({"title": "Killed", "feeds": FEEDS}), encoding="utf-8")
            said = kill_when_it_says(installation, moment)
            after = bring_in_line()
            assert after, (moment, said)
            assert not {line.rstrip("\n") for line in said[:-1]} & set(after)
        assert bring_in_line(dry_run=True) == NOTHING
        assert bring_in_line() == NOTHING
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
        bring_in_line()
    assert bring_in_line() == NOTHING


def kill_when_it_says(installation: Installation, moment: str) -> list[str]:
    """Start `urbanlab apply`, kill it at its first line that begins so, and return what it had said."""
    process = subprocess.Popen(
        [COMMAND, "apply"], env=installation.environ(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith(moment):
            os.kill(process.pid, signal.SIGKILL)
            break
    process.stdout.close()
    assert process.wait(30) == -signal.SIGKILL, said
    return said


def test_killed_while_it_begins_it_has_done_nothing(
    installation: Installation, tenant: str, bring_in_line: Callable[..., list[str]]
) -> None:
    process = subprocess.Popen([COMMAND, "apply"], env=installation.environ(), stdout=subprocess.DEVNULL)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    assert bring_in_line() == NOTHING


# --- tried dry ---


def test_a_dry_run_says_the_same_sentences_and_changes_nothing(
    installation: Installation, bring_in_line: Callable[..., list[str]]
) -> None:
    path = installation.settings.tenants / "trocken.yaml"
    path.write_text(json.dumps({"title": "Trocken", "feeds": FEEDS}), encoding="utf-8")
    try:
        before = take_stock(installation)
        promised = bring_in_line(dry_run=True)
        assert take_stock(installation) == before
        done = bring_in_line()
        assert [line.replace("would ", "", 1) for line in promised] == done
        assert len({line.partition(":")[0] for line in done}) == 5
        assert take_stock(installation) != before
    finally:
        path.unlink()
        promised = bring_in_line(dry_run=True)
        assert [line.replace("would ", "", 1) for line in promised] == bring_in_line()


def take_stock(installation: Installation) -> dict[str, Any]:
    """Return what there is of tenants in each system."""
    settings = installation.settings
    realm = Realm(settings)
    top = realm.get("/group-by-path/tenants")
    with closing(KafkaAdminClient(**make_client_options(settings))) as admin:
        topics = sorted(admin.list_topics())
    users = ask_as_service(installation, "operator", "GET", "users?limit=200").json()
    return {
        "groups": sorted(group["name"] for group in realm.get(f"/groups/{top['id']}/children", max=1000)),
        "clients": sorted(client["clientId"] for client in realm.get("/clients")),
        "topics": topics,
        "records": sorted(path.name for path in settings.records.iterdir()),
        "secrets": sorted(path.name for path in settings.service_secrets("tokens").iterdir()),
        "roles": (settings.service_state("engine") / "config" / "users.xml").read_text(),
        "users": sorted(user["name"] for user in users),
    }


# --- drift by hand ---

Drift = Callable[[Installation], None]
READ = naming.make_kafka_client(TENANT, "read")


def delete_group(installation: Installation) -> None:
    realm = Realm(installation.settings)
    realm.delete(f"/groups/{realm.get(f'/group-by-path/tenants/{TENANT}/admin')['id']}")


def move_second_factor(installation: Installation) -> None:
    realm = Realm(installation.settings)
    role = realm.get("/roles/otp-required")
    for name, change in (("admin", realm.delete), ("analyst", realm.post)):
        group = realm.get(f"/group-by-path/tenants/{TENANT}/{name}")
        change(f"/groups/{group['id']}/role-mappings/realm", [role])


def change_client(client_id: str, **values: Any) -> Drift:
    def drift(installation: Installation) -> None:
        realm = Realm(installation.settings)
        (client,) = realm.get("/clients", clientId=client_id)
        realm.put(f"/clients/{client['id']}", {**client, **values})

    return drift


def delete_client(installation: Installation) -> None:
    realm = Realm(installation.settings)
    (client,) = realm.get("/clients", clientId=READ)
    realm.delete(f"/clients/{client['id']}")


def all_of(*drifts: Drift) -> Drift:
    def drift(installation: Installation) -> None:
        for each in drifts:
            each(installation)

    return drift


def change_realm(**values: Any) -> Drift:
    def drift(installation: Installation) -> None:
        realm = Realm(installation.settings)
        realm.put("", {**realm.get(""), **values})

    return drift


def find_login_step(realm: Realm, name: str) -> tuple[str, dict[str, Any]]:
    """Return where the steps of the login flow stand, and one of them."""
    path = f"/authentication/flows/{quote(realm.get('')['browserFlow'])}/executions"
    return path, next(row for row in realm.get(path) if name in (row.get("providerId"), row["displayName"]))


def switch_second_factor_off(installation: Installation) -> None:
    realm = Realm(installation.settings)
    path, step = find_login_step(realm, "urban second factor by role")
    realm.put(path, {**step, "requirement": "DISABLED"})


def let_passwords_count_as_codes(installation: Installation) -> None:
    # Keycloak shows nobody that this was done.
    realm = Realm(installation.settings)
    _, step = find_login_step(realm, "auth-username-password-form")
    values = {"default.reference.value": "otp", "default.reference.maxAge": "36000"}
    realm.put(f"/authentication/config/{step['authenticationConfig']}", {"alias": "pwd", "config": values})


def delete_login_step(installation: Installation) -> None:
    realm = Realm(installation.settings)
    _, step = find_login_step(realm, "auth-otp-form")
    realm.delete(f"/authentication/executions/{step['id']}")


def leave_half_a_login_flow(installation: Installation) -> None:
    # As an apply that was killed leaves it.
    flow = {"alias": "urban browser 9", "providerId": "basic-flow", "topLevel": True, "builtIn": False}
    assert Realm(installation.settings).post("/authentication/flows", flow)


def let_nobody_set_up_codes(installation: Installation) -> None:
    realm = Realm(installation.settings)
    path = "/authentication/required-actions/CONFIGURE_TOTP"
    realm.put(path, {**realm.get(path), "enabled": False})


def change_secret(installation: Installation) -> None:
    (installation.settings.service_secrets("tokens") / READ).write_text("another\n")


def with_kafka(act: Callable[[KafkaAdminClient], object]) -> Drift:
    def drift(installation: Installation) -> None:
        with closing(KafkaAdminClient(**make_client_options(installation.settings))) as admin:
            act(admin)

    return drift


def make_acl(principal: str, topic: str) -> ACL:
    pattern = ResourcePattern(ResourceType.TOPIC, topic, ACLResourcePatternType.LITERAL)
    return ACL(f"User:{principal}", "*", ACLOperation.READ, ACLPermissionType.ALLOW, pattern)


def make_topic_config(**values: str) -> ConfigResource:
    config = {name.replace("_", "."): value for name, value in values.items()}
    return ConfigResource(ConfigResourceType.TOPIC, f"{TENANT}.level", config)


def edit_record(installation: Installation) -> None:
    path = get_record(installation)
    path.write_text(path.read_text().replace(TENANT.title(), "Elsewhere"))


def get_record(installation: Installation) -> Path:
    return installation.settings.records / f"{TENANT}.json"


def remove_service_user(installation: Installation) -> None:
    answer = ask_as_service(installation, "operator", "DELETE", f"users/reports@{TENANT}")
    assert answer.status_code == 204, answer.text


def widen_role(installation: Installation) -> None:
    path = installation.settings.service_state("engine") / "config" / "users.xml"
    narrow = f"GRANT SELECT ON {TENANT}.*"
    assert narrow in path.read_text()
    path.write_text(path.read_text().replace(narrow, "GRANT SELECT ON *.*"))


DRIFTS: dict[str, tuple[Drift, list[str]]] = {
    "a group is deleted": (
        delete_group,
        [
            f"keycloak: create the group /tenants/{TENANT}/admin",
            f"keycloak: demand a second factor from /tenants/{TENANT}/admin",
        ],
    ),
    "a second factor is demanded from others": (
        move_second_factor,
        [
            f"keycloak: no longer demand a second factor from /tenants/{TENANT}/analyst",
            f"keycloak: demand a second factor from /tenants/{TENANT}/admin",
        ],
    ),
    "a client's tokens live longer": (
        change_client(READ, attributes={"access.token.lifespan": "36000"}),
        [f"keycloak: set attributes of the client {READ}"],
    ),
    "a client lets people log in": (
        change_client(READ, publicClient=True, directAccessGrantsEnabled=True),
        [
            f"keycloak: set directAccessGrantsEnabled, publicClient, secret of the client {READ}",
            f"keycloak: give the secret of {READ} to the tokens service",
        ],
    ),
    "a client claims another tenant": (
        change_client(READ, protocolMappers=[]),
        [f"keycloak: set protocolMappers of the client {READ}"],
    ),
    "a client is deleted": (
        delete_client,
        [
            f"keycloak: create the client {READ}",
            f"keycloak: give the secret of {READ} to the tokens service",
        ],
    ),
    "the hub's client sends codes elsewhere": (
        change_client("jupyterhub", redirectUris=["https://elsewhere.example/*"]),
        ["keycloak: set redirectUris of the client jupyterhub"],
    ),
    "the hub's client takes passwords, and nobody can set up a code": (
        all_of(
            change_client("jupyterhub", directAccessGrantsEnabled=True, protocolMappers=[]),
            let_nobody_set_up_codes,
        ),
        [
            "keycloak: set enabled of the required action CONFIGURE_TOTP",
            "keycloak: set directAccessGrantsEnabled, protocolMappers of the client jupyterhub",
        ],
    ),
    "the realm lets people guess, and asks for a password alone": (
        change_realm(bruteForceProtected=False, passwordPolicy="", otpPolicyDigits=8, browserFlow="browser"),
        ["keycloak: set browserFlow, bruteForceProtected, otpPolicyDigits, passwordPolicy of the realm"],
    ),
    "a second factor is switched off, and a password counts as a code": (
        all_of(switch_second_factor_off, let_passwords_count_as_codes),
        [
            "keycloak: make urban second factor by role of the login flow CONDITIONAL",
            "keycloak: set the values of the login flow's steps",
        ],
    ),
    "a step of the login is deleted": (
        all_of(delete_login_step, leave_half_a_login_flow),
        [
            "keycloak: make the login flow anew as urban browser 2",
            "keycloak: set browserFlow of the realm",
            "keycloak: delete the login flow urban browser, which is used no longer",
            "keycloak: delete the login flow urban browser 9, which is used no longer",
        ],
    ),
    "a secret is changed": (
        change_secret,
        [f"keycloak: give the secret of {READ} to the tokens service"],
    ),
    "a topic is deleted": (
        with_kafka(lambda admin: admin.delete_topics([f"{TENANT}.level"])),
        [f"kafka: create the topic {TENANT}.level"],
    ),
    "a topic keeps less": (
        with_kafka(lambda admin: admin.alter_configs([make_topic_config(retention_ms="1000")])),
        [f"kafka: set retention.ms 604800000 of the topic {TENANT}.level"],
    ),
    "others may read": (
        with_kafka(lambda admin: admin.create_acls([make_acl("guetersloh.read", f"{TENANT}.level")])),
        [f"kafka: no longer let guetersloh.read read topic {TENANT}.level"],
    ),
    "everybody may read": (
        with_kafka(lambda admin: admin.create_acls([make_acl("*", f"{TENANT}.level")])),
        [f"kafka: no longer let * read topic {TENANT}.level"],
    ),
    "a record is edited": (edit_record, [f"records: write the record of {TENANT}"]),
    "a record is gone": (
        lambda installation: get_record(installation).unlink(),
        [f"records: write the record of {TENANT}"],
    ),
    "a record is closed": (
        lambda installation: get_record(installation).chmod(0o600),
        [f"records: let services read the record of {TENANT}"],
    ),
    "a stranger's record": (
        lambda installation: (installation.settings.records / "fremd.json").write_bytes(
            get_record(installation).read_bytes().replace(TENANT.encode(), b"fremd")
        ),
        ["records: remove the record of fremd"],
    ),
    "a service user is removed": (remove_service_user, [f"hub: make the service user reports@{TENANT}"]),
    "a role reads more in the warehouse": (widen_role, ["warehouse: renew the roles of the warehouse"]),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_drift_by_hand_is_said_and_mended(
    installation: Installation, tenant: str, bring_in_line: Callable[..., list[str]], name: str
) -> None:
    make_drift, expected = DRIFTS[name]
    part = expected[0].partition(":")[0]
    make_drift(installation)

    promised = bring_in_line(dry_run=True, parts=[part])
    assert [line.replace("would ", "", 1) for line in promised] == expected
    assert bring_in_line(parts=[part]) == expected
    assert bring_in_line(parts=[part]) == NOTHING


def test_after_all_that_everything_is_in_line(tenant: str, bring_in_line: Callable[..., list[str]]) -> None:
    assert bring_in_line() == NOTHING
