"""Tells the warehouse gateway whose credentials no longer count, for as long as it takes."""

from __future__ import annotations

import asyncio
import json
import logging
import time

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpclient import HTTPError as FetchError

from urbanlab.contract.secrets import Secret

logger = logging.getLogger(__name__)

MAX_LIFETIME = 600.0  # of a credential; afterwards there is nothing left to be said
TIMEOUT_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0


class WarehouseNotices:
    """Sends each notice until the gateway has taken it; the newest of one hub user says all."""

    def __init__(self, url: str, secret: Secret) -> None:
        self._url = f"{url}/operator/revocations"
        self._secret = secret
        self._pending: dict[str, float] = {}
        self._sending: asyncio.Task[None] | None = None
        self._client = AsyncHTTPClient(force_instance=True)

    def tell(self, hub_user: str, moment: float) -> None:
        """Say that what the hub user was given until `moment` does not count; return without waiting."""
        self._pending[hub_user] = moment
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())

    async def wait(self) -> None:
        """Return when all has been taken, or is too old to matter."""
        if self._sending is not None:
            await self._sending

    async def _send_all(self) -> None:
        pause = FIRST_PAUSE
        while self._pending:
            hub_user, moment = next(iter(self._pending.items()))
            if time.time() - moment > MAX_LIFETIME or await self._send(hub_user, moment):
                pause = FIRST_PAUSE
                if self._pending[hub_user] == moment:
                    del self._pending[hub_user]
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _send(self, hub_user: str, moment: float) -> bool:
        request = HTTPRequest(
            self._url,
            method="POST",
            headers={"Authorization": f"Bearer {self._secret.reveal()}", "Content-Type": "application/json"},
            body=json.dumps({"hub_user": hub_user, "before": moment}),
            connect_timeout=TIMEOUT_SECONDS,
            request_timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
        )
        try:
            await self._client.fetch(request)
        except (FetchError, OSError) as error:
            logger.warning("The warehouse has not heard yet that %s is revoked: %s", hub_user, error)
            return False
        return True
