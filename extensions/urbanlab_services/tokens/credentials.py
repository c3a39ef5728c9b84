"""The rules: whose hub token gives which access, and the warehouse credential made from it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field

import jwt

from urbanlab.contract.naming import ROLES, SERVICE_PERSONS, NamingError, make_group_path, split_hub_user
from urbanlab.contract.secrets import Secret
from urbanlab_services.errors import ForbiddenError
from urbanlab_services.hub_api import HubIdentity

ISSUER = "urbanlab-tokens"
WAREHOUSE_AUDIENCE = "urbanlab-warehouse"
PUBLISHER_AUDIENCE = "urbanlab-publisher"
# Somebody whose rights end keeps a credential for this long at most. With the hub's sweep (15 s), the cache of
# the hub's answers (5 s) and the gateway's leeway (5 s) it stays below the minute that the product promises.
WAREHOUSE_SECONDS = 30
PUBLISHER_SECONDS = 30


@dataclass(frozen=True)
class Holder:
    """Who may have data credentials, and of which kind."""

    hub_user: str
    tenant: str
    access: str
    roles: tuple[str, ...] = ()  # a person's in the tenant; none for service users
    confirmed: float = field(default_factory=time.time)  # when the hub was asked about them


def resolve_holder(identity: HubIdentity, tenants: Collection[str]) -> Holder:
    """Return the holder behind a hub token; raise `ForbiddenError` for everybody without data of their own."""
    if identity.kind != "user" or not _is_server_token(identity):
        raise ForbiddenError("Data credentials are given to a user's own server only.")
    try:
        person, tenant = split_hub_user(identity.name)
    except NamingError:
        raise ForbiddenError("This user belongs to no tenant.") from None
    access = _find_access(person, tenant, identity.groups)
    if access is None or tenant not in tenants:
        raise ForbiddenError(
            "You have no role that may read data; the tenant's administrator can give you one."
        )
    roles = _find_roles(person, tenant, identity.groups)
    return Holder(identity.name, tenant, access, roles, identity.confirmed)


def find_kafka_access(holder: Holder) -> str:
    """Return which of the tenant's accesses to Kafka a holder has: publications read open topics only."""
    return "open" if holder.access == "publications" else "read"


def check_publisher_access(holder: Holder) -> None:
    """Raise `ForbiddenError` for service users: what runs as one of them asks for nothing to be published."""
    if not holder.roles:
        raise ForbiddenError("Only people may ask the publisher; a publication or a report may not.")


def make_warehouse_token(holder: Holder, signing_key: Secret) -> str:
    """Return a JWT that the warehouse gateway verifies without asking anybody."""
    return _sign(holder, WAREHOUSE_AUDIENCE, WAREHOUSE_SECONDS, signing_key, access=holder.access)


def make_publisher_token(holder: Holder, signing_key: Secret) -> str:
    """Return a JWT that the publisher verifies without asking anybody; with it nobody decides anything."""
    return _sign(holder, PUBLISHER_AUDIENCE, PUBLISHER_SECONDS, signing_key, roles=list(holder.roles))


def count_seconds_left(holder: Holder, seconds: int) -> int:
    """Return for how long a credential that lives for so many seconds can still be used, at least one."""
    return max(1, int(holder.confirmed) + seconds - int(time.time()))


def _sign(holder: Holder, audience: str, seconds: int, signing_key: Secret, **rights: object) -> str:
    # What the hub said may be some seconds old, and whoever was revoked since then is known by this.
    issued = int(holder.confirmed)
    claims = {
        "iss": ISSUER,
        "aud": audience,
        "sub": holder.hub_user,
        "tenant": holder.tenant,
        **rights,
        "iat": issued,
        "exp": issued + seconds,
        "jti": uuid.uuid4().hex,
    }
    return jwt.encode(claims, signing_key.reveal(), algorithm="EdDSA")


def _is_server_token(identity: HubIdentity) -> bool:
    # Whoever visits another's server or a service leaves a token of their own there. It says whose it is,
    # but it carries the browser's session and not the right to report its owner's activity.
    return identity.session_id is None and f"users:activity!user={identity.name}" in identity.scopes


def _find_roles(person: str, tenant: str, groups: Collection[str]) -> tuple[str, ...]:
    if person in SERVICE_PERSONS:
        return ()
    return tuple(role for role in ROLES if make_group_path(tenant, role) in groups)


def _find_access(person: str, tenant: str, groups: Collection[str]) -> str | None:
    if person in SERVICE_PERSONS:
        return person
    if make_group_path(tenant, "steward") in groups:
        return "steward"
    return "analyst" if any(make_group_path(tenant, role) in groups for role in ROLES) else None
