"""Keycloak: the realm, groups of tenants and roles, clients whose tokens Kafka accepts, the hub's own client."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any

from urbanlab.contract import naming
from urbanlab.contract.records import Tenant
from urbanlab.contract.secrets import Secret, read_secret
from urbanlab_hub.settings import Settings
from urbanlab_operate.apply.drift import find_different, lay_over
from urbanlab_operate.apply.keycloak_groups import reconcile_groups
from urbanlab_operate.apply.realm_settings import load_realm_file, reconcile_realm
from urbanlab_operate.changes import Changes
from urbanlab_operate.keycloak_realm import Realm
from urbanlab_operate.secret_files import SecretFolder

# Kind of access to Kafka -> what its client is for; publications have the second.
KAFKA_ACCESSES = {"read": "reads the topics of", "open": "reads open topics for"}
KAFKA_CLIENTS = tuple(f"kafka-{access}-" for access in KAFKA_ACCESSES)
# Kafka asks nobody whether a token still counts, so it must not count for long. Before the last one can be had, the
# hub's sweep (15 s) and what the tokens service remembers of the hub's answers (5 s) pass: within a minute in all.
TOKEN_SECONDS = 35
HUB_CLIENT = "jupyterhub"

Values = dict[str, Any]


def reconcile(settings: Settings, tenants: Mapping[str, Tenant], changes: Changes) -> None:
    """Bring the realm's own settings, groups, Kafka's clients and the hub's client in line."""
    realm = Realm(settings)
    reconcile_realm(realm, changes)
    reconcile_groups(realm, tenants, changes)
    _reconcile_kafka_clients(realm, SecretFolder(settings, "tokens"), tenants, changes)
    _reconcile_hub_client(realm, settings, changes)


def _reconcile_kafka_clients(
    realm: Realm, folder: SecretFolder, tenants: Mapping[str, Tenant], changes: Changes
) -> None:
    found = [
        each for start in KAFKA_CLIENTS for each in realm.get("/clients", clientId=start, search="true") or []
    ]
    clients = {str(client["clientId"]): client for client in found}
    made = [make_kafka_client(tenant, access) for tenant in tenants for access in KAFKA_ACCESSES]
    wanted = {client["clientId"]: client for client in made}
    for client_id, values in wanted.items():
        client = clients.get(client_id)
        # One that somebody made public has lost its secret.
        secret = str((client or {}).get("secret") or secrets.token_urlsafe(32))
        if client is None:
            create = partial(realm.post, "/clients", {**values, "secret": secret})
            changes.make(f"create the client {client_id}", create)
        else:
            _reconcile_client(realm, client, {**values, "secret": secret}, changes)
        _hand_over_secret(folder, client_id, Secret(secret), changes)
    _retire_kafka_clients(realm, clients, set(wanted), changes)
    for name in folder.list_names():
        if name.startswith(KAFKA_CLIENTS) and name not in wanted:
            changes.make(f"take the secret of {name} from the tokens service", partial(folder.delete, name))


def _hand_over_secret(folder: SecretFolder, client_id: str, secret: Secret, changes: Changes) -> None:
    if not folder.holds(client_id, secret):
        changes.make(
            f"give the secret of {client_id} to the tokens service", partial(folder.write, client_id, secret)
        )


def _retire_kafka_clients(
    realm: Realm, clients: Mapping[str, Values], wanted: set[str], changes: Changes
) -> None:
    """Switch off the clients of tenants that left; their groups stay, so that people find their way back."""
    for client_id, client in clients.items():
        if client_id.startswith(KAFKA_CLIENTS) and client_id not in wanted and client["enabled"]:
            off = partial(realm.put, f"/clients/{client['id']}", {**client, "enabled": False})
            changes.make(f"switch off the client {client_id}, whose tenant left", off)


def make_kafka_client(tenant: str, access: str) -> Values:
    """Return the client whose only use is a short token that says `TENANT.ACCESS` to Kafka."""
    switched_off = ("publicClient", "standardFlowEnabled", "implicitFlowEnabled", "directAccessGrantsEnabled")
    principal = naming.make_kafka_principal(tenant, access)
    return {
        "clientId": naming.make_kafka_client(tenant, access),
        "name": f"Kafka: {KAFKA_ACCESSES[access]} {tenant}",
        "enabled": True,
        "protocol": "openid-connect",
        **dict.fromkeys(switched_off, False),
        "bearerOnly": False,
        "serviceAccountsEnabled": True,
        "fullScopeAllowed": False,
        "redirectUris": [],
        "webOrigins": [],
        "attributes": {"access.token.lifespan": str(TOKEN_SECONDS)},
        "protocolMappers": [
            _make_mapper(
                "principal", "oidc-hardcoded-claim-mapper", {**_PRINCIPAL, "claim.value": principal}
            ),
            _make_mapper("audience", "oidc-audience-mapper", _AUDIENCE),
        ],
    }


_PRINCIPAL = {"claim.name": "principal", "jsonType.label": "String", "access.token.claim": "true"}
_AUDIENCE = {"included.custom.audience": "kafka", "access.token.claim": "true"}


def _make_mapper(name: str, kind: str, config: Mapping[str, str]) -> Values:
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": dict(config)}


def _reconcile_hub_client(realm: Realm, settings: Settings, changes: Changes) -> None:
    secret = read_secret(settings.master_secrets, "keycloak-client-jupyterhub")
    wanted = {**make_hub_client(settings), "secret": secret.reveal()}
    found = realm.get("/clients", clientId=HUB_CLIENT) or []
    if found:
        _reconcile_client(realm, found[0], wanted, changes)
    else:
        changes.make(f"create the client {HUB_CLIENT}", partial(realm.post, "/clients", wanted))


def make_hub_client(settings: Settings) -> Values:
    """Return the hub's client: as the realm's file has it, with the addresses of the installation."""
    hub = settings.hub_url
    client: Values = next(each for each in load_realm_file()["clients"] if each["clientId"] == HUB_CLIENT)
    addresses = {
        "post.logout.redirect.uris": f"{hub}hub/logged-out",
        # Keycloak itself calls there, so past the proxy: a session that has ended anywhere ends here too.
        "backchannel.logout.url": settings.backchannel_logout_url,
        "backchannel.logout.session.required": "true",
        "backchannel.logout.revoke.offline.tokens": "true",
    }
    return {
        **client,
        "redirectUris": [f"{hub}hub/oauth_callback"],
        "attributes": {**client["attributes"], **addresses},
    }


def _reconcile_client(realm: Realm, client: Values, wanted: Values, changes: Changes) -> None:
    different = find_different(client, wanted)
    if different:
        values = {**client, **{name: lay_over(client.get(name), wanted[name]) for name in different}}
        update = partial(realm.put, f"/clients/{client['id']}", values)
        changes.make(f"set {', '.join(different)} of the client {wanted['clientId']}", update)
