"""Users, roles and limits of a ClickHouse server as statements: a user for each tenant and kind of access."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator

from urbanlab.contract.records import Tenant
from urbanlab.contract.secrets import Secret
from urbanlab_services.warehouse.engine import roles
from urbanlab_services.warehouse.engine.profiles import make_profiles

# Made by the server's operator, with the secret `warehouse-cluster` as password and every right with grant option.
ADMINISTRATOR = "urbanlab"
_PREFIX = "urbanlab_"


def make_user(role: str) -> str:
    """Return the user that has only this role."""
    return ADMINISTRATOR if role == roles.OPERATOR_ROLE else _PREFIX + role


def make_password(secret: Secret, user: str) -> Secret:
    """Return a user's password, which follows from the secret, so that none of them need be kept."""
    if user == ADMINISTRATOR:
        return secret
    return Secret(hmac.new(secret.reveal().encode(), user.encode(), hashlib.sha256).hexdigest())


def list_users(tenants: Iterable[Tenant]) -> list[str]:
    """Return the users that there are for these tenants."""
    return [make_user(role) for role in roles.make_roles(tenants) if role != roles.OPERATOR_ROLE]


def list_statements(tenants: Iterable[Tenant], secret: Secret) -> Iterator[str]:
    """Yield what brings a server in line with the tenants, whatever it has of them already."""
    tenants = list(tenants)
    profiles = make_profiles(tenants)
    for tenant, settings in sorted(profiles.items()):
        limits = ", ".join(f"{name} = {value} MIN 1 MAX {value}" for name, value in settings.items())
        yield f"CREATE SETTINGS PROFILE OR REPLACE {_PREFIX}{tenant} SETTINGS {limits}"
    for role, grants in roles.make_roles(tenants).items():
        if role == roles.OPERATOR_ROLE:
            continue
        name = _PREFIX + role
        yield f"CREATE ROLE IF NOT EXISTS {name}"
        yield f"REVOKE ALL ON *.* FROM {name}"
        yield from (f"{grant} {'FROM' if grant.startswith('REVOKE') else 'TO'} {name}" for grant in grants)
        yield _make_user_statement(role, name, secret, profiles)


def _make_user_statement(role: str, name: str, secret: Secret, profiles: Iterable[str]) -> str:
    # The digest, because statements stand in the server's logs.
    digest = hashlib.sha256(make_password(secret, make_user(role)).reveal().encode()).hexdigest()
    tenant = role.rpartition("_")[0]
    limits = f" SETTINGS PROFILE '{_PREFIX}{tenant}'" if tenant in set(profiles) else ""
    user = f"CREATE USER OR REPLACE {make_user(role)} IDENTIFIED WITH sha256_hash BY '{digest}'"
    return f"{user} DEFAULT ROLE {name}{limits}"
