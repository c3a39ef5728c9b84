"""The tokens service as a process, beside a program that plays hub and Keycloak."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from urbanlab.contract import environment
from urbanlab.contract.naming import make_kafka_client
from urbanlab.contract.records import Tenant, write_tenant

from .hub_and_keycloak import HubAndKeycloak

TENANTS = ("town", "village")


@dataclass
class Answer:
    """What the service answered."""

    status: int
    headers: Any
    text: str

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.text))


@dataclass
class TokensService:
    """The service, those whom it asks, and what it must never tell."""

    town: Any
    process: Any
    key: Ed25519PrivateKey
    secrets: list[str] = field(default_factory=list)

    def add(self, name: str, *groups: str, **changes: Any) -> str:
        """Make the hub know a server's token of a user; return the token."""
        token = f"hub-token-of-{name}-{len(self.town.identities)}"
        scopes = [f"users:activity!user={name}", f"access:servers!server={name}/"]
        model = {"kind": "user", "name": name, "groups": groups, "scopes": scopes, "session_id": None}
        self.town.identities[token] = {**model, **changes}
        self.secrets.append(token)
        return token

    def ask(self, purpose: str, token: str = "", method: str = "POST", body: bytes = b"") -> Answer:
        """Send a request for a credential."""
        headers = {"Authorization": f"token {token}"} if token else {}
        data = body if method == "POST" else None
        request = urllib.request.Request(
            f"{self.process.url}/{purpose}", data=data, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                answer = Answer(response.status, response.headers, response.read().decode())
        except urllib.error.HTTPError as error:
            answer = Answer(error.code, error.headers, error.read().decode())
        if answer.status == 200:
            self.secrets.append(answer.body["token"])
        return answer

    def read_claims(self, token: str, audience: str = "urbanlab-warehouse") -> dict[str, Any]:
        """Return what a credential says, verified as the gateway, or the publisher, does."""
        claims: dict[str, Any] = jwt.decode(
            token, self.key.public_key(), algorithms=["EdDSA"], audience=audience
        )
        return claims


@pytest.fixture
def town() -> Iterator[Any]:
    clients = {
        make_kafka_client(tenant, access): f"{access}-client-secret-of-{tenant}"
        for tenant in TENANTS
        for access in ("read", "open")
    }
    with HubAndKeycloak(clients=clients).running() as program:
        yield program


@pytest.fixture
def service(
    town: Any, start_service: Callable[..., Any], make_tenant: Callable[..., Tenant], tmp_path: Path
) -> TokensService:
    records, secrets = tmp_path / "records", tmp_path / "secrets"
    records.mkdir()
    secrets.mkdir()
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    (secrets / "tokens-signing-key").write_text(pem)
    for tenant in TENANTS:
        write_tenant(records, make_tenant(tenant))
    for client, secret in town.clients.items():
        (secrets / client).write_text(secret + "\n")
    environ = {
        environment.HUB_API_URL: f"http://127.0.0.1:{town.port}/hub/api",
        environment.KEYCLOAK_REALM_URL: f"http://127.0.0.1:{town.port}/realm",
        environment.RECORDS: str(records),
        environment.SECRETS: str(secrets),
        environment.SERVICE_STATE: str(tmp_path / "tokens"),
    }
    process = start_service("tokens", **environ)
    process.wait_until_ready()
    return TokensService(town, process, key, [*town.clients.values(), *pem.splitlines()[1:-1]])
