"""The people's homes, accounts and hub users of the tenant, those of its runners, and what they shared."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from rich.filesize import decimal

from urbanlab.contract import naming
from urbanlab.contract.folder_size import measure_folder
from urbanlab_hub import homes
from urbanlab_hub.accounts import delete_account, delete_group, find_account
from urbanlab_hub.settings import Settings
from urbanlab_operate.apply.hub import delete_user, list_users, make_api
from urbanlab_operate.local.folders import get_installation
from urbanlab_operate.purge.leftovers import delete_folder, delete_leftovers
from urbanlab_operate.purge.remnants import Remnant
from urbanlab_operate.rest_api import RestApi


def find(settings: Settings, tenant: str) -> list[Remnant]:
    """Return each person with what is theirs, then the runners' and the shared folders."""
    api = make_api(settings)
    known = {str(user["name"]) for user in list_users(api)}
    users = sorted(name for name in known if name.rpartition("@")[2] == tenant)
    # The runners' hub users went when the tenant left, their homes did not.
    runners = [naming.make_service_user(purpose, tenant) for purpose in naming.SERVICE_PERSONS]
    found = [_find_person(settings, api, name, known) for name in dict.fromkeys([*users, *runners])]
    left = (*_find_shared_folders(settings, tenant), *find_archived_homes(settings, tenant))
    return [*(each for each in found if each), *left]


def _find_person(settings: Settings, api: RestApi, hub_user: str, known: set[str]) -> Remnant | None:
    account = naming.make_account(hub_user, get_installation(settings))
    home = settings.homes / account
    parts = []
    if home.exists():
        parts.append(f"the home ({_measure(home)})")
    if os.geteuid() == 0 and find_account(account):
        parts.append("the account")
    if hub_user in known:
        parts.append("the hub's user")
    if not parts:
        return None
    delete = partial(_delete_person, settings, api, hub_user, account)
    return Remnant(f"{', '.join(parts)} of {hub_user}", delete)


def _delete_person(settings: Settings, api: RestApi, hub_user: str, account: str) -> None:
    # The hub's user goes at the end, by it the others are found; but nothing may run in the account meanwhile.
    delete_user(api, hub_user, only_server=True)
    delete_folder(settings.homes / account)
    homes.delete_runtime(homes.make_runtime_path(get_installation(settings), account))
    if os.geteuid() == 0 and (entry := find_account(account)):
        delete_leftovers(entry.pw_uid, settings.state)
        delete_account(account)
    delete_user(api, hub_user)


def find_archived_homes(settings: Settings, tenant: str) -> list[Remnant]:
    """Return the homes whose names went to somebody else, as one remnant, or nothing."""
    folder = settings.archived_homes / tenant
    if not folder.is_dir():
        return []
    sentence = f"the archived homes of former people ({_measure(folder)})"
    return [Remnant(sentence, partial(delete_folder, folder))]


def _find_shared_folders(settings: Settings, tenant: str) -> list[Remnant]:
    folder = settings.shared / tenant
    if not folder.is_dir():
        return []
    return [Remnant(f"the shared folders ({_measure(folder)})", partial(_delete_shared, settings, tenant))]


def _delete_shared(settings: Settings, tenant: str) -> None:
    folder = settings.shared / tenant
    for path in folder.iterdir() if os.geteuid() == 0 else ():
        for access in ("read", "write"):
            purpose = naming.make_folder_group(tenant, path.name, access)
            delete_group(purpose, get_installation(settings))
    delete_folder(folder)


def _measure(folder: Path) -> str:
    size = measure_folder(folder)
    return f"{'' if size.complete else 'more than '}{decimal(size.taken)}"
