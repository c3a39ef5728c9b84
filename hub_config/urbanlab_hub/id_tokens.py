"""Id tokens: what Keycloak signed about a login, once the signature, the time and whom it is for are checked."""

from __future__ import annotations

import logging
from typing import Any

import jwt

from urbanlab_hub.logout_tokens import LEEWAY, LogoutTokenError, RealmKeys

logger = logging.getLogger(__name__)

_REQUIRED = ("exp", "iat", "iss", "aud", "sub")


class IdTokens:
    """Reads the id tokens that a realm makes for a client."""

    def __init__(self, keys: RealmKeys, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    async def read(self, token: Any, sub: Any) -> dict[str, Any]:
        """Return the claims of the login that `sub` has just made; none where anything about its token is odd."""
        try:
            claims = await self._verify(str(token))
        except (jwt.PyJWTError, LogoutTokenError) as error:
            logger.warning("An id token is not believed: %s", error)
            return {}
        if claims["sub"] != sub:
            logger.warning("An id token is not believed: it is another person's")
            return {}
        return claims

    async def _verify(self, token: str) -> dict[str, Any]:
        key = await self._keys.get(str(jwt.get_unverified_header(token).get("kid", "")))
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=self._audience,
            issuer=self._issuer,
            leeway=LEEWAY,
            options={"require": list(_REQUIRED)},
        )
        return claims
