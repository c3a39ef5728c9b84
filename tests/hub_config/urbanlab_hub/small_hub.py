"""A hub without its web server: real database, users and authenticator, and a program that answers for Keycloak."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jupyterhub import orm, roles
from jupyterhub.crypto import CryptKeeper, encrypt
from jupyterhub.objects import Server
from jupyterhub.spawner import Spawner
from jupyterhub.user import User, UserDict
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from urbanlab.contract.secrets import Secret
from urbanlab_hub.confirmation import mark_new_login, reconcile_auth_state
from urbanlab_hub.identity import UrbanAuthenticator
from urbanlab_hub.revocation import Revoker
from urbanlab_hub.sweep import Sweep
from urbanlab_hub.warehouse_notices import WarehouseNotices

CLIENT = "jupyterhub"


def make_key() -> rsa.RSAPrivateKey:
    """Return a key as the realm's are."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


KEY = make_key()  # one for all: making it takes a while


@dataclass
class Keycloak:
    """Its fields say who is in and what is answered; a test changes them as it likes."""

    groups: dict[str, list[str]] = field(default_factory=dict)  # person -> groups; who is not in it is out
    ended: set[str] = field(default_factory=set)  # sessions
    status: int = 200  # of every answer
    refusal: tuple[int, str] = (400, '{"error": "invalid_grant"}')
    gate: asyncio.Event | None = None  # for which the answers to questions that are asked now wait
    idle_seconds: int = 7200
    notice_status: int = 200
    asked: list[str] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)  # that reached the warehouse
    url: str = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Keycloak]:
        """Answer while the block runs."""
        socket, port = bind_unused_port()
        names = {"token": TokenHandler, "userinfo": UserInfoHandler, "certs": CertsHandler}
        routes: list[Any] = [(f"/realm/{name}", handler, {"town": self}) for name, handler in names.items()]
        routes.append(("/operator/revocations", NoticeHandler, {"town": self}))
        server = HTTPServer(Application(routes, log_function=lambda handler: None))
        server.add_socket(socket)
        self.url = f"http://127.0.0.1:{port}"
        yield self
        if self.gate is not None:
            self.gate.set()
        server.stop()
        await server.close_all_connections()

    def sign(self, claims: dict[str, Any], key: Any = KEY, **head: Any) -> str:
        """Return a token as the realm signs it."""
        return jwt.encode(claims, key, algorithm=head.pop("alg", "RS256"), headers={"kid": "realm", **head})

    def make_tokens(self, person: str, session: str, seconds: float = 300) -> dict[str, Any]:
        """Return what Keycloak answers to a login."""
        claims = {"sub": f"id-of-{person}", "sid": session, "name": person, "exp": time.time() + seconds}
        claims = {**claims, "aud": CLIENT, "iat": int(time.time()), "iss": f"{self.url}/realm"}
        refresh = {"refresh_token": f"{person} {session}", "refresh_expires_in": self.idle_seconds}
        return {
            "access_token": self.sign(claims),
            "id_token": self.sign(claims),
            "token_type": "Bearer",
            **refresh,
        }


class _Handler(RequestHandler):
    def initialize(self, town: Keycloak) -> None:
        self.town = town

    async def prepare(self) -> None:
        self.town.asked.append(self.request.path.rpartition("/")[2])
        if self.town.gate is not None:
            await self.town.gate.wait()
        if self.town.status != 200:
            self.set_status(self.town.status)
            self.finish("<html>not now</html>")

    def is_in(self, person: str, session: str) -> bool:
        return person in self.town.groups and session not in self.town.ended


class UserInfoHandler(_Handler):
    def get(self) -> None:
        token = self.request.headers["Authorization"].rpartition(" ")[2]
        claims = jwt.decode(token, options={"verify_signature": False})
        if claims["exp"] < time.time() or not self.is_in(claims["name"], claims["sid"]):
            self.set_status(401)
            self.finish({"error": "invalid_token"})
            return
        person = claims["name"]
        self.finish({"sub": claims["sub"], "preferred_username": person, "groups": self.town.groups[person]})


class TokenHandler(_Handler):
    def post(self) -> None:
        person, _, session = self.get_body_argument("refresh_token").partition(" ")
        if self.is_in(person, session):
            self.finish(self.town.make_tokens(person, session))
            return
        self.set_status(self.town.refusal[0])
        self.finish(self.town.refusal[1])


class CertsHandler(_Handler):
    def get(self) -> None:
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
        self.finish({"keys": [{**jwk, "kid": "realm", "use": "sig", "alg": "RS256"}]})


class NoticeHandler(_Handler):
    async def prepare(self) -> None:
        """Let Keycloak's troubles be Keycloak's."""

    def post(self) -> None:
        assert self.request.headers["Authorization"] == "Bearer of-the-hub"
        self.set_status(self.town.notice_status)
        if self.town.notice_status == 200:
            self.town.notices.append(json.loads(self.request.body))


class SleepySpawner(Spawner):  # type: ignore[misc]
    """A server that ends at once, or when its owner's gate is opened."""

    gates: ClassVar[dict[str, asyncio.Event]] = {}
    stopped: ClassVar[list[str]] = []

    async def start(self) -> tuple[str, int]:
        await asyncio.Event().wait()
        return ("127.0.0.1", 1)

    async def poll(self) -> int | None:
        return 0 if self.user.name in self.stopped else None

    async def stop(self, now: bool = False) -> None:
        if self.user.name in self.gates:
            await self.gates[self.user.name].wait()
        self.stopped.append(self.user.name)
        self._spawn_pending = False


def make_database() -> Session:
    """Return an empty database of the hub, with the roles that are always there."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    orm.Base.metadata.create_all(engine)
    db = Session(engine)
    for role in roles.get_default_roles():
        roles.create_role(db, role)
    db.add(orm.OAuthClient(identifier="jupyterhub"))
    db.commit()
    return db


class Proxy:
    """Keeps routes."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.is_away = False

    async def delete_user(self, user: Any, name: str) -> None:
        if self.is_away:
            raise ConnectionRefusedError
        self.deleted.append(user.name)


@dataclass
class SmallHub:
    """What the sweep sees of the hub."""

    keycloak: Keycloak
    records: Path
    http_server: bool = True

    def __post_init__(self) -> None:
        SleepySpawner.stopped.clear()
        SleepySpawner.gates.clear()
        CryptKeeper.clear_instance()
        CryptKeeper.instance().keys = [b"k" * 32]
        self.db = make_database()
        self.proxy = Proxy()
        realm = f"{self.keycloak.url}/realm"
        self.authenticator = UrbanAuthenticator(
            client_id=CLIENT,
            client_secret="secret",
            records=self.records,
            token_url=f"{realm}/token",
            userdata_url=f"{realm}/userinfo",
            username_claim="preferred_username",
            enable_auth_state=True,
            manage_groups=True,
        )
        self.authenticator.http_client = AsyncHTTPClient(force_instance=True)
        settings = {"authenticator": self.authenticator, "spawner_class": SleepySpawner}
        self.users = UserDict(lambda: self.db, settings)
        self.notices = WarehouseNotices(self.keycloak.url, Secret("of-the-hub"))
        self.revoker = Revoker(self, self.notices)
        self.sweep = Sweep(self, self.authenticator, self.revoker)

    def lose_patience(self) -> None:
        """Let Keycloak hang, and wait for it less long than the real hub does."""
        self.keycloak.gate = asyncio.Event()
        self.authenticator.http_client = AsyncHTTPClient(
            force_instance=True, defaults={"request_timeout": 0.2}
        )

    async def log_in(
        self, name: str, session: str = "s1", *, server: bool = True, seconds: float = 300
    ) -> User:
        """Return a hub user who has logged in through Keycloak, with what they get by that."""
        tokens = self.keycloak.make_tokens(name.partition("@")[0], session, seconds)
        login = mark_new_login(await self.authenticator._token_to_auth_model(tokens))
        model = {**login, **await self.authenticator.confirm_user(name, login["auth_state"])}
        user = self.make_user(name)
        state = reconcile_auth_state(None, model, await user.get_auth_state())
        user.encrypted_auth_state = await encrypt(state)
        user.user_info = model["user_info"]
        user.sync_groups(model["groups"])
        user.orm_user.new_api_token(session_id="browser", note="browser")
        if server:
            user.spawners[""].server = Server(
                orm_server=orm.Server(proto="http", ip="127.0.0.1", port=9, base_url="/", cookie_name="x")
            )
        self.db.commit()
        return user

    def make_user(self, name: str) -> User:
        """Return a hub user."""
        found = orm.User.find(self.db, name)
        if found is None:
            found = orm.User(name=name)
            self.db.add(found)
            self.db.commit()
        return self.users[found]

    async def settle(self) -> None:
        """Return when everything that was begun in the background is done."""
        await self.revoker.wait()
        await self.notices.wait()


def has_anything(user: User) -> bool:
    """Return whether a hub user has a login, a token, a group or a server."""
    person = user.orm_user
    things = (person.encrypted_auth_state, person.groups, person.api_tokens)
    return any(things) or any(spawner.active for spawner in user.spawners.values())


def read_public() -> bytes:
    """Return the realm's public key as text, as everybody has it."""
    return KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
