"""Keycloak's logout tokens: real ones are acted upon once, forged and foreign ones never."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from urbanlab.contract.records import write_tenant
from urbanlab_hub.backchannel import MAX_BODY_BYTES, BackchannelLogoutHandler
from urbanlab_hub.logout_tokens import EVENT, LogoutTokens
from urbanlab_hub.realm_tokens import RealmKeys, RealmTokenError

from .small_hub import CLIENT, Keycloak, SmallHub, has_anything, make_key, read_public

STRANGER = make_key()


class Hub(SmallHub):
    """A hub that listens."""

    url = ""

    def make_token(self, key: Any = None, head: dict[str, Any] | None = None, **changes: Any) -> str:
        """Return a logout token of anna's session, changed as given; None takes a claim away."""
        now = int(time.time())
        claims = {
            "iss": f"{self.keycloak.url}/realm",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 120,
            "jti": uuid.uuid4().hex,
            "sub": "id-of-anna",
            "sid": "s1",
            "events": {EVENT: {}},
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        signed = {"key": key} if key is not None else {}
        return self.keycloak.sign(claims, **signed, **{"typ": "logout+jwt", **(head or {})})

    async def send(self, token: str, **request: Any) -> HTTPResponse:
        """Send a token as Keycloak does."""
        options = {"method": "POST", "body": urlencode({"logout_token": token}), **request}
        return await AsyncHTTPClient(force_instance=True).fetch(self.url, raise_error=False, **options)


@pytest.fixture
async def hub(tmp_path: Path, make_tenant: Callable[..., Any]) -> AsyncIterator[Hub]:
    """A hub in which anna is logged in, in two tenants."""
    groups = ["/tenants/alpha/analyst", "/tenants/beta/analyst"]
    for tenant in ("alpha", "beta"):
        write_tenant(tmp_path, make_tenant(tenant))
    async with Keycloak({"anna": groups, "bert": groups}).serving() as keycloak:
        hub = Hub(keycloak, tmp_path)

        async def fetch(url: str) -> bytes:
            return (await AsyncHTTPClient().fetch(url)).body

        keys = RealmKeys(f"{keycloak.url}/realm/certs", fetch)
        tokens = LogoutTokens(keys, f"{keycloak.url}/realm", CLIENT)
        parts = {"app": hub, "tokens": tokens, "revoker": hub.revoker}
        routes: list[Any] = [("/hub/backchannel_logout", BackchannelLogoutHandler, parts)]
        server = HTTPServer(Application(routes, xsrf_cookies=True, log_function=lambda handler: None))
        socket, port = bind_unused_port()
        server.add_socket(socket)
        hub.url = f"http://127.0.0.1:{port}/hub/backchannel_logout"
        yield hub
        await hub.settle()
        server.stop()
        await server.close_all_connections()


async def test_the_session_ends_in_all_tenants_of_the_person_and_for_nobody_else(hub: Hub) -> None:
    alpha, beta = await hub.log_in("anna@alpha"), await hub.log_in("anna@beta")
    elsewhere, bert = await hub.log_in("bert@alpha", "s2"), await hub.log_in("bert@beta", "s3")
    answer = await hub.send(hub.make_token())
    assert (answer.code, answer.headers["Cache-Control"]) == (200, "no-store")
    await hub.settle()
    assert [has_anything(user) for user in (alpha, beta, elsewhere, bert)] == [False, False, True, True]
    assert {notice["hub_user"] for notice in hub.keycloak.notices} == {"anna@alpha", "anna@beta"}


async def test_each_of_somebodys_browsers_counts(hub: Hub) -> None:
    user = await hub.log_in("anna@alpha", "s1")
    await hub.log_in("anna@alpha", "s9")
    assert (await hub.send(hub.make_token(sid="s1"))).code == 200
    assert not has_anything(user)


async def test_without_a_session_all_of_the_persons_end(hub: Hub) -> None:
    anna, bert = await hub.log_in("anna@alpha", "s5"), await hub.log_in("bert@alpha", "s6")
    assert (await hub.send(hub.make_token(sid=None))).code == 200
    await hub.settle()
    assert (has_anything(anna), has_anything(bert)) == (False, True)


async def test_an_unknown_session_is_nobodys(hub: Hub) -> None:
    user = await hub.log_in("anna@alpha")
    assert (await hub.send(hub.make_token(sid="unknown"))).code == 200
    assert has_anything(user)


def make_unsigned(hub: Hub) -> str:
    claims = jwt.decode(hub.make_token(), options={"verify_signature": False})
    return jwt.encode(claims, None, algorithm="none", headers={"typ": "logout+jwt", "kid": "realm"})


def sign_with_public_key(hub: Hub) -> str:
    """Take the realm's public key, which everybody has, for a password (PyJWT itself would refuse to sign so)."""
    _, claims, _ = hub.make_token().split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"logout+jwt","kid":"realm"}').rstrip(b"=").decode()
    mac = hmac.digest(read_public(), f"{head}.{claims}".encode(), hashlib.sha256)
    return f"{head}.{claims}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def change_claims(hub: Hub) -> str:
    head, _, signature = hub.make_token(sid="s2").split(".")
    return f"{head}.{hub.make_token().split('.')[1]}.{signature}"


# what is wrong -> the token
ATTACKS: dict[str, Callable[[Hub], str]] = {
    "another key": lambda hub: hub.make_token(STRANGER),
    "another key under its own name": lambda hub: hub.make_token(STRANGER, {"kid": "stranger"}),
    "the key in the token": lambda hub: hub.make_token(
        STRANGER, {"jwk": dict(jwt.algorithms.RSAAlgorithm.to_jwk(STRANGER.public_key(), as_dict=True))}
    ),
    "the key at an address in the token": lambda hub: hub.make_token(
        STRANGER, {"jku": f"{hub.keycloak.url}/realm/certs"}
    ),
    "no signature": make_unsigned,
    "the public key as password": sign_with_public_key,
    "another algorithm": lambda hub: hub.make_token(head={"alg": "PS256"}),
    "another's signature": change_claims,
    "for another client": lambda hub: hub.make_token(aud="another"),
    "for nobody": lambda hub: hub.make_token(aud=None),
    "of another realm": lambda hub: hub.make_token(iss=f"{hub.keycloak.url}/realms/master"),
    "of no realm": lambda hub: hub.make_token(iss=None),
    "over": lambda hub: hub.make_token(exp=int(time.time()) - 60),
    "for ever": lambda hub: hub.make_token(exp=None),
    "for a year": lambda hub: hub.make_token(exp=int(time.time()) + 365 * 86400),
    "of tomorrow": lambda hub: hub.make_token(iat=int(time.time()) + 86400, exp=int(time.time()) + 86460),
    "of no time": lambda hub: hub.make_token(iat=None),
    "without a number": lambda hub: hub.make_token(jti=None),
    "no event": lambda hub: hub.make_token(events=None),
    "another event": lambda hub: hub.make_token(events={"http://schemas.example/other": {}}),
    "an event in a list": lambda hub: hub.make_token(events=[EVENT]),
    "an event that is true": lambda hub: hub.make_token(events={EVENT: True}),
    "a nonce, as an id token has": lambda hub: hub.make_token(nonce="x"),
    "an id token": lambda hub: hub.make_token(head={"typ": "JWT"}),
    "an id token of anna's": lambda hub: hub.keycloak.make_tokens("anna", "s1")["id_token"],
    "about nobody": lambda hub: hub.make_token(sub=None, sid=None),
    "about an empty name": lambda hub: hub.make_token(sub="", sid=""),
    "about a list": lambda hub: hub.make_token(sid=["s1"]),
    "nothing": lambda hub: "",
    "dots": lambda hub: "..",
    "nonsense": lambda hub: "eyJ.%00\n.x",
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_what_keycloak_did_not_say_ends_nothing(hub: Hub, attack: str) -> None:
    user = await hub.log_in("anna@alpha")
    answer = await hub.send(ATTACKS[attack](hub))
    assert (answer.code, answer.body) == (400, b'{"error": "invalid_request"}')
    assert has_anything(user)
    assert (await hub.send(hub.make_token())).code == 200  # and the real one still does
    assert not has_anything(user)


async def test_a_token_counts_once(hub: Hub) -> None:
    await hub.log_in("anna@alpha")
    token = hub.make_token(sid=None)
    assert (await hub.send(token)).code == 200
    user = await hub.log_in("anna@alpha", "s7")
    assert (await hub.send(token)).code == 400
    assert has_anything(user)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "logout_token=",
        "token=x",
        "logout_token=a&logout_token=b",
        "&".join(f"field{number}=x" for number in range(50)),
        b"\xff\xfe",
        '{"logout_token": "x"}',
    ],
)
async def test_a_body_that_is_no_form_with_one_token_is_refused(hub: Hub, body: str | bytes) -> None:
    assert (await hub.send("", body=body)).code == 400


async def test_a_huge_body_is_not_taken_in(hub: Hub) -> None:
    answer = await hub.send("x" * MAX_BODY_BYTES)
    assert answer.code in (400, 599)  # cut off while it was being sent

    async def pieces(write: Any) -> None:
        for _ in range(100):
            await write(b"x" * MAX_BODY_BYTES)

    answer = await hub.send("", body=None, body_producer=pieces)
    assert answer.code in (400, 599)


async def test_no_browser_can_ask(hub: Hub) -> None:
    assert (await hub.send("", method="GET", body=None)).code == 405


async def test_unknown_keys_make_nobody_ask_keycloak_again_and_again(hub: Hub) -> None:
    for number in range(20):
        await hub.send(hub.make_token(STRANGER, {"kid": f"key{number}"}))
    assert hub.keycloak.asked.count("certs") == 1


async def test_a_keycloak_that_gives_no_keys_is_asked_again_later() -> None:
    asked = []

    async def fetch(url: str) -> bytes:
        asked.append(url)
        return b"<html>" if len(asked) == 1 else b'{"keys": []}'

    keys = RealmKeys("http://keycloak.example/certs", fetch)
    for _ in range(3):
        with pytest.raises(RealmTokenError):
            await keys.get("realm")
    assert len(asked) == 1
