"""Who asks: the warehouse's signed credentials and the secrets of the platform's own services."""

from __future__ import annotations

import base64
import binascii
import hmac
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from urbanlab.contract.naming import NamingError, check_tenant_id, make_warehouse_role
from urbanlab.contract.secrets import Secret
from urbanlab_services.warehouse.errors import AUTHENTICATION_FAILED, WarehouseError

ISSUER = "urbanlab-tokens"
AUDIENCE = "urbanlab-warehouse"
ACCESSES = ("analyst", "steward", "reports", "publications")
MAX_LIFETIME = 600
LEEWAY = 5
REMEMBERED = 1000  # signatures that need not be verified again while their credentials count
_CLAIMS = ("iss", "aud", "sub", "tenant", "access", "iat", "exp", "jti")


@dataclass(frozen=True)
class Identity:
    """Who asks: a person or service user of a tenant, or one of the platform's services (`tenant` empty)."""

    subject: str
    tenant: str
    access: str
    # In seconds of the epoch; a service's secret is not issued.
    issued_at: float = field(default=math.inf, compare=False)

    @property
    def role(self) -> str:
        """The engine's role."""
        return make_warehouse_role(self.tenant, self.access) if self.tenant else self.access


class Authenticator:
    """Tells identities from credentials without asking anybody."""

    def __init__(self, public_key: str, secrets: Mapping[str, Secret]) -> None:
        """Take the key that credentials are signed for, and the secret of each of the platform's services."""
        self._public_key = jwt.get_algorithm_by_name("EdDSA").prepare_key(public_key)
        self._verified: dict[str, Mapping[str, Any]] = {}
        self._secrets = secrets

    def identify(self, headers: Mapping[str, str], arguments: Mapping[str, str]) -> Identity:
        """Return who asks, or raise a `WarehouseError` that never repeats the credential."""
        user, credential = _find_credential(headers, arguments)
        if not credential:
            raise _refuse("No credential came with the request; send the warehouse token as bearer token")
        if user in self._secrets:
            return self._identify_service(user, credential)
        return self._find_service(credential) or self._identify_token(credential)

    def _identify_service(self, user: str, credential: str) -> Identity:
        if not hmac.compare_digest(credential.encode(), self._secrets[user].reveal().encode()):
            raise _refuse("The secret of this service is wrong")
        return Identity(subject=user, tenant="", access=user)

    def _find_service(self, credential: str) -> Identity | None:
        """A service that shows its secret as bearer token, as `urbanlab apply` does, need not say its name."""
        for user, secret in self._secrets.items():
            if hmac.compare_digest(credential.encode(), secret.reveal().encode()):
                return Identity(subject=user, tenant="", access=user)
        return None

    def _identify_token(self, token: str) -> Identity:
        claims = self._verified.get(token)
        if claims is None or claims["exp"] + LEEWAY <= time.time():
            claims = self._verify(token)
            if len(self._verified) >= REMEMBERED:
                self._verified.clear()
            self._verified[token] = claims
        return _make_identity(claims)

    def _verify(self, token: str) -> Mapping[str, Any]:
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                self._public_key,
                algorithms=["EdDSA"],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": list(_CLAIMS)},
                leeway=LEEWAY,
            )
            return claims
        except jwt.ExpiredSignatureError:
            raise _refuse("The credential has expired; ask for a new one") from None
        except jwt.InvalidAudienceError:
            raise _refuse("The credential is meant for another service") from None
        except jwt.InvalidTokenError:
            raise _refuse("The credential is not valid") from None


def _make_identity(claims: Mapping[str, object]) -> Identity:
    tenant, access, subject = claims["tenant"], claims["access"], claims["sub"]
    if not (isinstance(tenant, str) and isinstance(subject, str) and access in ACCESSES):
        raise _refuse("The credential is not valid")
    if int(str(claims["exp"])) - int(str(claims["iat"])) > MAX_LIFETIME:
        raise _refuse("The credential is valid for longer than allowed")
    try:
        check_tenant_id(tenant)
    except NamingError:
        raise _refuse("The credential is not valid") from None
    if subject.rpartition("@")[2] != tenant:
        raise _refuse("The credential is not valid")
    return Identity(subject=subject, tenant=tenant, access=str(access), issued_at=int(str(claims["iat"])))


def _find_credential(headers: Mapping[str, str], arguments: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        # The services' secrets may come as bearer tokens too, with the user beside them.
        return headers.get("X-ClickHouse-User", "token"), value.strip()
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _refuse("The Authorization header is damaged") from None
        return user, password
    if "X-ClickHouse-Key" in headers:
        return headers.get("X-ClickHouse-User", "token"), headers["X-ClickHouse-Key"]
    return arguments.get("user", "token"), arguments.get("password", "")


def _refuse(sentence: str) -> WarehouseError:
    return WarehouseError(AUTHENTICATION_FAILED, sentence)
