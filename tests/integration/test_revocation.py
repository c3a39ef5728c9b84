"""Whoever may not stay loses servers, kernels, tokens and data within a minute, without doing anything."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest
import requests
from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.net.sasl.oauth import AbstractTokenProvider

from tests.installation import Installation

from .login import StaffSession
from .operator_access import ask_as_service, kill_part, read_part, read_topic_since, wait_until
from .people import People

TENANT, OTHER = "detmold", "rietberg"
GROUP = f"/tenants/{TENANT}/analyst"
LIMIT_SECONDS = 60
SILENCE_SECONDS = 15
READ = """
import json, os
print(json.dumps([os.getuid(), os.getppid(), os.getpid(), os.environ["JUPYTERHUB_API_TOKEN"]]))
"""
STREAM = "SELECT number, cityHash64(number) FROM numbers(900000000) FORMAT TSV"
# What the person's own code does to keep the server: it does not end when it is asked to.
FREEZE = """
import os, signal, threading
threading.Timer(1, os.kill, (os.getppid(), signal.SIGSTOP)).start()
"""


class Stream(threading.Thread):
    """A query whose answer is read slowly for as long as it lasts."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(daemon=True)
        headers = {"Authorization": f"Bearer {token}"}
        self._answer = requests.post(url, data=STREAM, headers=headers, stream=True, timeout=90)
        assert self._answer.status_code == 200, self._answer.text
        self.start()

    def run(self) -> None:
        """Read."""
        with suppress(requests.RequestException):
            for _ in self._answer.iter_content(1 << 16):
                time.sleep(0.02)


class FixedToken(AbstractTokenProvider):  # type: ignore[misc]  # the client has no types
    """Gives the one token that was carried off, again and again."""

    def __init__(self, value: str) -> None:
        super().__init__()
        self._value = value

    def token(self) -> str:
        """Return it."""
        return self._value


class CarriedOff(threading.Thread):
    """A reader with a person's Kafka token, outside of any server: nothing that ends there ends it."""

    def __init__(self, bootstrap: str, topic: str, token: str) -> None:
        super().__init__(daemon=True)
        self.consumer = KafkaConsumer(
            topic,
            bootstrap_servers=bootstrap,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="OAUTHBEARER",
            sasl_oauth_token_provider=FixedToken(token),
            group_id=None,
            auto_offset_reset="latest",
        )
        self.last = 0.0
        self.is_wanted = True
        self.start()

    def run(self) -> None:
        """Read for as long as there is something to read."""
        with suppress(KafkaError):
            while self.is_wanted:
                if self.consumer.poll(timeout_ms=500):
                    self.last = time.monotonic()

    def is_cut(self) -> bool:
        """Return whether nothing has come for longer than the sensors ever are silent."""
        return time.monotonic() - self.last > SILENCE_SECONDS


@dataclass
class Worker:
    """A person at work, and everything that they hold."""

    installation: Installation
    name: str
    user_id: str
    password: str
    staff: StaffSession = field(init=False)

    def __post_init__(self) -> None:
        self.staff = StaffSession(self.installation, self.name, TENANT, self.password)
        self.uid, self.server, self.kernel, self.hub_token = self.staff.ask_json(READ)

    def ask_kernel(self) -> str:
        """Return what the kernel has kept, over a new connection: an idle one is closed after a while."""
        assert self.staff.kernel is not None
        kernel_id = self.staff.kernel.kernel_id
        self.staff.leave_kernel()
        self.staff.kernel = self.staff.join_kernel(kernel_id)
        return self.staff.run("print(kept)").text

    def ask_tokens(self, purpose: str) -> requests.Response:
        """Ask the tokens service as the person's kernel does."""
        headers = {"Authorization": f"token {self.hub_token}"}
        address = f"{self.installation.settings.tokens_url}/{purpose}"
        return requests.post(address, headers=headers, timeout=30)

    def take_data(self) -> None:
        """Hold a credential for the warehouse, and a query that runs."""
        answer = self.ask_tokens("warehouse")
        assert answer.status_code == 200, answer.text
        self.warehouse_token = answer.json()["token"]
        self.stream = Stream(self.installation.settings.warehouse_url, self.warehouse_token)

    def ask_warehouse(self) -> requests.Response:
        """Ask with the credential that the person holds."""
        headers = {"Authorization": f"Bearer {self.warehouse_token}"}
        return requests.post(
            self.installation.settings.warehouse_url, data="SELECT 1", headers=headers, timeout=30
        )

    def ask_hub(self) -> int:
        """Return what the hub answers to the server's token."""
        headers = {"Authorization": f"token {self.hub_token}"}
        address = f"{self.installation.settings.hub_url}hub/api/user"
        return requests.get(address, headers=headers, timeout=30).status_code

    def list_processes(self) -> list[int]:
        """Return the server, the kernel and, with accounts, whatever else the person runs."""
        own = [self.server, self.kernel]
        if os.geteuid() == 0:
            own += [process.pid for process in psutil.process_iter(["uids"]) if is_of(process, self.uid)]
        return [pid for pid in own if is_alive(pid)]

    def read_model(self) -> dict[str, Any]:
        """Return what the hub knows of the person."""
        path = f"users/{quote(self.staff.hub_user)}"
        model: dict[str, Any] = ask_as_service(self.installation, "operator", "GET", path).json()
        return model

    def is_out(self) -> bool:
        """Return whether nothing is left, the Kafka token included, which cannot be renewed."""
        if self.ask_hub() != 403 or self.list_processes() or self.stream.is_alive():
            return False
        # The tokens service remembers the hub's answers for five seconds.
        return self.ask_tokens("kafka").status_code in (401, 403)


def is_of(process: psutil.Process, uid: int) -> bool:
    """Return whether an account runs a process."""
    uids = process.info["uids"]
    return uids is not None and uids.real == uid


def is_alive(pid: int) -> bool:
    """Return whether a process lives."""
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


class Administrator(People):
    """Keycloak's administrator, who lets people in and out."""

    def hire(self, name: str, *more_groups: str) -> Worker:
        """Make a person and let them begin to work."""
        password = self.make(name, (GROUP, *more_groups))
        address = next(each for each in reversed(self.made) if self.read(each)["username"] == name)
        return Worker(self.installation, name, address.rpartition("/")[2], password)

    def read(self, address: str) -> dict[str, Any]:
        """Return what Keycloak has at an address."""
        answer = requests.get(address, headers=self.headers, timeout=30)
        answer.raise_for_status()
        values: dict[str, Any] = answer.json()
        return values

    def send(self, method: str, path: str, **options: Any) -> None:
        """Change something."""
        address = f"{self.url}/{path}"
        requests.request(method, address, headers=self.headers, timeout=30, **options).raise_for_status()

    def disable(self, worker: Worker) -> None:
        """Disable the account."""
        self.send("PUT", f"users/{worker.user_id}", json={"enabled": False})

    def take_out_of_group(self, worker: Worker) -> None:
        """Take away the only role."""
        group = self.read(f"{self.url}/group-by-path{GROUP}")["id"]
        self.send("DELETE", f"users/{worker.user_id}/groups/{group}")

    def reset_password(self, worker: Worker) -> None:
        """Set another password, and sign the person out."""
        password = {"type": "password", "value": "another-password-of-theirs", "temporary": True}
        self.send("PUT", f"users/{worker.user_id}/reset-password", json=password)
        self.send("POST", f"users/{worker.user_id}/logout")

    def end_session(self, worker: Worker) -> None:
        """End the one session that the person has."""
        (session,) = self.read(f"{self.url}/users/{worker.user_id}/sessions")  # type: ignore[misc]
        self.send("DELETE", f"sessions/{session['id']}")  # type: ignore[index]


WAYS: dict[str, Callable[[Administrator, Worker], None]] = {
    "disabled": Administrator.disable,
    "frozen": Administrator.disable,
    "grouped": Administrator.take_out_of_group,
    "reset": Administrator.reset_password,
    "ended": Administrator.end_session,
}


@pytest.fixture(scope="module")
def administrator(installation: Installation) -> Iterator[Administrator]:
    """The administrator; whom they hired is removed."""
    made = Administrator(installation)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def colleague(administrator: Administrator) -> Iterator[Worker]:
    """Somebody who stays until the last test."""
    worker = administrator.hire("staying")
    worker.staff.run("kept = 'still here'")
    yield worker
    worker.staff.session.close()


@pytest.fixture(scope="module")
def carried_off(administrator: Administrator) -> Iterator[tuple[CarriedOff, float]]:
    """A reader with the token of somebody who has been disabled since, and when that was."""
    worker, settings = administrator.hire("carrier"), administrator.installation.settings
    token = worker.ask_tokens("kafka").json()["token"]
    reader = CarriedOff(settings.kafka_bootstrap, f"{TENANT}.footfall_live", token)
    wait_until(lambda: reader.last, 30)
    administrator.disable(worker)
    yield reader, time.monotonic()
    reader.is_wanted = False
    reader.join(10)
    reader.consumer.close()


@pytest.mark.usefixtures("carried_off")  # so that its time goes by meanwhile
def test_whoever_may_not_stay_has_nothing_left_within_a_minute(
    administrator: Administrator, colleague: Worker
) -> None:
    with ThreadPoolExecutor(2) as pool:
        workers = dict(
            zip(WAYS, pool.map(lambda way: administrator.hire(f"leaver-{way}"), WAYS), strict=True)
        )
    workers["frozen"].staff.run(FREEZE)
    publisher = f"{administrator.installation.settings.publisher_url}/"
    page = workers["ended"].staff.session.get(publisher, timeout=30)
    assert workers["ended"].name in page.text, page.url
    for worker in workers.values():
        worker.take_data()
    began = time.monotonic()
    for name, way in WAYS.items():
        way(administrator, workers[name])
    while late := [name for name, worker in workers.items() if not worker.is_out()]:
        assert time.monotonic() - began < LIMIT_SECONDS, late
        time.sleep(0.2)
    for name, worker in workers.items():
        assert worker.ask_warehouse().status_code == 401, name
        model = worker.read_model()
        assert (model["groups"], model.get("servers")) == ([], {}), name
        home = worker.staff.session.get(f"{worker.staff.hub_url}hub/home", timeout=30)
        assert not home.url.endswith("/hub/home"), name  # but Keycloak's form, or the page that says why not
    page = workers["ended"].staff.session.get(publisher, timeout=30)
    assert "kc-form-login" in page.text
    assert colleague.ask_kernel() == "still here\n"


def test_logging_out_in_one_tenant_ends_the_session_and_all_that_it_gave_in_another_at_once(
    installation: Installation, administrator: Administrator
) -> None:
    worker = administrator.hire("logging-out", f"/tenants/{OTHER}/analyst")
    worker.take_data()
    session, hub_url = worker.staff.session, worker.staff.hub_url
    home = session.get(f"{hub_url}hub/login?tenant={OTHER}&next=%2Fhub%2Fhome", timeout=30)
    assert f"{worker.name}@{OTHER}" in home.text
    page = session.get(f"{hub_url}hub/logout", timeout=30)
    assert page.url == f"{hub_url}hub/logged-out"
    wait_until(lambda: worker.ask_warehouse().status_code == 401, 10)
    assert "revoked" in worker.ask_warehouse().text
    wait_until(worker.is_out, 30)


def test_keycloaks_absence_throws_nobody_out(installation: Installation, colleague: Worker) -> None:
    keycloak = psutil.Process(read_part(installation, "keycloak")["pid"])
    family = [keycloak, *keycloak.children(recursive=True)]
    log = Path(installation.settings.state / "logs" / "hub.log")
    size = log.stat().st_size
    for process in family:
        process.send_signal(signal.SIGSTOP)
    try:
        sentence = f"Keycloak does not answer about {colleague.staff.hub_user}"
        wait_until(lambda: sentence in log.read_bytes()[size:].decode("utf-8", "replace"), 40)
        assert colleague.ask_hub() == 200
    finally:
        for process in family:
            process.send_signal(signal.SIGCONT)
    assert colleague.ask_kernel() == "still here\n"


def test_what_happened_while_the_hub_was_away_counts_once_it_is_back(
    installation: Installation, administrator: Administrator, colleague: Worker
) -> None:
    colleague.take_data()
    kill_part(installation, "hub")
    administrator.end_session(colleague)
    wait_until(lambda: has_hub(installation), 60)
    wait_until(colleague.is_out, 60)


def test_a_kafka_token_that_was_carried_off_reads_for_less_than_a_minute(
    installation: Installation, carried_off: tuple[CarriedOff, float]
) -> None:
    reader, began = carried_off
    wait_until(reader.is_cut, LIMIT_SECONDS + SILENCE_SECONDS)
    assert reader.last - began < LIMIT_SECONDS
    # The sensors went on.
    assert read_topic_since(installation, f"{TENANT}.footfall_live", time.time() - SILENCE_SECONDS)


def has_hub(installation: Installation) -> bool:
    """Return whether the hub answers."""
    with suppress(requests.RequestException):
        return requests.get(f"{installation.settings.hub_url}hub/api", timeout=5).ok
    return False
