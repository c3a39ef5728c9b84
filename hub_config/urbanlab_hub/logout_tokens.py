"""Logout tokens: what Keycloak says to the hub when a session ends elsewhere, and whether it was Keycloak."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
from tornado.httpclient import HTTPError as FetchError

EVENT = "http://schemas.openid.net/event/backchannel-logout"
_REQUIRED = ("iss", "aud", "iat", "exp", "jti", "events")
LEEWAY = 10  # seconds between two clocks
MAX_LIFETIME = 600
FETCH_PAUSE = 10.0  # seconds between two questions for keys: anybody can name one that there is not

Fetch = Callable[[str], Any]  # an address -> an awaitable with the body


class LogoutTokenError(ValueError):
    """A token that Keycloak did not send to us now; the message is for the log."""


@dataclass(frozen=True)
class EndedSession:
    """Whose session has ended; without `sid` all of the person's."""

    sub: str
    sid: str


class RealmKeys:
    """The realm's public keys by their id, asked for again when an unknown one appears."""

    def __init__(self, url: str, fetch: Fetch) -> None:
        self._url = url
        self._fetch = fetch
        self._keys: dict[str, Any] = {}
        self._asked = -FETCH_PAUSE
        self._asking = asyncio.Lock()

    async def get(self, key_id: str) -> Any:
        """Return a key; raise `LogoutTokenError` where the realm has none of this id."""
        async with self._asking:
            if key_id not in self._keys and time.monotonic() - self._asked >= FETCH_PAUSE:
                self._asked = time.monotonic()
                self._keys = await self._load() or self._keys
        if key_id not in self._keys:
            raise LogoutTokenError("the realm has no such key")
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
            raise LogoutTokenError(f"Keycloak does not give its keys: {error}") from error
        return {str(entry.key_id): entry.key for entry in entries if entry.key_type == "RSA"}


class LogoutTokens:
    """Verifies logout tokens, each once."""

    def __init__(self, keys: RealmKeys, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._seen: dict[str, float] = {}

    async def verify(self, token: str) -> EndedSession:
        """Return whose session has ended; raise `LogoutTokenError` unless Keycloak says so, for the first time."""
        key = await self._keys.get(_read_key_id(token))
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": list(_REQUIRED)},
            )
        except jwt.InvalidTokenError as error:
            raise LogoutTokenError(f"{type(error).__name__}: {error}") from error
        ended = _read_claims(claims)
        self._check_first(str(claims["jti"]), float(claims["exp"]))
        return ended

    def _check_first(self, token_id: str, expires: float) -> None:
        now = time.time()
        self._seen = {seen: until for seen, until in self._seen.items() if until > now}
        if token_id in self._seen:
            raise LogoutTokenError("the token was used before")
        self._seen[token_id] = expires + LEEWAY


def _read_key_id(token: str) -> str:
    """Look at the head before anything costly is done: other kinds of tokens are signed with the same keys."""
    try:
        head = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise LogoutTokenError("this is no signed token") from error
    if head.get("alg") != "RS256" or str(head.get("typ", "")).lower() != "logout+jwt":
        raise LogoutTokenError("this is no logout token")
    return str(head.get("kid", ""))


def _read_claims(claims: dict[str, Any]) -> EndedSession:
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise LogoutTokenError("the token does not say that a session has ended")
    if "nonce" in claims:
        raise LogoutTokenError("a logout token has no nonce")
    if claims["exp"] - claims["iat"] > MAX_LIFETIME:
        raise LogoutTokenError("the token lives too long")
    sub, sid = claims.get("sub", ""), claims.get("sid", "")
    if not isinstance(sub, str) or not isinstance(sid, str) or not (sub or sid):
        raise LogoutTokenError("the token names nobody")
    return EndedSession(sub, sid)
