"""A warehouse of its own for these tests: engine and gateway as processes, three tenants, one start a session."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
import requests
from clickhouse_connect.driver.client import Client
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.extensions.conftest import ServiceProcess, make_feed, wait_until
from urbanlab.contract import environment
from urbanlab.contract.records import Report, Sensor, Tenant, write_tenant
from urbanlab.contract.secrets import Secret
from urbanlab_services.tokens.credentials import Holder, make_warehouse_token

OPERATOR, INGEST = "operator-secret-of-this-run", "ingest-secret-of-this-run"
PUBLISHER, HUB = "publisher-secret-of-this-run", "hub-secret-of-this-run"


def make_town(name: str, **changes: Any) -> Tenant:
    values: dict[str, Any] = {
        "id": name,
        "title": name.title(),
        "languages": ("de", "en"),
        "state": "NW",
        "time_zone": "Europe/Berlin",
        "latitude": 51.9,
        "longitude": 8.4,
        "crs": "EPSG:25832",
        "population": 100_000,
        "contact": "info@example.org",
        "feeds": (
            make_feed("footfall", ("persons", "integer")),
            replace(make_feed("live", ("persons", "integer")), keep_days=7),
        ),
        "reports": (Report("monthly", ("footfall",)),),
        "sensors": (
            Sensor("counter", "Kolbe'scher Platz", "footfall", 8.4, 51.9, 1.0),
            Sensor("station", "Wetter", "weather", 8.5, 51.8),
        ),
    }
    return Tenant(**{**values, **changes})


@dataclass
class Warehouse:
    """The two processes and whatever it takes to speak to them."""

    folder: Path
    signing_key: Secret
    engine: subprocess.Popen[bytes] | None = None
    gateway: ServiceProcess = field(init=False)

    def __post_init__(self) -> None:
        self.start_engine()
        self.gateway = ServiceProcess("warehouse", self.make_environ(), self.folder / "gateway.log")

    def make_environ(self) -> dict[str, str]:
        return {
            environment.RECORDS: str(self.records),
            environment.SECRETS: str(self.folder / "secrets"),
            environment.SERVICE_STATE: str(self.folder / "gateway"),
            environment.ENGINE_SOCKET: str(self.socket),
        }

    @property
    def records(self) -> Path:
        return self.folder / "records"

    @property
    def socket(self) -> Path:
        return self.folder / "engine.sock"

    @property
    def url(self) -> str:
        return self.gateway.url

    def start_engine(self) -> None:
        environ = {
            "PATH": os.environ["PATH"],
            environment.SERVICE_STATE: str(self.folder / "state"),
            environment.ENGINE_SOCKET: str(self.socket),
            environment.RECORDS: str(self.records),
        }
        with (self.folder / "engine.log").open("ab") as log:
            command = (sys.executable, "-m", "urbanlab_services.warehouse.engine")
            self.engine = subprocess.Popen(command, env=environ, stdout=log, stderr=log)

    def kill_engine(self) -> None:
        assert self.engine is not None
        self.engine.kill()
        self.engine.wait()

    def kill(self) -> None:
        self.gateway.kill()
        self.kill_engine()

    def stop(self) -> None:
        assert self.engine is not None
        self.gateway.stop()
        self.engine.send_signal(signal.SIGTERM)
        assert self.engine.wait(20) == 0

    def apply(self, **arguments: int) -> list[str]:
        """Do what `urbanlab apply` asks for."""
        answer = requests.post(
            f"{self.url}/operator/apply",
            params=arguments,
            headers={"Authorization": f"Bearer {OPERATOR}"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        return list(answer.json()["changes"])

    def token(self, tenant: str, access: str = "analyst", person: str = "anna") -> str:
        name = access if access in ("reports", "publications") else person
        return make_warehouse_token(Holder(f"{name}@{tenant}", tenant, access), self.signing_key)

    def client(self, tenant: str, access: str = "analyst", **options: Any) -> Client:
        """Return an unchanged client of somebody in a tenant."""
        return clickhouse_connect.get_client(
            host="127.0.0.1",
            port=self.gateway.port,
            access_token=self.token(tenant, access),
            **{"autogenerate_session_id": False, **options},
        )

    def post(
        self, tenant: str, text: str | bytes | Iterator[bytes], access: str = "analyst", **arguments: Any
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token(tenant, access)}"}
        data = text.encode() if isinstance(text, str) else text
        return requests.post(self.url, params=arguments, data=data, headers=headers, timeout=60)

    def ask(self, text: str) -> str:
        """Return what the operator reads."""
        answer = requests.post(self.url, data=text.encode(), auth=("operator", OPERATOR), timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.text


def make_keys(secrets: Path) -> Secret:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    secrets.mkdir()
    (secrets / "tokens-public-key").write_bytes(public)
    (secrets / "warehouse-operator").write_text(OPERATOR)
    (secrets / "warehouse-ingest").write_text(INGEST)
    (secrets / "warehouse-publisher").write_text(PUBLISHER)
    (secrets / "warehouse-hub").write_text(HUB)
    return Secret(private.decode())


def make_warehouse(folder: Path, *tenants: Tenant, kind: type[Warehouse] = Warehouse) -> Warehouse:
    (folder / "records").mkdir()
    (folder / "state").mkdir()
    for tenant in tenants:
        write_tenant(folder / "records", tenant)
    warehouse = kind(folder, make_keys(folder / "secrets"))
    try:
        warehouse.gateway.wait_until_ready()
        warehouse.apply()
    except BaseException:
        warehouse.kill()
        raise
    return warehouse


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse that no test may kill."""
    folder = tmp_path_factory.mktemp("warehouse")
    running = make_warehouse(folder, make_town("alba"), make_town("bern"), make_town("celle"))
    yield running
    running.stop()


@pytest.fixture
def own_warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """A warehouse to be killed."""
    running = make_warehouse(tmp_path, make_town("alba"))
    yield running
    try:
        running.stop()
    finally:
        running.kill()


@pytest.fixture(autouse=True)
def _no_slot_is_left_held(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "warehouse" in request.fixturenames:
        running: Warehouse = request.getfixturevalue("warehouse")
        free = "urbanlab_warehouse_running 0.0"
        wait_until(lambda: free in running.gateway.get("/metrics")[1], 5, "all slots are free")
