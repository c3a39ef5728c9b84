"""Real parts for the kernel package's tests: a tokens service on a socket, a broker that takes its tokens."""

from __future__ import annotations

import datetime
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)

from urbanlab import session as session_module
from urbanlab.contract import environment
from urbanlab.session import HUB_TOKEN, Session, current_session

from ..kafka_broker import PARTS, KafkaBroker, wait_until  # noqa: TID252

HUB_TOKEN_VALUE = "hub-token-that-goes-nowhere-else"


@dataclass
class TokensService:
    """A program that answers like the tokens service; its fields say what is answered and what was asked."""

    make_token: dict[str, Callable[[], str]] = field(default_factory=dict)  # purpose -> token
    seconds: float = 40
    status: int = 200
    body: bytes | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)  # path, Authorization
    port: int = 0

    def start(self) -> None:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.asked.append((self.path, self.headers["Authorization"]))
                purpose = self.path.rpartition("/")[2]
                make = service.make_token.get(purpose, lambda: f"{purpose}-{len(service.asked)}")
                answer = json.dumps({"token": make(), "expires_in": service.seconds}).encode()
                self.send_response(service.status)
                self.end_headers()
                self.wfile.write(service.body if service.body is not None else answer)

            def log_message(self, *_: object) -> None:
                pass

        # The port stays the same, so that the service can come back.
        ThreadingHTTPServer.allow_reuse_address = True
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/tokens"


@pytest.fixture
def tokens() -> Iterator[TokensService]:
    service = TokensService()
    service.start()
    yield service
    service.stop()


@pytest.fixture
def environ(tokens: TokensService) -> dict[str, str]:
    """Return what the hub gives a kernel; nothing answers at the warehouse and at Kafka."""
    return {
        environment.TENANT: "town",
        environment.TENANT_TITLE: "Town",
        environment.PERSON: "anna",
        environment.LANGUAGE: "en",
        environment.TOKENS_URL: tokens.url,
        environment.WAREHOUSE_URL: "http://127.0.0.1:9",
        environment.KAFKA_BOOTSTRAP: "127.0.0.1:9",
        environment.ASSETS_URL: "/user/anna@town/urbanlab/assets/",
        environment.MAP_CENTRE: "51.9,8.4",
        environment.TIME_ZONE: "Europe/Berlin",
        HUB_TOKEN: HUB_TOKEN_VALUE,
    }


@pytest.fixture
def use_session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, str]], Session]]:
    """Return a function that makes a session of variables the one of this process."""

    def use(environ: dict[str, str]) -> Session:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        current_session.cache_clear()
        return current_session()

    yield use
    session_module.current_session.cache_clear()


@pytest.fixture
def session(environ: dict[str, str], use_session: Callable[[dict[str, str]], Session]) -> Session:
    return use_session(environ)


@dataclass
class Realm:
    """Signs tokens as Keycloak does, and keeps its public key in a file for the broker."""

    key: EllipticCurvePrivateKey
    folder: Path

    def write_keys(self) -> str:
        algorithm = jwt.get_algorithm_by_name("ES256")
        public = json.loads(algorithm.to_jwk(self.key.public_key()))  # type: ignore[attr-defined]
        path = self.folder / "keys.json"
        path.write_text(json.dumps({"keys": [{**public, "kid": "one", "use": "sig", "alg": "ES256"}]}))
        return path.as_uri()

    def sign(self, tenant: str, seconds: float = 45) -> str:
        now = time.time()
        claims = {
            "aud": "kafka",
            "tenant": tenant,
            "sub": "client",
            "iat": int(now),
            "exp": int(now + seconds),
        }
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": "one"})


@pytest.fixture(scope="session")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Realm:
    return Realm(generate_private_key(SECP256R1()), tmp_path_factory.mktemp("realm"))


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, realm: Realm) -> Iterator[KafkaBroker]:
    if not (PARTS / "kafka").is_dir():
        pytest.skip("Kafka has not been fetched; `make test` does that")
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"), keys=realm.write_keys())
    broker.format()
    broker.start()
    for prefix in ("town.", "open."):
        broker.permit("town.read", prefix)
    yield broker
    broker.kill()


@pytest.fixture
def kafka_session(
    kafka: KafkaBroker,
    realm: Realm,
    tokens: TokensService,
    environ: dict[str, str],
    use_session: Callable[[dict[str, str]], Session],
) -> Session:
    """Return a session whose Kafka answers and takes its tokens."""
    tokens.make_token["kafka"] = lambda: realm.sign("town.read")
    return use_session({**environ, environment.KAFKA_BOOTSTRAP: f"127.0.0.1:{kafka.port}"})


@pytest.fixture
def wait() -> Callable[..., Any]:
    return wait_until


def _ingest(url: str, secret: str, query: str, factor: int) -> None:
    """Write a thousand hours of a counter, as the service ingest does."""
    begin = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    hours = ((begin + datetime.timedelta(hours=n)).strftime("%Y-%m-%d %H:%M:%S") for n in range(1000))
    rows = [{"sensor": "counter", "observed_at": hour, "persons": n * factor} for n, hour in enumerate(hours)]
    body = "\n".join(map(json.dumps, rows))
    requests.post(
        url, params={"query": query}, data=body, auth=("ingest", secret), timeout=60
    ).raise_for_status()


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Engine and gateway as processes, with two tenants and what ingest has written for them."""
    from ..extensions.warehouse.conftest import INGEST, make_town, make_warehouse  # noqa: TID252

    running = make_warehouse(tmp_path_factory.mktemp("warehouse"), make_town("town"), make_town("village"))
    for tenant, factor in (("town", 1), ("village", 2)):
        _ingest(running.url, INGEST, f"INSERT INTO {tenant}.footfall FORMAT JSONEachRow", factor)
    yield running
    running.stop()


@pytest.fixture
def warehouse_session(
    warehouse: Any,
    tokens: TokensService,
    environ: dict[str, str],
    use_session: Callable[[dict[str, str]], Session],
) -> Session:
    """Return an analyst's session in the town whose warehouse answers."""
    tokens.make_token["warehouse"] = lambda: warehouse.token("town")
    return use_session({**environ, environment.WAREHOUSE_URL: warehouse.url})
