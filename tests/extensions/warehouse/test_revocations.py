"""Credentials that no longer count: refused, cut off in the middle, and forgotten when they are over anyhow."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.extensions.conftest import wait_until
from tests.extensions.warehouse.conftest import HUB, OPERATOR, PUBLISHER, Warehouse
from tests.extensions.warehouse.test_failures import count_running
from urbanlab_services.warehouse.credentials import MAX_LIFETIME, Identity
from urbanlab_services.warehouse.errors import WarehouseError
from urbanlab_services.warehouse.revocations import (
    MAX_AHEAD,
    Revocation,
    Revocations,
    RevokedError,
    parse_revocation,
)
from urbanlab_services.warehouse.running import Running

ENDLESS = "SELECT number, cityHash64(number) FROM numbers(900000000) FORMAT TSV"
LONG = "SELECT sum(cityHash64(toString(number))) FROM numbers(900000000) SETTINGS max_threads = 1"


def make_identity(issued_at: float, subject: str = "anna@alba") -> Identity:
    return Identity(subject, subject.rpartition("@")[2], "analyst", issued_at)


@pytest.mark.parametrize(
    ("issued_at", "subject", "refused"),
    [
        (999, "anna@alba", True),
        (1000, "anna@alba", True),  # in the second in which it was revoked
        (1001, "anna@alba", False),
        (999, "anna@bern", False),  # the same person in another tenant
        (999, "ann@alba", False),
    ],
)
def test_what_was_issued_until_then_is_refused(issued_at: float, subject: str, refused: bool) -> None:
    revocations = Revocations(Running(), lambda: 1000.9)
    revocations.revoke(Revocation("anna@alba", 1000.4))
    if refused:
        with pytest.raises(RevokedError):
            revocations.check(make_identity(issued_at, subject))
    else:
        revocations.check(make_identity(issued_at, subject))


def test_a_service_is_never_revoked() -> None:
    revocations = Revocations(Running(), lambda: 1000)
    revocations.revoke(Revocation("ingest", 1000))
    revocations.check(Identity("ingest", "", "ingest"))


def test_a_later_revocation_counts_and_an_earlier_one_takes_nothing_back() -> None:
    revocations = Revocations(Running(), lambda: 1000)
    for before in (900, 1000, 800):
        revocations.revoke(Revocation("anna@alba", before))
    with pytest.raises(RevokedError):
        revocations.check(make_identity(950))


def test_nobody_is_shut_out_for_long_by_a_moment_that_lies_ahead() -> None:
    revocations = Revocations(Running(), lambda: 1000)
    revocations.revoke(Revocation("anna@alba", 1e300))
    revocations.check(make_identity(1000 + MAX_AHEAD + 1))


def test_revocations_are_forgotten_once_no_credential_can_be_so_old() -> None:
    now = 1000.0
    revocations = Revocations(Running(), lambda: now)
    for number in range(1000):
        revocations.revoke(Revocation(f"person{number}@alba", now))
    assert len(revocations) == 1000
    now += MAX_LIFETIME + 61
    revocations.revoke(Revocation("anna@alba", now))
    assert len(revocations) == 1


async def test_only_the_work_of_that_credential_ends_and_the_rest_of_its_task_goes_on() -> None:
    revocations = Revocations(Running(), lambda: 1000)
    ended: list[str] = []

    async def work(name: str, identity: Identity) -> None:
        try:
            async with revocations.working(identity):
                await asyncio.sleep(60)
        except RevokedError:
            await asyncio.sleep(0)  # can still be waited here
            ended.append(name)

    identities = {"old": make_identity(1), "new": make_identity(2000), "other": make_identity(1, "bert@alba")}
    tasks = {name: asyncio.create_task(work(name, identity)) for name, identity in identities.items()}
    await asyncio.sleep(0)
    assert revocations.revoke(Revocation("anna@alba", 1000)) == 1
    await tasks["old"]
    assert ended == ["old"]
    for name in ("new", "other"):
        tasks[name].cancel()  # a client that hangs up is no revocation
        with pytest.raises(asyncio.CancelledError):
            await tasks[name]


@pytest.mark.parametrize(
    "body",
    [
        *("", "[]", "{}", "null", '{"hub_user": "anna@alba"}', '{"before": 1}'),
        *('{"hub_user": 1, "before": 1}', '{"hub_user": "anna", "before": 1}'),
        *('{"hub_user": "anna@alba", "before": "soon"}', '{"hub_user": "anna@alba", "before": NaN}'),
        *('{"hub_user": "anna@alba", "before": Infinity}', '{"hub_user": "anna@alba", "before": null}'),
    ],
)
def test_what_names_nobody_or_no_moment_is_refused(body: str) -> None:
    with pytest.raises(WarehouseError):
        parse_revocation(body.encode())


# --- at the gateway ---


def revoke(warehouse: Warehouse, hub_user: str, secret: str = HUB, **changes: Any) -> requests.Response:
    body = {"hub_user": hub_user, "before": time.time(), **changes}
    headers = {"Authorization": f"Bearer {secret}"}
    url = f"{warehouse.url}/operator/revocations"
    return requests.post(url, data=json.dumps(body), headers=headers, timeout=20)


def ask(warehouse: Warehouse, token: str, text: Any = "SELECT 1", **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(warehouse.url, data=text, headers=headers, timeout=60, **options)


def test_a_revoked_credential_is_refused_everywhere_and_a_newer_one_counts(warehouse: Warehouse) -> None:
    old, neighbour = warehouse.token("alba", person="rita"), warehouse.token("alba", person="rudi")
    assert revoke(warehouse, "rita@alba").json() == {"cancelled": 0}
    answer = ask(warehouse, old)
    assert (answer.status_code, "revoked" in answer.text) == (401, True)
    headers = {"Authorization": f"Bearer {old}"}
    assert requests.get(f"{warehouse.url}/catalog", headers=headers, timeout=20).status_code == 401
    assert ask(warehouse, neighbour).text == "1\n"
    time.sleep(1.1)  # credentials say when they were issued in whole seconds
    assert ask(warehouse, warehouse.token("alba", person="rita")).text == "1\n"


def test_only_the_hub_revokes(warehouse: Warehouse) -> None:
    for secret, status in (("", 401), ("x", 401), (OPERATOR, 403), (PUBLISHER, 403)):
        assert revoke(warehouse, "bert@bern", secret).status_code == status
    assert revoke(warehouse, "bert@bern", warehouse.token("bern", "steward", "bert")).status_code == 403
    assert ask(warehouse, warehouse.token("bern", person="bert")).status_code == 200


def test_the_hub_reads_nothing(warehouse: Warehouse) -> None:
    answer = requests.post(warehouse.url, data="SELECT * FROM alba.sensors", auth=("hub", HUB), timeout=20)
    assert answer.status_code in (403, 404)
    assert "Kolbe" not in answer.text


def test_a_huge_body_is_not_taken_in(warehouse: Warehouse) -> None:
    with pytest.raises(requests.RequestException):
        revoke(warehouse, "a" * 10_000_000 + "@alba").raise_for_status()
    assert warehouse.gateway.get("/livez")[0] == 200


def test_a_stream_is_cut_also_where_nobody_takes_it(warehouse: Warehouse) -> None:
    token = warehouse.token("celle", person="cara")
    taken, untaken = (ask(warehouse, token, ENDLESS, stream=True) for _ in range(2))
    rows = taken.iter_content(1 << 16)
    next(rows)
    wait_until(lambda: count_running(warehouse) == 2, 10, "both run")
    assert revoke(warehouse, "cara@celle").json() == {"cancelled": 2}
    with pytest.raises(requests.RequestException):
        for _ in rows:
            pass
    wait_until(lambda: count_running(warehouse) == 0, 10, "nothing runs")
    untaken.close()


def test_a_query_that_has_not_answered_yet_says_why_it_ends(warehouse: Warehouse) -> None:
    token = warehouse.token("celle", person="carl")
    answers: list[requests.Response] = []
    asking = threading.Thread(target=lambda: answers.append(ask(warehouse, token, LONG)), daemon=True)
    asking.start()
    wait_until(lambda: count_running(warehouse) == 1, 10, "it runs")
    revoke(warehouse, "carl@celle")
    asking.join(20)
    assert (answers[0].status_code, "revoked" in answers[0].text) == (401, True)
    wait_until(lambda: count_running(warehouse) == 0, 10, "nothing runs")


def test_an_insert_is_cut_and_stores_nothing_more(warehouse: Warehouse) -> None:
    token = warehouse.token("bern", "steward", "bea")
    insert = "INSERT INTO bern.footfall FORMAT TSV\n"
    revoked = threading.Event()
    sent_after: list[int] = []

    def rows() -> Iterator[bytes]:
        yield insert.encode()
        for number in range(100_000):
            if revoked.is_set():
                sent_after.append(number)
            yield f"revoked\t2026-01-01 00:00:00\t{number}\n".encode() * 1000
            time.sleep(0.005)

    failed: list[Exception] = []

    def send() -> None:
        try:
            ask(warehouse, token, rows()).raise_for_status()
        except requests.RequestException as error:
            failed.append(error)

    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    wait_until(lambda: count_running(warehouse) == 1, 10, "it runs")
    assert revoke(warehouse, "bea@bern").json() == {"cancelled": 1}
    revoked.set()
    sending.join(60)
    assert failed
    count = "SELECT count() FROM bern.footfall WHERE sensor = 'revoked'"
    stored = warehouse.ask(count)
    time.sleep(0.5)
    assert warehouse.ask(count) == stored
