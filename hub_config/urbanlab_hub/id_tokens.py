"""Id tokens: what Keycloak signed about a login, once the signature, the time and whom it is for are checked."""

from __future__ import annotations

import logging
from typing import Any

from urbanlab_hub.realm_tokens import RealmKeys, RealmTokenError, RealmTokens

logger = logging.getLogger(__name__)

_REQUIRED = ("exp", "iat", "iss", "aud", "sub")


class IdTokens:
    """Reads the id tokens that a realm makes for a client."""

    def __init__(self, keys: RealmKeys, issuer: str, audience: str) -> None:
        self._tokens = RealmTokens(keys, issuer, audience)

    async def read(self, token: Any, sub: Any) -> dict[str, Any]:
        """Return the claims of the login that `sub` has just made; none where anything about its token is odd."""
        try:
            claims = await self._tokens.verify(str(token), _REQUIRED)
        except RealmTokenError as error:
            logger.warning("An id token is not believed: %s", error)
            return {}
        if claims["sub"] != sub:
            logger.warning("An id token is not believed: it is another person's")
            return {}
        return claims
