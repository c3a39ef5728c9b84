"""Tenants come, change and go while others work: nobody's query fails, no live reader misses a message."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from kafka import KafkaProducer

from tests.installation import Installation
from urbanlab.contract.records import read_tenants
from urbanlab_operate.apply import apply
from urbanlab_operate.keycloak_realm import Realm

from .login import StaffSession
from .operator_access import ask_warehouse, find_broker
from .people import People, own_tenant
from .test_apply import FEED, FEEDS

SECONDS = 30.0  # within which a new tenant works

WORK = """
import json, threading, time, urbanlab as ul
problems, levels, answers, slowest = [], [], 0, 0.0
def follow():
    try:
        for message in ul.stream("level", timeout=60):
            levels.append(message.value["level"])
            if levels[-1] < 0:
                return
    except Exception as error:
        problems.append(repr(error))
reader = threading.Thread(target=follow)
reader.start()
while reader.is_alive():
    try:
        began = time.time()
        ul.query("SELECT sum(cityHash64(number)) AS n FROM numbers(30000000)")
        answers, slowest = answers + 1, max(slowest, time.time() - began)
    except Exception as error:
        problems.append(repr(error))
print(json.dumps([levels, answers, slowest, problems]))
"""


class Gauge(threading.Thread):
    """Sends the numbers 0, 1, 2 … to a tenant's topic, and -1 at the end."""

    def __init__(self, installation: Installation, tenant: str) -> None:
        super().__init__()
        self.sent = 0
        self._topic = f"{tenant}.level"
        self._producer = KafkaProducer(**find_broker(installation).options(), acks="all")
        self._stopped = threading.Event()

    def run(self) -> None:
        """Send."""
        while not self._stopped.wait(0.02):
            self._send(self.sent)
            self.sent += 1

    def stop(self) -> None:
        """Send the last one and end."""
        self._stopped.set()
        self.join()
        self._send(-1)
        self._producer.flush(timeout=60)
        self._producer.close()

    def _send(self, level: int) -> None:
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        value = json.dumps({"gauge": "a", "at": at, "level": level})
        self._producer.send(self._topic, value=value.encode())


@pytest.fixture(scope="module")
def worker(installation: Installation) -> Iterator[StaffSession]:
    """Somebody at work in a tenant that nobody else changes."""
    tenant = f"w{secrets.token_hex(5)}"
    people = People(installation)
    with own_tenant(installation, tenant, feeds=FEEDS):
        password = people.make(f"worker-{tenant}", (f"/tenants/{tenant}/analyst",))
        with StaffSession(installation, f"worker-{tenant}", tenant, password) as session:
            session.run("import urbanlab as ul; ul.query('SELECT 1')")
            yield session
    people.remove()


@pytest.mark.timeout(180)
def test_a_new_tenant_works_at_once_and_one_that_goes_disturbs_nobody(
    installation: Installation, people: People, worker: StaffSession
) -> None:
    gauge = Gauge(installation, worker.tenant)
    gauge.start()
    new = f"n{secrets.token_hex(5)}"
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(worker.ask_json, WORK)
        try:
            began = time.monotonic()
            with own_tenant(installation, new, feeds=FEEDS):
                password = people.make("nina", (f"/tenants/{new}/analyst",))
                with StaffSession(installation, "nina", new, password) as nina:
                    result = nina.run("import urbanlab as ul; ul.query('SELECT 6 * 7 AS n')['n'].item()")
                    seconds = time.monotonic() - began
                    assert (result.error, result.text) == ("", "42")
        finally:
            gauge.stop()
        levels, answers, slowest, problems = work.result()
    print(
        f"a new tenant: {seconds:.1f} s; others: {answers} queries, slowest {slowest:.1f} s; {len(levels)} messages"
    )
    assert problems == []
    assert answers > 3
    assert levels == [*range(levels[0], gauge.sent), -1]
    assert len(levels) > 20
    assert seconds < SECONDS


@pytest.fixture
def changing(installation: Installation) -> Iterator[Callable[..., list[str]]]:
    """Return what changes a tenant's file and applies it, in this process."""
    tenant = f"c{secrets.token_hex(5)}"

    def change(**values: Any) -> list[str]:
        path = installation.settings.tenants / f"{tenant}.yaml"
        path.write_text(json.dumps({"title": "Wandel", "feeds": FEEDS, **values}), encoding="utf-8")
        return [
            line.replace(tenant, "TENANT") for line in apply(installation.settings, report=lambda line: None)
        ]

    with own_tenant(installation, tenant, feeds=FEEDS):
        change.tenant = tenant  # type: ignore[attr-defined]
        change()
        yield change


WRITE = "records: write the record of TENANT"


def test_a_tenant_changes_while_everything_runs(
    installation: Installation, changing: Callable[..., list[str]]
) -> None:
    tenant: str = changing.tenant  # type: ignore[attr-defined]

    def read() -> Any:
        return read_tenants(installation.settings.records)[tenant]

    assert changing(title="Neuer Name") == [WRITE]
    assert read().title == "Neuer Name"
    assert changing(quotas={"memory_mb": 1024, "servers": 2}) == [WRITE]
    assert (read().quotas.memory_mb, read().quotas.servers, read().quotas.processes) == (1024, 2, 256)
    assert changing(quotas={}) == [WRITE]
    assert changing(quotas={}) == []

    demanded = "a second factor from /tenants/TENANT/"
    assert changing(second_factor=["admin"]) == [f"keycloak: no longer demand {demanded}gatekeeper", WRITE]
    realm = Realm(installation.settings)
    assert realm.get(f"/group-by-path/tenants/{tenant}/gatekeeper")["realmRoles"] == []
    assert realm.get(f"/group-by-path/tenants/{tenant}/admin")["realmRoles"] == ["otp-required"]
    assert changing() == [f"keycloak: demand {demanded}gatekeeper", WRITE]

    wider = {**FEED["columns"], "flow": {"type": "number", "title": {"de": "Fluss", "en": "Flow"}}}  # type: ignore[dict-item]
    assert changing(feeds={**FEEDS, "level": {**FEED, "columns": wider}}) == [
        WRITE,
        "warehouse: add the column flow to TENANT.level",
    ]
    gone = changing(feeds=dict.fromkeys(set(FEEDS) - {"level"}))
    assert gone == [WRITE, "warehouse: renew the roles of the warehouse"]
    # The feed is retired, its data stays.
    assert ask_warehouse(installation, f"SELECT count() FROM {tenant}.level") == [["0"]]
