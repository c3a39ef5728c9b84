"""The hub's services: each with the file of its token and its scopes, and each scope with its reason.

All are *external*: the supervisor starts them, and none has an address in the hub, because a service that
does not answer would delay the hub's start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REPORTS_GROUP = "/services/reports"
PUBLICATIONS_GROUP = "/services/publications"
SERVICE_GROUPS = {"reports": REPORTS_GROUP, "publications": PUBLICATIONS_GROUP}


@dataclass(frozen=True)
class HubService:
    """A service that holds a token of the hub; `scopes` maps each scope to why it is needed."""

    name: str
    secret: str
    scopes: Mapping[str, str]


SERVICES = (
    HubService("tokens", "service-tokens", {}),  # asks the hub with its caller's token, never with its own
    HubService(
        "reports",
        "service-reports",
        {
            f"servers!group={REPORTS_GROUP}": "start and stop the servers in which reports run",
            f"read:servers!group={REPORTS_GROUP}": "see whether such a server is ready",
            f"access:servers!group={REPORTS_GROUP}": "hand a run to such a server",
        },
    ),
    HubService(
        "operator",
        "service-operator",
        {
            "admin:users": "make and remove the service users of tenants",
            "servers": "stop the servers of a tenant that is removed",
            "read:hub": "say in `urbanlab status` whether the hub answers as itself",
        },
    ),
)
