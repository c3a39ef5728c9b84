"""Real parts for the tests: a Kafka broker of their own, tenants' records, services and servers as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from urbanlab.contract import environment
from urbanlab.contract.records import Column, Feed, Sensor, Tenant

# Below one folder of tests nothing else can be shared: these folders are no packages that have a name.
from ..kafka_broker import PARTS, KafkaBroker, get_free_port, wait_until  # noqa: TID252
from .jupyter_process import JupyterServer


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    if not (PARTS / "kafka").is_dir():
        pytest.skip("Kafka has not been fetched; `make test` does that")
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    broker.format()
    broker.start()
    yield broker
    broker.kill()


class ServiceProcess:
    """A service as a real process, with health to wait for."""

    def __init__(self, module: str, environ: dict[str, str], log: Path) -> None:
        self.module, self.log = module, log
        self.port = get_free_port()
        self._environ = {**environ, environment.PORT: str(self.port)}
        self.start()

    def start(self) -> None:
        keep = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
        with self.log.open("ab") as log:
            command = (sys.executable, "-m", f"urbanlab_services.{self.module}")
            self.process = subprocess.Popen(command, env={**keep, **self._environ}, stdout=log, stderr=log)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wait_until_ready(self, seconds: float = 30) -> None:
        def is_ready() -> bool:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            return self.get("/readyz")[0] == 200

        wait_until(is_ready, seconds, f"{self.module} ready: {self.get('/readyz')}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., ServiceProcess]]:
    started: list[ServiceProcess] = []

    def start(module: str, **environ: str) -> ServiceProcess:
        started.append(ServiceProcess(module, environ, tmp_path / f"{module}.log"))
        return started[-1]

    yield start
    for service in started:
        with suppress(ProcessLookupError):
            service.kill()


def make_feed(name: str, *values: tuple[str, str]) -> Feed:
    columns = (("sensor", "category"), ("observed_at", "instant"), *values)
    return Feed(
        name=name,
        title={"de": name},
        description={},
        columns=tuple(Column(column, kind, {"de": column}) for column, kind in columns),
        key=("sensor", "observed_at"),
        time="observed_at",
        licence="dl-de/zero-2.0",
        simulated=True,
    )


@pytest.fixture
def make_tenant() -> Callable[..., Tenant]:
    """Return a maker of tenants that look like the demo's: four counters and a weather station."""

    def make(tenant: str = "town", counters: int = 4, **changes: Any) -> Tenant:
        measures = ("temperature", "rain", "wind", "humidity")
        values: dict[str, Any] = {
            "id": tenant,
            "title": tenant.title(),
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
                make_feed("footfall_live", ("persons", "integer")),
                make_feed("weather", *((measure, "number") for measure in measures)),
            ),
            "sensors": (
                *(Sensor(f"counter{n}", f"Counter {n}", "footfall", 8.4, 51.9, 1.0) for n in range(counters)),
                Sensor("station", "Station", "weather", 8.4, 51.9),
            ),
        }
        return Tenant(**{**values, **changes})

    return make


@pytest.fixture(scope="module")
def start_jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., JupyterServer]]:
    started: list[JupyterServer] = []

    def start(**environ: str) -> JupyterServer:
        started.append(JupyterServer(tmp_path_factory.mktemp("home"), environ))
        return started[-1]

    yield start
    for server in started:
        server.stop()
