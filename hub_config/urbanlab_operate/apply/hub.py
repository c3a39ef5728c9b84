"""The hub's service users: one for each tenant and purpose, in whose servers notebooks run by themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import quote

from urbanlab.contract import naming
from urbanlab.contract.records import Tenant
from urbanlab.contract.secrets import read_secret
from urbanlab_hub.settings import Settings
from urbanlab_operate.changes import ApplyError, Changes
from urbanlab_operate.rest_api import RestApi

USERS_AT_ONCE, SERVERS_AT_ONCE = 100, 8
PAGE = 200  # the most that the hub gives at once
STOP_SECONDS, PAUSE_SECONDS = 60.0, 0.2


def reconcile(settings: Settings, tenants: Mapping[str, Tenant], changes: Changes) -> None:
    """Make the service users of tenants, and end what still runs for tenants that left."""
    api = make_api(settings)
    users = {str(user["name"]): user for user in list_users(api)}
    wanted = [
        naming.make_service_user(purpose, tenant) for tenant in tenants for purpose in naming.SERVICE_PERSONS
    ]
    missing = [(f"make the service user {name}", name) for name in wanted if name not in users]
    changes.make_all(missing, partial(_create_users, api), USERS_AT_ONCE)
    left = {name: user for name, user in users.items() if _has_left(name, tenants)}
    services = [name for name in left if name.rpartition("@")[0] in naming.SERVICE_PERSONS]
    gone = [(f"remove the service user {name} with its server", name) for name in services]
    changes.make_all(gone, partial(_at_once, partial(delete_user, api)), SERVERS_AT_ONCE)
    # A person's home and hub user stay.
    ending = [
        (f"stop the server of {name}, whose tenant left", name)
        for name, user in left.items()
        if user.get("server") and name not in services
    ]
    changes.make_all(ending, partial(_at_once, partial(delete_user, api, only_server=True)), SERVERS_AT_ONCE)


def _has_left(name: str, tenants: Collection[str]) -> bool:
    _, at, tenant = name.rpartition("@")
    return bool(at) and tenant not in tenants


def _at_once(end: Callable[[str], None], names: list[str]) -> None:
    # Ending a server takes seconds of waiting.
    with ThreadPoolExecutor(max_workers=SERVERS_AT_ONCE) as pool:
        list(pool.map(end, names))


def _create_users(api: RestApi, names: list[str]) -> None:
    # 409: somebody else made all of them meanwhile
    api.request("POST", "/users", json={"usernames": names}, fine=(409,))


def make_api(settings: Settings) -> RestApi:
    """Return the hub's API with the rights of the operator."""
    return RestApi("The hub", settings.hub_api_url, read_secret(settings.master_secrets, "service-operator"))


def list_users(api: RestApi) -> list[dict[str, Any]]:
    """Return all hub users."""
    users: list[dict[str, Any]] = []
    while page := api.request("GET", "/users", params={"offset": len(users), "limit": PAGE}):
        users += page
    return users


def has_user(api: RestApi, name: str) -> bool:
    """Return whether there is a hub user of that name."""
    return api.request("GET", f"/users/{quote(name, safe='')}", fine=(404,)) is not None


def delete_user(api: RestApi, name: str, *, only_server: bool = False) -> None:
    """End a hub user's server and return once it has ended; remove the hub user, too, unless `only_server`."""
    path = f"/users/{quote(name, safe='')}"
    deadline = time.monotonic() + STOP_SECONDS
    while user := api.request("GET", path, fine=(404,)):
        if user.get("server") or user.get("pending"):
            # 400: it is being started or stopped
            api.request("DELETE", f"{path}/server", fine=(400, 404))
        elif only_server:
            return
        else:
            api.request("DELETE", path, fine=(400, 404))
        if time.monotonic() > deadline:
            raise ApplyError(f"The server of {name} does not end: see logs/hub in the state folder")
        time.sleep(PAUSE_SECONDS)
