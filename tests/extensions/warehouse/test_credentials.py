"""Who asks: signed credentials and the services' secrets, right and wrong in every way."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from urbanlab.contract.secrets import Secret
from urbanlab_services.warehouse.credentials import AUDIENCE, ISSUER, MAX_LIFETIME, Authenticator, Identity
from urbanlab_services.warehouse.errors import WarehouseError

KEY = Ed25519PrivateKey.generate()
PUBLIC = (
    KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
INGEST = "correct-horse-battery"
ANNA = Identity("anna@alpha", "alpha", "analyst")


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator(PUBLIC, {"ingest": Secret(INGEST)})


@dataclass(frozen=True)
class In:
    """An instant so many seconds from when a credential is made, which is not when the tests are collected."""

    seconds: int


def sign(key: Any = KEY, algorithm: str = "EdDSA", **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "anna@alpha", "tenant": "alpha", "access": "analyst"}
    claims |= {"iat": now, "exp": now + 300, "jti": "1"}
    claims |= {
        name: now + value.seconds if isinstance(value, In) else value for name, value in changes.items()
    }
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm)


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize("way", ["bearer", "basic", "headers", "arguments"])
def test_a_credential_may_come_in_every_way_that_clients_know(authenticator: Authenticator, way: str) -> None:
    token = sign()
    headers, arguments = {
        "bearer": (bearer(token), {}),
        "basic": (basic("anybody", token), {}),
        "headers": ({"X-ClickHouse-User": "anybody", "X-ClickHouse-Key": token}, {}),
        "arguments": ({}, {"user": "anybody", "password": token}),
    }[way]
    assert authenticator.identify(headers, arguments) == ANNA


@pytest.mark.parametrize("access", ["analyst", "steward", "reports", "publications"])
def test_the_role_follows_from_tenant_and_access(authenticator: Authenticator, access: str) -> None:
    assert authenticator.identify(bearer(sign(access=access)), {}).role == f"alpha_{access}"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"exp": In(-60)}, "expired"),
        ({"exp": In(MAX_LIFETIME + 60)}, "longer than allowed"),
        ({"iat": In(600), "exp": In(900)}, "not valid"),
        ({"aud": "urbanlab-kafka"}, "another service"),
        ({"iss": "somebody"}, "not valid"),
        ({"access": "operator"}, "not valid"),
        ({"access": "ingest"}, "not valid"),
        ({"access": ["analyst"]}, "not valid"),
        ({"tenant": "beta"}, "not valid"),
        ({"tenant": ""}, "not valid"),
        ({"tenant": "system", "sub": "anna@system"}, "not valid"),
        ({"tenant": "Alpha", "sub": "anna@Alpha"}, "not valid"),
        ({"tenant": 7}, "not valid"),
        ({"tenant": None}, "not valid"),
        ({"sub": "anna@beta"}, "not valid"),
        ({"sub": "anna"}, "not valid"),
        ({"sub": None}, "not valid"),
        ({"jti": None}, "not valid"),
        ({"iat": None}, "not valid"),
        ({"exp": None}, "not valid"),
    ],
)
def test_a_claim_that_is_not_right_gives_nobody(
    authenticator: Authenticator, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(WarehouseError, match=sentence) as caught:
        authenticator.identify(bearer(sign(**changes)), {})
    assert (caught.value.status, caught.value.number) == (401, 516)


@pytest.mark.parametrize(
    "token",
    [
        sign(key=Ed25519PrivateKey.generate()),
        sign(key="", algorithm="none"),
        sign().rsplit(".", 1)[0] + ".",
        sign()[:-6] + "AAAAAA",
        "a.b.c",
        "nonsense",
        "ünicode",
        # A public key used as if it were a shared secret is refused by name of the algorithm.
        jwt.encode({"sub": "anna@alpha"}, base64.b64encode(PUBLIC.encode()), "HS256"),
    ],
)
def test_a_token_that_nobody_signed_gives_nobody_and_is_never_repeated(
    authenticator: Authenticator, token: str
) -> None:
    with pytest.raises(WarehouseError) as caught:
        authenticator.identify(bearer(token), {})
    assert caught.value.status == 401
    assert token not in caught.value.to_text()
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "headers", [basic("ingest", INGEST), bearer(INGEST) | {"X-ClickHouse-User": "ingest"}, bearer(INGEST)]
)
def test_a_service_shows_its_secret(authenticator: Authenticator, headers: dict[str, str]) -> None:
    identity = authenticator.identify(headers, {})
    assert (identity.subject, identity.tenant, identity.role) == ("ingest", "", "ingest")


@pytest.mark.parametrize("password", ["guess", INGEST + "x", "ünicode", sign()])
def test_a_service_with_another_secret_is_nobody(authenticator: Authenticator, password: str) -> None:
    with pytest.raises(WarehouseError, match="secret of this service is wrong") as caught:
        authenticator.identify(basic("ingest", password), {})
    assert password not in caught.value.message
    assert INGEST not in caught.value.message


def test_a_services_secret_opens_nothing_under_another_name(authenticator: Authenticator) -> None:
    assert authenticator.identify(basic("anna", sign()), {}) == ANNA
    with pytest.raises(WarehouseError):
        authenticator.identify(basic("operator", "guess"), {})


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ({}, "No credential"),
        ({"Authorization": "Bearer "}, "No credential"),
        ({"Authorization": "Bearer"}, "No credential"),
        ({"Authorization": "Digest x"}, "No credential"),
        ({"Authorization": "Basic %%%"}, "damaged"),
        ({"Authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()}, "damaged"),
        (basic("default", ""), "No credential"),
        (basic("default", "x"), "not valid"),
        ({"X-ClickHouse-User": "default", "X-ClickHouse-Key": ""}, "No credential"),
    ],
)
def test_a_request_without_a_credential_is_told_what_to_send(
    authenticator: Authenticator, headers: dict[str, str], sentence: str
) -> None:
    with pytest.raises(WarehouseError, match=sentence):
        authenticator.identify(headers, {})
