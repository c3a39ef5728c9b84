"""The hub's roles: the same for all tenants, because the hub cannot make roles while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from urbanlab_hub.services import DECIDE_SCOPE, SERVICES, HubService

# What somebody may do with the own account. `tokens` is left out on purpose: whoever can mint tokens can make
# one that outlives the session, and code in a browser tab acts as the person.
USER_SCOPES = (
    "read:users!user",
    "read:tokens!user",
    "users:activity!user",
    "servers!user",
    "access:servers!user",
    # For browser logins at services alone: SERVER_SCOPES leave it out.
    f"{DECIDE_SCOPE}!user",
    *(f"access:services!service={service.name}" for service in SERVICES if service.login_scopes),
)
CUSTOM_SCOPES = {
    DECIDE_SCOPE: {"description": "Decide what becomes public or is shared, in the own browser at a service."}
}
# What a person's server may do with its own token.
SERVER_SCOPES = ("users:activity!user", "access:servers!server")


def make_roles() -> list[dict[str, Any]]:
    """Return the roles as the hub's configuration wants them; nobody is given `admin`."""
    return [{"name": "user", "scopes": list(USER_SCOPES)}, *_make_service_roles()]


def make_services(tokens: Mapping[str, str], addresses: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the services as the hub's configuration wants them.

    `tokens` maps each name to its token, `addresses` those that have pages to where browsers find them.
    """
    return [
        {"name": service.name, "api_token": tokens[service.name], **_make_login(service, addresses)}
        for service in SERVICES
    ]


def _make_login(service: HubService, addresses: Mapping[str, str]) -> dict[str, Any]:
    if not service.login_scopes:
        return {}
    return {
        "oauth_client_id": f"service-{service.name}",
        "oauth_redirect_uri": f"{addresses[service.name]}/oauth_callback",
        "oauth_no_confirm": True,  # part of the same product
        "oauth_client_allowed_scopes": list(service.login_scopes),
    }


def _make_service_roles() -> list[dict[str, Any]]:
    return [
        {"name": f"service-{service.name}", "scopes": list(service.scopes), "services": [service.name]}
        for service in SERVICES
        if service.scopes
    ]
