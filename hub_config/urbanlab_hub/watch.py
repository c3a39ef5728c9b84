"""Puts together what notices that somebody must leave: the sweep, and Keycloak's word that a session has ended."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from tornado.httpclient import AsyncHTTPClient
from tornado.web import RequestHandler

from urbanlab_hub.backchannel import PATH, BackchannelLogoutHandler
from urbanlab_hub.logout_tokens import LogoutTokens
from urbanlab_hub.realm_tokens import RealmKeys
from urbanlab_hub.revocation import Revoker
from urbanlab_hub.sweep import Sweep
from urbanlab_hub.warehouse_notices import WarehouseNotices

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5.0
# More than the sweep asks at once, so that a Keycloak that hangs leaves room for logins.
PARALLEL_REQUESTS = 32

Route = tuple[str, type[RequestHandler], dict[str, Any]]


class Watch:
    """Runs for as long as the hub does."""

    def __init__(self, app: Any, authenticator: Any) -> None:
        notices = WarehouseNotices(authenticator.warehouse_url, authenticator.warehouse_secret)
        self.revoker = Revoker(app, notices)
        self._app = app
        self._client = make_client()
        self.keys = RealmKeys(authenticator.keys_url, self._fetch)
        self._tokens = LogoutTokens(self.keys, authenticator.issuer, authenticator.client_id)
        self._sweep = asyncio.create_task(
            Sweep(app, authenticator, self.revoker).run(authenticator.sweep_seconds)
        )

    def make_routes(self) -> list[Route]:
        """Return the address for Keycloak."""
        parts = {"app": self._app, "tokens": self._tokens, "revoker": self.revoker}
        return [(PATH, BackchannelLogoutHandler, parts)]

    async def _fetch(self, url: str) -> bytes:
        return (await self._client.fetch(url)).body


def make_client() -> AsyncHTTPClient:
    """Return a client that waits for nobody for long, and shares no place in a queue with the hub's other work."""
    limits = {"connect_timeout": TIMEOUT_SECONDS, "request_timeout": TIMEOUT_SECONDS}
    return AsyncHTTPClient(force_instance=True, max_clients=PARALLEL_REQUESTS, defaults=limits)
