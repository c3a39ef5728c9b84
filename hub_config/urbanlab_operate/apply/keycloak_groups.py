"""Keycloak's groups: one for each role of a tenant, and which of them demand a second factor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from urbanlab.contract import naming
from urbanlab.contract.records import Tenant
from urbanlab_operate.changes import ApplyError, Changes
from urbanlab_operate.keycloak_realm import Realm

SECOND_FACTOR_ROLE = "otp-required"  # the realm's login asks those for a second factor who hold it
MANY = 1_000_000  # Keycloak's lists end after a hundred unless one says how long they may be

Values = dict[str, Any]


def reconcile_groups(realm: Realm, tenants: Mapping[str, Tenant], changes: Changes) -> None:
    """Make the groups that are missing and bring the demand for a second factor in line.

    Groups of tenants that left stay, so that people find their way back; so does what hangs below a group.
    """
    found = Groups(realm)
    demanding = _find_demanding(realm, changes)
    for tenant in tenants.values():
        for role in naming.ROLES:
            path = naming.make_group_path(tenant.id, role)
            if path not in found:
                changes.make(f"create the group {path}", partial(found.create, path))
            if role in tenant.second_factor and path not in demanding:
                changes.make(f"demand a second factor from {path}", partial(_demand, realm, found, path))
            elif role not in tenant.second_factor and path in demanding:
                changes.make(
                    f"no longer demand a second factor from {path}", partial(_spare, realm, found, path)
                )


class Groups:
    """The groups with the names of roles and those above them, as they were found or made."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm
        self._ids: dict[str, str] = {}
        for role in naming.ROLES:
            # One question for all tenants: the answer is the tree down to the groups of this name. Counting
            # what is below each would take Keycloak four times as long as the rest.
            query = {"search": role, "exact": "true", "max": MANY, "subGroupsCount": "false"}
            trees = realm.get("/groups", **query) or []
            self._ids |= {str(group["path"]): str(group["id"]) for group in _walk(trees)}

    def __contains__(self, path: str) -> bool:
        return path in self._ids

    def get_id(self, path: str) -> str:
        """Return the id of a group that is there."""
        return self._ids[path]

    def create(self, path: str) -> None:
        """Create a group and those above it."""
        above, _, name = path.rpartition("/")
        if above and not self._find(above):
            self.create(above)
        address = f"/groups/{self._ids[above]}/children" if above else "/groups"
        made = self._realm.post(address, {"name": name})
        if made:
            self._ids[path] = made
        elif not self._find(path):  # 409, yet not there
            raise ApplyError(f"Keycloak did not keep the group {path}: see logs/keycloak in the state folder")

    def _find(self, path: str) -> bool:
        if path not in self._ids and (group := self._realm.get(f"/group-by-path{path}")):
            self._ids[path] = str(group["id"])
        return path in self._ids


def _walk(groups: Iterable[Values]) -> Iterator[Values]:
    for group in groups:
        yield group
        yield from _walk(group.get("subGroups", ()))


def _find_demanding(realm: Realm, changes: Changes) -> set[str]:
    groups = realm.get(f"/roles/{SECOND_FACTOR_ROLE}/groups", max=MANY)
    if groups is None:
        role = {"name": SECOND_FACTOR_ROLE, "description": "Must give a second factor at every login"}
        changes.make(f"create the role {SECOND_FACTOR_ROLE}", partial(realm.post, "/roles", role))
    return {str(group["path"]) for group in groups or []}


def _demand(realm: Realm, groups: Groups, path: str) -> None:
    realm.post(_make_mappings(groups, path), [_get_role(realm)])


def _spare(realm: Realm, groups: Groups, path: str) -> None:
    realm.delete(_make_mappings(groups, path), [_get_role(realm)])


def _make_mappings(groups: Groups, path: str) -> str:
    return f"/groups/{groups.get_id(path)}/role-mappings/realm"


def _get_role(realm: Realm) -> Values:
    role: Values = realm.get(f"/roles/{SECOND_FACTOR_ROLE}")
    return role
