"""Id tokens: only one that the realm signed for this client, for this person, now, says anything."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from urbanlab_hub.confirmation import read_claims
from urbanlab_hub.id_tokens import IdTokens
from urbanlab_hub.realm_tokens import RealmKeys

ISSUER, CLIENT, SUB = "http://keycloak.example/realms/urban", "jupyterhub", "5f0c"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def make_token(key: Any = KEY, kid: str = "one", algorithm: str = "RS256", **changes: Any) -> str:
    """Return a token as Keycloak makes them after a login with a code, with some claims changed or left out."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": CLIENT, "sub": SUB, "iat": now, "exp": now + 300, "amr": ["pwd", "otp"]}
    wanted = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(wanted, key, algorithm=algorithm, headers={"kid": kid})


@pytest.fixture
def tokens() -> IdTokens:
    """A reader whose realm has one key."""
    entry = json.loads(RSAAlgorithm.to_jwk(KEY.public_key()))
    document = json.dumps({"keys": [{**entry, "kid": "one", "use": "sig", "alg": "RS256"}]}).encode()

    async def fetch(url: str) -> bytes:
        return document

    return IdTokens(RealmKeys(f"{ISSUER}/certs", fetch), ISSUER, CLIENT)


async def test_a_token_of_the_realm_is_read(tokens: IdTokens) -> None:
    assert (await tokens.read(make_token(), SUB))["amr"] == ["pwd", "otp"]


@pytest.mark.parametrize(
    "token",
    [
        make_token(key=OTHER_KEY),
        make_token(kid="two"),
        make_token(key="a" * 32, algorithm="HS256"),
        make_token(key="", algorithm="none"),
        make_token(iss="http://elsewhere.example/realms/urban"),
        make_token(aud="kafka-read-alpha"),
        make_token(sub="another"),
        make_token(exp=int(time.time()) - 60),
        make_token(iat=int(time.time()) + 600),
        *(make_token(**{name: None}) for name in ("iss", "aud", "sub", "exp", "iat")),
        make_token()[:-4] + "AAAA",
        "",
        "a.b.c",
        None,
        17,
        "ä" * 5000,
    ],
)
async def test_nothing_else_is_believed(tokens: IdTokens, token: Any) -> None:
    assert await tokens.read(token, SUB) == {}


async def test_without_keys_nothing_is_believed() -> None:
    async def fetch(url: str) -> bytes:
        raise OSError("Keycloak is away")

    tokens = IdTokens(RealmKeys(f"{ISSUER}/certs", fetch), ISSUER, CLIENT)
    assert await tokens.read(make_token(), SUB) == {}


def test_a_kept_token_is_read_after_it_has_expired() -> None:
    assert read_claims(make_token(exp=1))["amr"] == ["pwd", "otp"]
    assert read_claims(None) == {}
    assert read_claims("a.b") == {}
