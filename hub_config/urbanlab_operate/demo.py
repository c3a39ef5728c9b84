"""The demo: its tenants' files at the first start, and an account for each role in each of them."""

from __future__ import annotations

import json
import secrets
import shutil
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from urbanlab.contract import naming
from urbanlab.contract.records import Tenant
from urbanlab_hub.settings import Settings
from urbanlab_hub.tenants import DEMO_FOLDER, list_tenant_files
from urbanlab_operate.changes import Changes
from urbanlab_operate.keycloak_realm import Realm
from urbanlab_operate.secret_files import write_private

SPECIAL_ACCOUNTS = DEMO_FOLDER / "_demo_accounts.yaml"
PASSWORD_LENGTH = 24
# Kinds of characters of which a realm's policy may want one or two each.
ALPHABETS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.+")


@dataclass(frozen=True)
class DemoAccount:
    """Somebody of the demo; what Keycloak would ask for at the first login is filled in."""

    username: str
    first_name: str
    last_name: str
    groups: tuple[str, ...]

    def to_user(self, password: str) -> dict[str, Any]:
        """Return the user as Keycloak wants it."""
        return {
            "username": self.username,
            "enabled": True,
            "email": f"{self.username}@urbanlab.example",
            "emailVerified": True,
            "firstName": self.first_name,
            "lastName": self.last_name,
            "requiredActions": [],
            "groups": list(self.groups),
            "credentials": [make_credential(password)],
        }


def get_accounts_path(settings: Settings) -> Path:
    """Return the file with the passwords of the demo accounts by user name."""
    return settings.state / "demo-accounts.json"


def ensure_tenant_files(settings: Settings, *, dry_run: bool = False) -> Path:
    """Return the folder of the tenants' files; at the first start of a demo it holds the demo's.

    It is the first start while the folder is absent or empty; an operator who removed a demo tenant does not
    get it back. A dry run reads the demo's files where they are.
    """
    folder = settings.tenants
    if not settings.demo or (folder.is_dir() and any(folder.iterdir())):
        return folder
    if dry_run:
        return DEMO_FOLDER
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    for path in [*list_tenant_files(DEMO_FOLDER), *DEMO_FOLDER.glob("*.svg")]:
        shutil.copyfile(path, draft / path.name)
    draft.replace(folder)
    return folder


def make_accounts(tenants: Mapping[str, Tenant]) -> list[DemoAccount]:
    """Return one account for each role in each demo tenant, and the special ones whose tenants all exist."""
    accounts = [
        DemoAccount(
            f"{role}-{tenant}", role.title(), tenants[tenant].title, (naming.make_group_path(tenant, role),)
        )
        for tenant in (path.stem for path in list_tenant_files(DEMO_FOLDER))
        if tenant in tenants
        for role in naming.ROLES
    ]
    special: dict[str, dict[str, list[str]]] = yaml.safe_load(SPECIAL_ACCOUNTS.read_text(encoding="utf-8"))
    for username, roles in special.items():
        if roles.keys() <= tenants.keys():
            groups = [naming.make_group_path(tenant, role) for tenant in roles for role in roles[tenant]]
            first_name, _, last_name = username.title().partition("-")
            accounts.append(DemoAccount(username, first_name, last_name or "Demo", tuple(groups)))
    return accounts


def reconcile(settings: Settings, tenants: Mapping[str, Tenant], changes: Changes) -> None:
    """Make the demo accounts that are missing; without a demo, remove them."""
    if not settings.demo:
        _remove_accounts(settings, changes)
        return
    realm = Realm(settings)
    for account in make_accounts(tenants):
        # Somebody that the operator changed, moved or disabled on purpose stays so.
        _ensure_account(settings, realm, account, changes)


def _ensure_account(settings: Settings, realm: Realm, account: DemoAccount, changes: Changes) -> None:
    known = read_passwords(settings)
    user = _find_user(realm, account.username)
    password = known.get(account.username) or make_password()
    if user is None:
        create = partial(realm.post, "/users", account.to_user(password))
        changes.make(f"create the account {account.username}", create)
    elif account.username not in known:
        reset = partial(realm.put, f"/users/{user['id']}/reset-password", make_credential(password))
        changes.make(f"give the account {account.username} a new password", reset)
    # After Keycloak has it: whoever is killed between the two gives a new password the next time.
    if account.username not in known and not changes.dry_run:
        _write_passwords(settings, {**known, account.username: password})


def _remove_accounts(settings: Settings, changes: Changes) -> None:
    usernames = read_passwords(settings)
    if not usernames:
        return
    realm = Realm(settings)
    for username in usernames:
        user = _find_user(realm, username)
        if user is not None:
            changes.make(f"remove the account {username}", partial(realm.delete, f"/users/{user['id']}"))
    changes.make("remove the passwords of the demo accounts", get_accounts_path(settings).unlink)


def _find_user(realm: Realm, username: str) -> dict[str, Any] | None:
    found: list[dict[str, Any]] = realm.get("/users", username=username, exact="true") or []
    return found[0] if found else None


def make_credential(password: str) -> dict[str, Any]:
    """Return a password as Keycloak wants it, which nobody has to change at the first login."""
    return {"type": "password", "value": password, "temporary": False}


def make_password() -> str:
    """Return a password with at least two characters of each kind."""
    characters = [secrets.choice(alphabet) for alphabet in ALPHABETS for _ in range(2)]
    rest = "".join(ALPHABETS[:3])
    characters += [secrets.choice(rest) for _ in range(PASSWORD_LENGTH - len(characters))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


def read_passwords(settings: Settings) -> dict[str, str]:
    """Return the passwords of the demo accounts by user name."""
    path = get_accounts_path(settings)
    if not path.exists():
        return {}
    passwords: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return passwords


def _write_passwords(settings: Settings, passwords: Mapping[str, str]) -> None:
    write_private(get_accounts_path(settings), json.dumps(passwords, indent=1, sort_keys=True) + "\n")
