"""The publisher as a process, beside a program that plays hub, runner and gateway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from urbanlab.contract import environment
from urbanlab.contract.naming import ROLES
from urbanlab.contract.publications import Publication, decode_publication, publication_path
from urbanlab.contract.records import Tenant, write_tenant
from urbanlab.contract.secrets import Secret
from urbanlab_services.publisher.applications import Application
from urbanlab_services.publisher.publications import State, Submission, now
from urbanlab_services.tokens.credentials import Holder, make_publisher_token

from ...kafka_broker import wait_until  # noqa: TID252
from ..conftest import ServiceProcess  # noqa: TID252
from .hub_runner_gateway import SECRET, TOKEN, HubRunnerGateway


class DeskProcess(ServiceProcess):
    """The publisher with an address for acts, as a process."""

    def start(self) -> None:
        keep = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
        program = Path(__file__).with_name("desk_process.py")
        with self.log.open("ab") as log:
            environ = {**keep, **self._environ}
            self.process = subprocess.Popen(
                [sys.executable, str(program)], env=environ, stdout=log, stderr=log
            )

    def restart(self) -> None:
        self.start()
        self.wait_until_ready()


@dataclass
class Person:
    """Somebody who acts, logged in with a browser or, without `may_decide`, from a kernel."""

    hub_user: str
    roles: tuple[str, ...] = ROLES
    may_decide: bool = True

    @property
    def tenant(self) -> str:
        return self.hub_user.rpartition("@")[2]


ANNA = Person("anna@town", ("publisher",), may_decide=False)
GERD = Person("gerd@town", ("gatekeeper",))


class ActError(Exception):
    """What an act was refused with."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class Publisher:
    """The service, those whom it asks, and what the public finds."""

    process: DeskProcess
    town: HubRunnerGateway
    state: Path
    public: Path
    key: Secret

    def act(self, person: Person, act: str, *args: Any, **options: Any) -> Any:
        """Let somebody do something; raise `ActError` where it is refused."""
        actor = {**person.__dict__, "tenant": person.tenant}
        order = {"actor": actor, "act": act, "args": args, "options": options}
        return self._send("POST", "/act", order)["result"]

    def ask(self, person: Person, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """Ask the API with the credential that the tokens service gives; raise `ActError`."""
        holder = Holder(person.hub_user, person.tenant, "analyst", tuple(person.roles))
        return self._send(method, path, body, token or make_publisher_token(holder, self.key))

    def submit(self, person: Person = ANNA, notebook: str | None = None, **values: Any) -> Any:
        """Hand a notebook in and return the submission once it has been executed."""
        values = {"title": "Fußgänger", **values}
        submission = self.act(person, "submit", values, make_notebook() if notebook is None else notebook)
        return self.wait_for(submission["id"], "submitted", "failed", tenant=person.tenant)

    def wait_for(self, submission_id: str, *states: str, tenant: str = "town") -> Any:
        """Return a submission once it is in one of the states."""
        person = Person(f"someone@{tenant}")

        def has_come() -> bool:
            return self.act(person, "get", submission_id)["state"] in states

        wait_until(has_come, 15, f"{submission_id} {states}")
        return self.act(person, "get", submission_id)

    def find_public(self, slug: str = "fussgaenger", tenant: str = "town") -> Publication | None:
        """Return what the public finds."""
        path = publication_path(self.public, tenant, slug)
        return decode_publication(path.read_bytes()) if path.exists() else None

    def read_audit(self) -> list[dict[str, Any]]:
        """Return what the service has to say to the audit log, the oldest first; nobody takes it here."""
        paths = sorted((self.state / "audit").glob("*.json"))
        lines = [json.loads(path.read_text())["data"] for path in paths]
        return [{**line, "who": line.get("person", "publisher")} for line in lines]

    def _send(self, method: str, path: str, body: Any, token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.process.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            problem = json.loads(error.read())["error"]
            raise ActError(error.code, problem["code"], problem["message"]) from None


def make_notebook(*sources: str, parameters: str = "", **metadata: Any) -> str:
    """Return a notebook with these code cells, as a file."""
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": n,
        }
        for n, source in enumerate(sources or ("print('hello')",))
    ]
    if parameters:
        tagged = {"tags": ["parameters"]}
        cells.insert(0, {**cells[0], "id": "p", "metadata": tagged, "source": parameters})
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})


def make_submission(**values: Any) -> Submission:
    """Return a version that waits for its release, with what `values` say."""
    given: dict[str, Any] = {
        "id": "0" * 32,
        "tenant": "town",
        "slug": "fussgaenger",
        "version": 1,
        "author": "anna@town",
        "application": Application("Fußgänger", "fussgaenger"),
        "notebook": "0" * 64,
        "submitted_at": now(),
        "state": State.SUBMITTED,
    }
    return Submission(**{**given, **values})


@pytest.fixture
def town() -> Iterator[HubRunnerGateway]:
    with HubRunnerGateway().serving() as program:
        yield program


@pytest.fixture
def publisher(
    town: HubRunnerGateway, make_tenant: Callable[..., Tenant], tmp_path: Path
) -> Iterator[Publisher]:
    folders = {name: tmp_path / name for name in ("records", "secrets", "state", "public")}
    for folder in folders.values():
        folder.mkdir()
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    secrets = {"tokens-public-key": public, "service-publisher": TOKEN, "warehouse-publisher": SECRET}
    for name, secret in secrets.items():
        (folders["secrets"] / name).write_text(secret)
    for tenant in ("town", "village"):
        write_tenant(folders["records"], make_tenant(tenant))
    url = f"http://127.0.0.1:{town.port}"
    environ = {
        environment.HUB_API_URL: f"{url}/hub/api",
        environment.HUB_URL: url,
        environment.WAREHOUSE_URL: url,
        environment.RECORDS: str(folders["records"]),
        environment.SECRETS: str(folders["secrets"]),
        environment.SERVICE_STATE: str(folders["state"]),
        environment.PUBLIC: str(folders["public"]),
        environment.PORTAL_URL: "http://localhost:8080",
        environment.PUBLISHER_URL: "http://127.0.0.2:8204",
    }
    process = DeskProcess("publisher", environ, tmp_path / "publisher.log")
    process.wait_until_ready()
    yield Publisher(process, town, folders["state"], folders["public"], Secret(private))
    process.kill()


@pytest.fixture
def wait() -> Callable[..., Any]:
    return wait_until
