"""The hub's roles: the same for all tenants, because the hub cannot make roles while it runs."""

from __future__ import annotations

from typing import Any

from urbanlab_hub.services import SERVICES

# What somebody may do with the own account. `tokens` is left out on purpose: whoever can mint tokens can make
# one that outlives the session, and code in a browser tab acts as the person.
USER_SCOPES = (
    "read:users!user",
    "read:tokens!user",
    "users:activity!user",
    "servers!user",
    "access:servers!user",
)
# What a person's server may do with its own token.
SERVER_SCOPES = ("users:activity!user", "access:servers!server")


def make_roles() -> list[dict[str, Any]]:
    """Return the roles as the hub's configuration wants them; nobody is given `admin`."""
    return [{"name": "user", "scopes": list(USER_SCOPES)}, *_make_service_roles()]


def make_services(tokens: dict[str, str]) -> list[dict[str, Any]]:
    """Return the services as the hub's configuration wants them; `tokens` maps each name to its token."""
    return [{"name": service.name, "api_token": tokens[service.name]} for service in SERVICES]


def _make_service_roles() -> list[dict[str, Any]]:
    return [
        {"name": f"service-{service.name}", "scopes": list(service.scopes), "services": [service.name]}
        for service in SERVICES
        if service.scopes
    ]
