"""Keycloak's realm as its file has it: settings, required actions and the login flow, also after an upgrade.

The file is imported when the realm is made, and never again. What does not stand in it is the operator's.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from urbanlab_operate.apply import login_flow
from urbanlab_operate.apply.drift import find_different, lay_over
from urbanlab_operate.changes import ApplyError, Changes
from urbanlab_operate.keycloak_realm import Realm
from urbanlab_operate.local.keycloak import REALM_FILE

# What of the file is no setting of the realm itself.
_ELSEWHERE = (
    *("realm", "roles", "groups", "clients"),
    *("authenticationFlows", "authenticatorConfig", "requiredActions"),
)
_ACTIONS = "/authentication/required-actions"

Values = dict[str, Any]


def load_realm_file() -> Values:
    """Return what the realm's file says."""
    values: Values = json.loads(REALM_FILE.read_text(encoding="utf-8"))
    return values


def reconcile_realm(realm: Realm, changes: Changes) -> None:
    """Bring in line what is the same for all tenants; raise `ApplyError` where there is no realm."""
    wanted, found = load_realm_file(), realm.get("")
    if found is None:
        raise ApplyError(
            f"Keycloak has no realm {wanted['realm']}: `urbanlab down` and `urbanlab up` import it"
        )
    flow = login_flow.ensure_flow(realm, wanted, found, changes)
    settings = {name: value for name, value in wanted.items() if name not in _ELSEWHERE}
    _reconcile_settings(realm, found, {**settings, "browserFlow": flow.alias}, changes)
    login_flow.retire_others(realm, flow, changes)
    _reconcile_actions(realm, wanted["requiredActions"], changes)


def _reconcile_settings(realm: Realm, found: Values, wanted: Values, changes: Changes) -> None:
    different = find_different(found, wanted)
    if different:
        values = {name: lay_over(found.get(name), wanted[name]) for name in different}
        changes.make(f"set {', '.join(different)} of the realm", partial(change_realm, realm, values))


def change_realm(realm: Realm, values: Values) -> None:
    """Set some of the realm's own settings."""
    # All of them: from one of a group alone, like those of one-time codes, Keycloak resets the others.
    realm.put("", {**realm.get(""), **values})


def _reconcile_actions(realm: Realm, wanted: list[Values], changes: Changes) -> None:
    found = {str(action["alias"]): action for action in realm.get(_ACTIONS) or []}
    for action in wanted:
        alias = str(action["alias"])
        if alias not in found:
            changes.make(f"add the required action {alias}", partial(_add_action, realm, action))
        elif different := find_different(found[alias], action):
            values = {**found[alias], **action}
            change = partial(realm.put, f"{_ACTIONS}/{alias}", values)
            changes.make(f"set {', '.join(different)} of the required action {alias}", change)


def _add_action(realm: Realm, action: Values) -> None:
    realm.post("/authentication/register-required-action", action)
    realm.put(f"{_ACTIONS}/{action['alias']}", action)
