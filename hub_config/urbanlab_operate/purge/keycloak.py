"""Keycloak's groups and clients of the tenant; the people themselves stay, they may belong elsewhere too."""

from __future__ import annotations

from functools import partial

from urbanlab.contract import naming
from urbanlab_hub.settings import Settings
from urbanlab_operate.apply.keycloak import KAFKA_ACCESSES
from urbanlab_operate.apply.keycloak_groups import MANY
from urbanlab_operate.keycloak_realm import Realm
from urbanlab_operate.purge.remnants import Remnant


def find(settings: Settings, tenant: str) -> list[Remnant]:
    """Return the clients, and the group with all below it."""
    realm = Realm(settings)
    return [*_find_clients(realm, tenant), *_find_group(realm, tenant)]


def _find_clients(realm: Realm, tenant: str) -> list[Remnant]:
    remnants = []
    for access in KAFKA_ACCESSES:
        client_id = naming.make_kafka_client(tenant, access)
        for client in realm.get("/clients", clientId=client_id) or []:
            delete = partial(realm.delete, f"/clients/{client['id']}")
            remnants.append(Remnant(f"the client {client_id} of Keycloak", delete))
    return remnants


def _find_group(realm: Realm, tenant: str) -> list[Remnant]:
    path = naming.make_group_path(tenant, naming.ROLES[0]).rpartition("/")[0]
    group = realm.get(f"/group-by-path{path}")
    if group is None:
        return []
    people = {
        str(person["id"])
        for below in realm.get(f"/groups/{group['id']}/children", max=MANY) or []
        for person in realm.get(f"/groups/{below['id']}/members", max=MANY) or []
    }
    sentence = f"the group {path} of Keycloak with the roles of {len(people)} people, who stay in Keycloak"
    return [Remnant(sentence, partial(realm.delete, f"/groups/{group['id']}"))]
