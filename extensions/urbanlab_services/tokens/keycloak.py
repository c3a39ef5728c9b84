"""Kafka tokens: Keycloak's answer to the tenant's client, shared while more than half of its life is left."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from urbanlab.contract.naming import make_kafka_client
from urbanlab.contract.secrets import Secret, read_secret
from urbanlab_services.errors import UnavailableError

logger = logging.getLogger(__name__)
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class AccessToken:
    """A token of Keycloak's and when, by the monotonic clock, it was asked for and ends."""

    value: Secret
    issued: float
    expires: float

    def is_fresh(self, now: float) -> bool:
        """Return whether more than half of its life is left."""
        return now < (self.issued + self.expires) / 2

    def seconds_left(self, now: float) -> int:
        """Return the whole seconds left."""
        return max(0, int(self.expires - now))


class KafkaTokens:
    """Gets tokens by the client credentials of ``kafka-ACCESS-TENANT``; all who wait share one request."""

    def __init__(self, realm_url: str, secrets: Path) -> None:
        self._token_url = f"{realm_url}/protocol/openid-connect/token"
        self._certs_url = f"{realm_url}/protocol/openid-connect/certs"
        self._secrets = secrets
        # A client of its own: a Keycloak that hangs must not take the connections by which the hub is asked.
        self._client = AsyncHTTPClient(force_instance=True)
        self._tokens: dict[str, AccessToken] = {}
        self._requests: dict[str, asyncio.Task[AccessToken]] = {}

    async def get_token(self, tenant: str, access: str) -> AccessToken:
        """Return a token for a tenant's kind of access, ``read`` or ``open``; raise `UnavailableError`."""
        client = make_kafka_client(tenant, access)
        token = self._tokens.get(client)
        if token is None or not token.is_fresh(time.monotonic()):
            token = self._tokens[client] = await self._share_request(client)
        return token

    async def is_reachable(self) -> bool:
        """Return whether the realm answers."""
        try:
            await self._client.fetch(self._certs_url, request_timeout=TIMEOUT_SECONDS)
        except (HTTPClientError, OSError):
            return False
        return True

    async def _share_request(self, client: str) -> AccessToken:
        # One answer serves all who wait, also where it is an error: a Keycloak that hangs must not let them
        # wait one after the other.
        request = self._requests.get(client)
        if request is None:
            request = self._requests[client] = asyncio.create_task(self._ask(client))
            request.add_done_callback(lambda _: self._requests.pop(client, None))
        return await asyncio.shield(request)

    async def _ask(self, client: str) -> AccessToken:
        try:
            request = self._make_request(client)
            issued = time.monotonic()
            answer: dict[str, Any] = json.loads((await self._client.fetch(request)).body)
            return AccessToken(Secret(answer["access_token"]), issued, issued + int(answer["expires_in"]))
        except HTTPClientError as error:
            logger.warning("Keycloak gave no token", extra={"client": client, "status": error.code})
            raise _make_unavailable() from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("Keycloak gave no token", extra={"client": client, "error": type(error).__name__})
            raise _make_unavailable() from None

    def _make_request(self, client: str) -> HTTPRequest:
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": self._read_client_secret(client).reveal(),
        }
        return HTTPRequest(
            self._token_url,
            method="POST",
            body=urlencode(form),
            connect_timeout=TIMEOUT_SECONDS,
            request_timeout=TIMEOUT_SECONDS,
        )

    def _read_client_secret(self, client: str) -> Secret:
        try:
            return read_secret(self._secrets, client)
        except FileNotFoundError:
            raise UnavailableError(
                "The tenant's access to the streams is not set up yet; `urbanlab apply` does that.",
                retry_after=5,
            ) from None


def _make_unavailable() -> UnavailableError:
    return UnavailableError("Keycloak gives no token for the streams at the moment.", retry_after=2)
