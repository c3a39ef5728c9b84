"""What a realm of Keycloak has signed: its public keys, and whether one of them signed a token for a client."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Collection
from typing import Any

import jwt
from tornado.httpclient import HTTPError as FetchError

LEEWAY = 10  # seconds between two clocks
FETCH_PAUSE = 10.0  # seconds between two questions for keys: anybody can name one that there is not

Fetch = Callable[[str], Any]  # an address -> an awaitable with the body


class RealmTokenError(ValueError):
    """A token that Keycloak did not sign for us, or not for this; the message is for the log."""


class RealmKeys:
    """The realm's public keys by their id, asked for again when an unknown one appears."""

    def __init__(self, url: str, fetch: Fetch) -> None:
        self._url = url
        self._fetch = fetch
        self._keys: dict[str, Any] = {}
        self._asked = -FETCH_PAUSE
        self._asking = asyncio.Lock()

    async def get(self, key_id: str) -> Any:
        """Return a key; raise `RealmTokenError` where the realm has none of this id."""
        async with self._asking:
            if key_id not in self._keys and time.monotonic() - self._asked >= FETCH_PAUSE:
                self._asked = time.monotonic()
                self._keys = await self._load() or self._keys
        if key_id not in self._keys:
            raise RealmTokenError("the realm has no such key")
        return self._keys[key_id]

    async def _load(self) -> dict[str, Any]:
        try:
            entries = jwt.PyJWKSet.from_dict(json.loads(await self._fetch(self._url))).keys
        except (
            FetchError,
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            jwt.PyJWTError,
        ) as error:
            raise RealmTokenError(f"Keycloak does not give its keys: {error}") from error
        return {str(entry.key_id): entry.key for entry in entries if entry.key_type == "RSA"}


class RealmTokens:
    """Verifies what the realm signed for one client."""

    def __init__(self, keys: RealmKeys, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    async def verify(self, token: str, required: Collection[str]) -> dict[str, Any]:
        """Return the claims, among them those that are required; raise `RealmTokenError` where anything is odd."""
        try:
            key = await self._keys.get(str(jwt.get_unverified_header(token).get("kid", "")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": list(required)},
            )
        except jwt.PyJWTError as error:
            raise RealmTokenError(f"{type(error).__name__}: {error}") from error
        return claims
