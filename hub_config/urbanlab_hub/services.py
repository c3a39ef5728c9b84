"""The hub's services: each with the file of its token and its scopes, and each scope with its reason.

All are *external*: the supervisor starts them, and none has an address in the hub, because a service that
does not answer would delay the hub's start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

REPORTS_GROUP = "/services/reports"
PUBLICATIONS_GROUP = "/services/publications"
DECIDE_SCOPE = "custom:urbanlab:decide"
SERVICE_GROUPS = {"reports": REPORTS_GROUP, "publications": PUBLICATIONS_GROUP}


@dataclass(frozen=True)
class HubService:
    """A service that holds a token of the hub; `scopes` maps each scope to why it is needed.

    `login_scopes` are those that a person's browser login at the service carries: no token of a server or
    kernel can have them. A service without any has no pages.
    """

    name: str
    secret: str
    scopes: Mapping[str, str]
    login_scopes: Mapping[str, str] = field(default_factory=dict)


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
        "publisher",
        "service-publisher",
        {
            f"servers!group={PUBLICATIONS_GROUP}": "start and stop the servers in which publications run",
            f"read:servers!group={PUBLICATIONS_GROUP}": "see whether such a server is ready",
            f"access:servers!group={PUBLICATIONS_GROUP}": "hand a notebook to such a server",
        },
        {
            "read:users!user": "know who decides, in which tenant and with which roles",
            f"{DECIDE_SCOPE}!user": "decide what becomes public",
        },
    ),
    HubService(
        "culler",
        "service-culler",
        {
            "list:users": "see all servers, as the hub lists them by their users",
            "read:users:activity": "see in that list when somebody was active",
            "read:servers": "see how long nobody has used a server",
            "delete:servers": "stop one that nobody uses",
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
