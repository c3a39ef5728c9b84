"""Limits of a tenant and its people: each is told with its name, its value, what to do and who can change it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import psutil
import pytest
import requests

from tests.extensions.conftest import wait_until
from tests.extensions.warehouse.conftest import INGEST, OPERATOR, Warehouse, make_town, make_warehouse
from urbanlab.contract.records import WarehouseLimits, write_tenant
from urbanlab_services.warehouse.engine.shares import FIRST, NICEST, can_take_back, choose_niceness
from urbanlab_services.warehouse.limits import explain_limit

TIGHT = WarehouseLimits(
    read_rows=1_000_000,
    read_mb=4,
    result_rows=50_000,
    result_mb=1,
    memory_mb=200,
    seconds=1,
    queries=3,
    queries_each=2,
    wait_seconds=0,
    data_mb=1,
    lab_mb=1,
)
LONG = "SELECT sum(cityHash64(number)) FROM numbers(4900000000)"
RANDOM = "SELECT cityHash64(number) AS a FROM numbers({rows})"
FILL = "CREATE TABLE {table} ENGINE = MergeTree ORDER BY a AS " + RANDOM


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse in which one town has next to nothing, and another what is usual."""
    folder = tmp_path_factory.mktemp("tight")
    running = make_warehouse(folder, make_town("alba", warehouse=TIGHT), make_town("bern"))
    yield running
    running.stop()


def get_number(answer: requests.Response) -> str:
    return answer.headers.get("X-ClickHouse-Exception-Code", "0")


@pytest.mark.parametrize(
    ("query", "number", "limit", "key", "advice"),
    [
        (
            "SELECT sum(number) FROM numbers(2000000)",
            "158",
            "max_rows_to_read = 1.00 million",
            "read_rows",
            "WHERE",
        ),
        (
            "SELECT number FROM numbers(60000)",
            "396",
            "max_result_rows = 50.00 thousand",
            "result_rows",
            "LIMIT",
        ),
        (
            "SELECT repeat('x', 900 + number % 9) FROM numbers(9000)",
            "396",
            "max_result_bytes = 976.56 KiB",
            "result_mb",
            "LIMIT",
        ),
        (
            "SELECT groupArray(n * 3) FROM (SELECT arrayJoin(range(90000000)) AS n)",
            "241",
            "max_memory_usage = 190.73 MiB",
            "memory_mb",
            "smaller table",
        ),
        (
            "SELECT sum(cityHash64(a.number, b.number)) FROM numbers(100000) AS a, numbers(100000) AS b",
            "159",
            "max_execution_time = 1000",
            "seconds",
            "WHERE",
        ),
        (
            "SELECT sum(number) FROM numbers(900000)",
            "307",
            "max_bytes_to_read = 3.81 MiB",
            "read_mb",
            "WHERE",
        ),
    ],
)
def test_a_limit_is_told_with_its_value_what_to_do_and_who_can_change_it(
    tight: Warehouse, query: str, number: str, limit: str, key: str, advice: str
) -> None:
    answer = tight.post("alba", query)
    assert get_number(answer) == number, answer.text
    assert limit in answer.text
    assert f"the operator can change it (warehouse.{key} in the tenant's file)" in answer.text
    assert advice in answer.text


@pytest.mark.parametrize(
    "form", ["{query} SETTINGS {name} = {value}", "SELECT * FROM ({query} SETTINGS {name} = {value})"]
)
@pytest.mark.parametrize("value", ["1000001", "0", "DEFAULT"])
def test_no_statement_raises_its_own_limits(tight: Warehouse, form: str, value: str) -> None:
    query = "SELECT sum(number) FROM numbers(2000000)"
    asked = form.format(query=query, name="max_rows_to_read", value=value)
    assert get_number(tight.post("alba", asked)) in ("452", "344", "62", "158")
    assert get_number(tight.post("alba", query, max_rows_to_read=value)) in ("452", "72", "27", "36", "158")
    # Less is fine, and the other town is none of its business.
    assert get_number(tight.post("alba", "SELECT 1", max_rows_to_read="10")) == "0"
    assert tight.post("bern", query).text == "1999999000000\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Code: 241. (total) memory limit exceeded: would use 7 GiB, maximum: 6 GiB.",
            "because of what others run",
        ),
        (
            "Code: 396. Limit for temporary files size exceeded (would be 5 MiB / 1 MiB)",
            "disk that a statement may",
        ),
        ("Code: 160. Estimated query execution time (500 seconds) is too long. Maximum: 300.", "seconds"),
    ],
)
def test_limits_that_are_hard_to_reach_are_told_as_well(text: str, words: str) -> None:
    assert words in str(explain_limit(int(text[6:9]), text))


def test_a_sentence_of_our_own_under_the_engine_s_number_stays_as_it_is() -> None:
    assert explain_limit(241, "The temporary tables of a session hold 256 MiB at most") is None
    assert explain_limit(243, "Cannot reserve 1.00 MiB, not enough space") is None
    assert explain_limit(60, "max rows: 5 exceeded") is None


def test_a_database_that_is_full_takes_nothing_until_something_is_dropped(tight: Warehouse) -> None:
    assert get_number(tight.post("alba", FILL.format(table="lab_alba.big", rows=400_000))) == "0"
    for statement in (
        "INSERT INTO lab_alba.big SELECT 1",
        "INSERT INTO lab_alba.big VALUES (1)",
        "CREATE TABLE lab_alba.more (a UInt8) ENGINE = MergeTree ORDER BY a",
    ):
        answer = tight.post("alba", statement)
        assert (get_number(answer), answer.status_code) == ("243", 400), statement
        assert "lab_alba holds 3.2 of 1 MB" in answer.text
        assert "warehouse.lab_mb" in answer.text
        assert "DROP TABLE" in answer.text
    # The town's own database and the workshop have limits of their own.
    assert get_number(tight.post("alba", FILL.format(table="alba.own", rows=10), "steward")) == "0"
    assert tight.post("alba", "SELECT count() FROM lab_alba.big").text == "400000\n"
    assert get_number(tight.post("alba", "DROP TABLE lab_alba.big")) == "0"
    assert (
        get_number(tight.post("alba", "CREATE TABLE lab_alba.more (a UInt8) ENGINE = MergeTree ORDER BY a"))
        == "0"
    )


def test_what_grows_beyond_the_limit_while_it_runs_is_ended(tight: Warehouse) -> None:
    slow = make_town("alba", warehouse=WarehouseLimits(lab_mb=1))
    write_tenant(tight.records, slow)
    tight.apply()
    created = tight.post("alba", FILL.format(table="lab_alba.endless", rows=2_000_000_000))
    assert get_number(created) == "243", created.text
    assert "of 1 MB" in created.text
    # A table that is made by a query goes with it.
    assert tight.post("alba", "EXISTS TABLE lab_alba.endless").text == "0\n"

    def rows() -> Iterator[bytes]:
        for _ in range(200):
            yield os.urandom(800_000)

    tight.post("alba", "CREATE TABLE lab_alba.rows (a UInt64) ENGINE = MergeTree ORDER BY a")
    streamed = tight.post("alba", rows(), query="INSERT INTO lab_alba.rows FORMAT RowBinary")
    assert get_number(streamed) == "243", streamed.text
    assert "what was written stays" in streamed.text
    tight.post("alba", "DROP TABLE lab_alba.rows")
    write_tenant(tight.records, make_town("alba", warehouse=TIGHT))
    tight.apply()


def test_what_feeds_bring_in_stops_for_no_limit(tight: Warehouse) -> None:
    tight.post("alba", FILL.format(table="alba.heavy", rows=400_000), "steward")
    assert get_number(tight.post("alba", "INSERT INTO alba.heavy SELECT 1", "steward")) == "243"
    row = b"a,2026-01-01 00:00:00,5\n"
    answer = requests.post(
        tight.url,
        params={"query": "INSERT INTO alba.footfall FORMAT CSV"},
        data=row,
        auth=("ingest", INGEST),
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    tight.post("alba", "DROP TABLE alba.heavy", "steward")


def test_only_so_many_statements_of_a_person_run_at_once(tight: Warehouse) -> None:
    tight.post("alba", "CREATE OR REPLACE TABLE lab_alba.slow (a Int64) ENGINE = MergeTree ORDER BY a")
    go_on = threading.Event()

    def rows() -> Iterator[bytes]:
        yield b"1\n"
        go_on.wait(20)

    def upload() -> None:
        tight.post("alba", rows(), query="INSERT INTO lab_alba.slow FORMAT CSV")

    threads = [threading.Thread(target=upload) for _ in range(TIGHT.queries_each)]
    for thread in threads:
        thread.start()
    wait_until(lambda: "urbanlab_warehouse_running 2.0" in tight.gateway.get("/metrics")[1], 10, "both run")
    answer = tight.post("alba", "SELECT 1")
    killing = tight.post("alba", "KILL QUERY WHERE query_id = 'absent'")
    others = [
        tight.post("bern", "SELECT 1"),
        requests.post(
            tight.url, data=b"SELECT 1", auth=("token", tight.token("alba", person="ben")), timeout=20
        ),
    ]
    go_on.set()
    for thread in threads:
        thread.join()
    assert (answer.status_code, get_number(answer)) == (429, "202")
    assert "run at once was reached (2 for each person" in answer.text
    assert (killing.status_code, killing.text) == (200, "")
    assert [other.text for other in others] == ["1\n", "1\n"]
    assert tight.post("alba", "SELECT sum(a) FROM lab_alba.slow").text == "2\n"
    tight.post("alba", "DROP TABLE lab_alba.slow")


def test_a_statement_that_has_not_come_in_holds_no_place(tight: Warehouse) -> None:
    head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tight.token('alba')}\r\n"
    with ExitStack() as plugs:
        for _ in range(TIGHT.queries_each):
            plug = plugs.enter_context(socket.create_connection(("127.0.0.1", tight.gateway.port)))
            plug.sendall(f"{head}Content-Length: 99\r\n\r\nSELECT".encode())
        assert [tight.post("alba", "SELECT 1").text for _ in range(3)] == ["1\n"] * 3


def test_a_burst_waits_instead_of_failing(tight: Warehouse) -> None:
    answers: list[requests.Response] = []
    burst = [
        threading.Thread(
            target=lambda: answers.append(tight.post("bern", "SELECT count() FROM numbers(3000000)"))
        )
        for _ in range(30)
    ]
    for thread in burst:
        thread.start()
    for thread in burst:
        thread.join()
    assert [answer.text for answer in answers] == ["3000000\n"] * 30


def test_the_operator_sees_what_runs_and_waits(tight: Warehouse) -> None:
    def load() -> dict[str, dict[str, int]]:
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        answer = requests.get(f"{tight.url}/operator/load", headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["tenants"])

    running = [
        threading.Thread(
            target=tight.post, args=("bern", LONG), kwargs={"max_execution_time": 2}, daemon=True
        )
        for _ in range(8)
    ]
    for thread in running:
        thread.start()
    wait_until(
        lambda: (load()["bern"]["running"], load()["bern"]["waiting"]) == (6, 2), 10, "six run, two wait"
    )
    now = load()
    assert (now["bern"]["limit"], now["alba"]["running"], now["alba"]["limit"]) == (8, 0, 3)
    assert set(now["alba"]) == {
        "running",
        "waiting",
        "limit",
        "data_mb",
        "data_limit_mb",
        "lab_mb",
        "lab_limit_mb",
    }
    headers = {"Authorization": f"Bearer {tight.token('alba')}"}
    assert requests.get(f"{tight.url}/operator/load", headers=headers, timeout=10).status_code == 403
    if can_take_back():
        assert tight.engine is not None
        threads = psutil.Process(tight.engine.pid).threads

        def is_nice() -> bool:
            return any(psutil.Process(thread.id).nice() >= FIRST for thread in threads())

        wait_until(is_nice, 10, "what runs long has stepped back")
    for thread in running:
        thread.join(30)


@pytest.mark.parametrize(
    ("long", "niceness"),
    [
        ({"a": "alba"}, {"a": FIRST}),
        ({"a": "alba", "b": "bern"}, {"a": FIRST, "b": FIRST}),
        (
            {**{str(n): "alba" for n in range(8)}, "b": "bern"},
            {**{str(n): FIRST + 9 for n in range(8)}, "b": FIRST},
        ),
        ({str(n): "alba" for n in range(40)}, {str(n): NICEST for n in range(40)}),
        ({}, {}),
    ],
)
def test_a_tenant_with_many_long_statements_gets_as_much_as_one_with_a_single(
    long: dict[str, str], niceness: dict[str, int]
) -> None:
    assert choose_niceness(long) == niceness
