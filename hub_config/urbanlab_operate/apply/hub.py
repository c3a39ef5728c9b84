"""The hub's service users: one for each tenant and purpose, in whose servers notebooks run by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from urbanlab.contract import naming
from urbanlab.contract.records import Tenant
from urbanlab.contract.secrets import read_secret
from urbanlab_hub.settings import Settings
from urbanlab_operate.changes import Changes
from urbanlab_operate.rest_api import RestApi


def reconcile(settings: Settings, tenants: Mapping[str, Tenant], changes: Changes) -> None:
    """Make the service users of tenants, and end what still runs for tenants that left."""
    api = RestApi("The hub", settings.hub_api_url, read_secret(settings.master_secrets, "service-operator"))
    users = {str(user["name"]): user for user in _list_users(api)}
    for tenant in tenants:
        _ensure_service_users(api, tenant, users, changes)
    for name, user in users.items():
        _, at, tenant = name.rpartition("@")
        if at and tenant not in tenants:
            _retire_user(api, name, user, changes)


def _ensure_service_users(api: RestApi, tenant: str, users: Iterable[str], changes: Changes) -> None:
    for purpose in naming.SERVICE_PERSONS:
        name = naming.make_service_user(purpose, tenant)
        if name not in users:
            # 409: somebody else made it meanwhile
            create = partial(api.request, "POST", _make_path(name), fine=(409,))
            changes.make(f"make the service user {name}", create)


def _retire_user(api: RestApi, name: str, user: Mapping[str, Any], changes: Changes) -> None:
    """Stop the server; a person's home and hub user stay, a service user has nothing to keep."""
    if name.rpartition("@")[0] in naming.SERVICE_PERSONS:
        delete = partial(api.request, "DELETE", _make_path(name), fine=(404,))
        changes.make(f"remove the service user {name} with its server", delete)
    elif user.get("server"):
        # 400: it is being stopped already
        stop = partial(api.request, "DELETE", f"{_make_path(name)}/server", fine=(400, 404))
        changes.make(f"stop the server of {name}, whose tenant left", stop)


def _list_users(api: RestApi) -> list[dict[str, Any]]:
    users: list[dict[str, Any]] = []
    while page := api.request("GET", "/users", params={"offset": len(users)}):
        users += page
    return users


def _make_path(name: str) -> str:
    return f"/users/{quote(name, safe='')}"
