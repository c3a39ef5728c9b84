"""Logout tokens: what Keycloak says to the hub when a session ends elsewhere, and whether it was Keycloak."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import jwt

from urbanlab_hub.realm_tokens import LEEWAY, RealmKeys, RealmTokenError, RealmTokens

EVENT = "http://schemas.openid.net/event/backchannel-logout"
_REQUIRED = ("iss", "aud", "iat", "exp", "jti", "events")
MAX_LIFETIME = 600


@dataclass(frozen=True)
class EndedSession:
    """Whose session has ended; without `sid` all of the person's."""

    sub: str
    sid: str


class LogoutTokens:
    """Verifies logout tokens, each once."""

    def __init__(self, keys: RealmKeys, issuer: str, audience: str) -> None:
        self._tokens = RealmTokens(keys, issuer, audience)
        self._seen: dict[str, float] = {}

    async def verify(self, token: str) -> EndedSession:
        """Return whose session has ended; raise `RealmTokenError` unless Keycloak says so, for the first time."""
        _check_kind(token)
        claims = await self._tokens.verify(token, _REQUIRED)
        ended = _read_claims(claims)
        self._check_first(str(claims["jti"]), float(claims["exp"]))
        return ended

    def _check_first(self, token_id: str, expires: float) -> None:
        now = time.time()
        self._seen = {seen: until for seen, until in self._seen.items() if until > now}
        if token_id in self._seen:
            raise RealmTokenError("the token was used before")
        self._seen[token_id] = expires + LEEWAY


def _check_kind(token: str) -> None:
    """Look at the head before anything costly is done: other kinds of tokens are signed with the same keys."""
    try:
        head = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise RealmTokenError("this is no signed token") from error
    if head.get("alg") != "RS256" or str(head.get("typ", "")).lower() != "logout+jwt":
        raise RealmTokenError("this is no logout token")


def _read_claims(claims: dict[str, Any]) -> EndedSession:
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise RealmTokenError("the token does not say that a session has ended")
    if "nonce" in claims:
        raise RealmTokenError("a logout token has no nonce")
    if claims["exp"] - claims["iat"] > MAX_LIFETIME:
        raise RealmTokenError("the token lives too long")
    sub, sid = claims.get("sub", ""), claims.get("sid", "")
    if not isinstance(sub, str) or not isinstance(sid, str) or not (sub or sid):
        raise RealmTokenError("the token names nobody")
    return EndedSession(sub, sid)
