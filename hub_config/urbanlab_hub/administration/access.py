"""Who may open the page, and which hub users it is about: both follow from hub users' names and groups alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyterhub import orm

from urbanlab.contract import naming
from urbanlab.contract.records import Tenant

ROLE = "admin"


def find_administered_tenant(user: Any, tenants: Mapping[str, Tenant]) -> Tenant | None:
    """Return the tenant that a user of the hub administers now, or None; nothing that was asked plays a part."""
    try:
        person, tenant = naming.split_hub_user(user.name)
    except naming.NamingError:
        return None
    is_administrator = naming.make_group_path(tenant, ROLE) in {group.name for group in user.groups}
    return tenants.get(tenant) if is_administrator and person not in naming.SERVICE_PERSONS else None


def list_members(db: Any, tenant: str) -> list[orm.User]:
    """Return the hub users of a tenant, service users too, by name."""
    # The database compares without regard to case, and knows nothing of what makes a name ours.
    found = db.query(orm.User).filter(orm.User.name.endswith(f"@{naming.check_tenant_id(tenant)}"))
    return [user for user in found.order_by(orm.User.name) if is_member(user.name, tenant)]


def find_member(db: Any, person: str, tenant: str) -> orm.User | None:
    """Return the hub user of a person of the tenant, by the name as it stands in addresses, or None.

    A name that would lead to another tenant is nobody's here: ``x@b`` of tenant ``a`` is ``x@b@a``.
    """
    name = f"{person}@{naming.check_tenant_id(tenant)}"
    return orm.User.find(db, name) if is_member(name, tenant) else None


def is_member(hub_user: str, tenant: str) -> bool:
    """Return whether a hub user belongs to a tenant."""
    try:
        return naming.split_hub_user(hub_user)[1] == tenant
    except naming.NamingError:
        return False


def list_roles(user: orm.User, tenant: str) -> tuple[str, ...]:
    """Return the roles that somebody holds in a tenant."""
    held = {group.name for group in user.groups}
    return tuple(role for role in naming.ROLES if naming.make_group_path(tenant, role) in held)
