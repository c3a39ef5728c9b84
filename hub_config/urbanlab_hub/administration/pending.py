"""How much waits for a decision of the tenant's gatekeepers: the publisher knows, and tells the hub numbers."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from urbanlab.contract.naming import check_tenant_id
from urbanlab.contract.secrets import Secret

SECRET = "publisher-hub"  # noqa: S105 - a secret's name; hub and publisher hold it
TIMEOUT_SECONDS = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pending:
    """What waits: pages to become public, and datasets to become open."""

    pages: int
    datasets: int


@dataclass(frozen=True)
class Publisher:
    """The publisher at its address; `secret` is what only the hub shows there."""

    url: str
    secret: Secret

    async def find_pending(self, tenant: str) -> Pending | None:
        """Return what waits in a tenant, or None where the publisher is away."""
        try:
            answer = await AsyncHTTPClient().fetch(
                f"{self.url}/api/pending/{check_tenant_id(tenant)}",
                headers={"Authorization": f"Bearer {self.secret.reveal()}"},
                request_timeout=TIMEOUT_SECONDS,
                connect_timeout=TIMEOUT_SECONDS,
                follow_redirects=False,
            )
            numbers = json.loads(answer.body)
            return Pending(int(numbers["pages"]), int(numbers["datasets"]))
        except (OSError, HTTPClientError, ValueError, KeyError, TypeError) as error:
            logger.warning("the publisher does not say what waits: %s", error)
            return None
