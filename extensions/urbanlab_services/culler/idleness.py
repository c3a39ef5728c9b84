"""Which servers nobody uses: after as long as their tenant declares, and a little, because the hub hears late."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from urbanlab.contract import naming
from urbanlab.contract.records import Tenant

# Servers tell the hub of activity every five minutes, and end by themselves before this: it is the net below.
SLACK = timedelta(minutes=10)
_SERVER_PATH = re.compile(r"/user/([^/]+)/(?:[^/]+/)?$")


def is_unused(inactive: timedelta | None, server: Mapping[str, Any], tenants: Mapping[str, Tenant]) -> bool:
    """Return whether a server of the hub's list may be ended; `inactive` is for how long nobody has used it.

    A server of a service user runs for the public or for reports and is never unused; nor is one of which we
    cannot tell whose it is.
    """
    hub_user = find_hub_user(str(server.get("url") or ""))
    if inactive is None or hub_user is None:
        return False
    person, tenant = hub_user
    declared = tenants.get(tenant)
    if declared is None or person in naming.SERVICE_PERSONS:
        return False
    return inactive >= timedelta(minutes=declared.idle_minutes) + SLACK


def find_hub_user(url: str) -> tuple[str, str] | None:
    """Return person and tenant of a server's address, with or without a host name of its own."""
    found = _SERVER_PATH.search(urlsplit(url).path)
    try:
        return naming.split_hub_user(unquote(found[1])) if found else None
    except naming.NamingError:
        return None


def make_arbiter(tenants: Callable[[], Mapping[str, Tenant]]) -> Callable[..., bool]:
    """Return what the idle culler asks about each server."""

    def decide(*, inactive: timedelta | None, server: Mapping[str, Any], **_: Any) -> bool:
        return is_unused(inactive, server, tenants())

    return decide
