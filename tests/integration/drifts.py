"""What somebody may change by hand behind the back of `urbanlab apply`, and what it says when it mends it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

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

from tests.installation import Installation
from urbanlab.contract import naming
from urbanlab_operate.keycloak_realm import Realm
from urbanlab_operate.local.kafka import make_client_options

from .operator_access import ask_as_service

TENANT = "driftstadt"
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
