"""Who asks from a kernel: the signed credential that the tokens service gives to persons for this service."""

from __future__ import annotations

from typing import Any

import jwt

from urbanlab.contract.naming import ROLES, SERVICE_PERSONS, NamingError, split_hub_user
from urbanlab_services.errors import UnauthenticatedError
from urbanlab_services.publisher.actors import Actor

ISSUER = "urbanlab-tokens"
AUDIENCE = "urbanlab-publisher"
LEEWAY_SECONDS = 5
MAX_LIFETIME = 600
_CLAIMS = ("iss", "aud", "sub", "tenant", "roles", "iat", "exp", "jti")


class Authenticator:
    """Tells who asks from a credential, without asking anybody."""

    def __init__(self, public_key: str) -> None:
        """Take the key that credentials are signed for."""
        self._public_key = public_key

    def identify(self, header: str) -> Actor:
        """Return who shows this ``Authorization`` header, never with the right to decide.

        Raises `UnauthenticatedError`, which does not repeat the credential.
        """
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise UnauthenticatedError("Show the publisher's credential as `Authorization: Bearer …`.")
        try:
            claims = jwt.decode(
                token.strip(),
                self._public_key,
                algorithms=["EdDSA"],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": list(_CLAIMS)},
                leeway=LEEWAY_SECONDS,
            )
            return _make_actor(claims)
        except jwt.ExpiredSignatureError:
            raise UnauthenticatedError("The credential has expired; ask for a new one.") from None
        except (jwt.InvalidTokenError, NamingError, ValueError):
            raise UnauthenticatedError("The credential is not valid here.") from None


def _make_actor(claims: dict[str, Any]) -> Actor:
    hub_user, roles = claims["sub"], claims["roles"]
    person, tenant = split_hub_user(str(hub_user))
    fits = isinstance(roles, list) and all(role in ROLES for role in roles)
    if tenant != claims["tenant"] or person in SERVICE_PERSONS or not fits:
        raise ValueError("claims that do not fit")
    if int(claims["exp"]) - int(claims["iat"]) > MAX_LIFETIME:
        raise ValueError("a life that is too long")
    return Actor(str(hub_user), tenant, frozenset(roles), may_decide=False)
