"""A small client of the hub's REST API: who does a token belong to."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse

from urbanlab.contract.secrets import Secret
from urbanlab_services.errors import UnauthenticatedError, UnavailableError

CACHE_SECONDS = 5.0
CACHE_SIZE = 1000
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class HubIdentity:
    """What the hub says about a token: whose it is, and what it may do."""

    kind: str  # `user` or `service`
    name: str
    groups: frozenset[str]
    scopes: frozenset[str]
    session_id: str | None  # set where the token came from somebody's browser
    confirmed: float = field(default_factory=time.time)  # when the hub was asked, in seconds of the epoch


class HubApi:
    """Asks the hub, and remembers its answers for a few seconds under a hash of the token."""

    def __init__(self, api_url: str) -> None:
        self._api_url = api_url
        self._cache: dict[bytes, tuple[float, HubIdentity]] = {}

    async def get_identity(self, token: Secret) -> HubIdentity:
        """Return whose token this is; raise `UnauthenticatedError` or `UnavailableError`."""
        digest = hashlib.sha256(token.reveal().encode()).digest()
        until, identity = self._cache.get(digest, (0.0, None))
        if identity is None or time.monotonic() >= until:
            self._cache.pop(digest, None)
            identity = await self._ask(token)
            self._remember(digest, identity)
        return identity

    async def is_reachable(self) -> bool:
        """Return whether the hub answers at all."""
        try:
            await AsyncHTTPClient().fetch(f"{self._api_url}/", request_timeout=TIMEOUT_SECONDS)
        except (HTTPClientError, OSError):
            return False
        return True

    def _remember(self, digest: bytes, identity: HubIdentity) -> None:
        if len(self._cache) >= CACHE_SIZE:
            self._cache.pop(next(iter(self._cache)))
        self._cache[digest] = (time.monotonic() + CACHE_SECONDS, identity)

    async def _ask(self, token: Secret) -> HubIdentity:
        request = HTTPRequest(
            f"{self._api_url}/user",
            headers={"Authorization": f"token {token.reveal()}"},
            connect_timeout=TIMEOUT_SECONDS,
            request_timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
        )
        asked = time.time()
        try:
            return _to_identity(await AsyncHTTPClient().fetch(request), asked)
        except HTTPClientError as error:
            if error.code in (401, 403):
                raise UnauthenticatedError(
                    "The hub does not know this token; it may have been revoked or have expired."
                ) from None
            raise _make_unavailable() from None
        except (OSError, ValueError, KeyError, TypeError):
            raise _make_unavailable() from None


def _make_unavailable() -> UnavailableError:
    return UnavailableError("The hub does not answer, so the token cannot be checked.", retry_after=2)


def _to_identity(response: HTTPResponse, asked: float) -> HubIdentity:
    model: dict[str, Any] = json.loads(response.body)
    return HubIdentity(
        kind=str(model["kind"]),
        name=str(model["name"]),
        groups=frozenset(model.get("groups") or ()),
        scopes=frozenset(model.get("scopes") or ()),
        session_id=model.get("session_id"),
        confirmed=asked,
    )
