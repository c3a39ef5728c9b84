"""Ending what runs by its id, and how far it is meanwhile: for whoever runs it, and nobody else."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from tests.extensions.conftest import wait_until
from tests.extensions.warehouse.conftest import Warehouse
from tests.extensions.warehouse.test_failures import count_running

LONG = "SELECT sum(sipHash64(number)) FROM numbers(4000000000) SETTINGS max_threads = 1"


@contextmanager
def running(warehouse: Warehouse, query_id: str, text: str = LONG) -> Iterator[list[requests.Response]]:
    """Run something long; the list holds its answer after the block."""
    answers: list[requests.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(warehouse.post("alba", text, query_id=query_id)), daemon=True
    )
    asking.start()
    wait_until(lambda: get_progress(warehouse, query_id).ok, 10, "the query runs")
    yield answers
    asking.join(20)


def get_progress(warehouse: Warehouse, query_id: str, tenant: str = "alba", **person: str) -> Any:
    headers = {"Authorization": f"Bearer {warehouse.token(tenant, **person)}"}
    return requests.get(f"{warehouse.url}/queries/{query_id}", headers=headers, timeout=20)


def test_a_query_is_ended_by_its_id(warehouse: Warehouse) -> None:
    query_id = uuid.uuid4().hex
    kill = f"KILL QUERY WHERE query_id = '{query_id}'"
    with running(warehouse, query_id) as answers:
        for tenant, access in (("bern", "analyst"), ("alba", "steward")):
            assert warehouse.post(tenant, kill, access).text == ""
        assert get_progress(warehouse, query_id).ok
        assert warehouse.post("alba", kill).text == f"finished\t{query_id}\tanna@alba\n"
    assert answers[0].headers["X-ClickHouse-Exception-Code"] == "394"
    assert "cancelled" in answers[0].text
    wait_until(lambda: count_running(warehouse) == 0, 5, "the engine ended it")


def test_kill_takes_a_parameter_and_no_other_condition(warehouse: Warehouse) -> None:
    asked = {"param_id": "absent", "default_format": "JSONEachRow"}
    assert warehouse.post("alba", "KILL QUERY WHERE query_id = {id:String} SYNC", **asked).text == ""
    for condition in ("1", "user = 'x'", "query_id != ''", "query_id = '' OR 1"):
        answer = warehouse.post("alba", f"KILL QUERY WHERE {condition}")
        assert answer.headers["X-ClickHouse-Exception-Code"] == "344", condition


def test_an_id_runs_once(warehouse: Warehouse) -> None:
    query_id = uuid.uuid4().hex
    with running(warehouse, query_id):
        again = warehouse.post("alba", "SELECT 1", query_id=query_id)
        assert again.headers["X-ClickHouse-Exception-Code"] == "216"
        assert warehouse.post("bern", "SELECT 1", query_id=query_id).text == "1\n"
        warehouse.post("alba", f"KILL QUERY WHERE query_id = '{query_id}'")


def test_progress_is_told_to_whoever_runs_the_query(warehouse: Warehouse) -> None:
    query_id = uuid.uuid4().hex
    with running(warehouse, query_id):
        wait_until(lambda: get_progress(warehouse, query_id).json()["read_rows"] > 0, 10, "it advances")
        assert get_progress(warehouse, query_id).json()["total_rows_to_read"] == 4_000_000_000
        for tenant, person in (("bern", "anna"), ("alba", "bert")):
            assert get_progress(warehouse, query_id, tenant, person=person).status_code == 404
        warehouse.post("alba", f"KILL QUERY WHERE query_id = '{query_id}'")
    assert get_progress(warehouse, query_id).status_code == 404


def read_raw(warehouse: Warehouse, query: str, arguments: str) -> tuple[str, str]:
    """Return head and body of an answer as they come over the wire."""
    head = f"POST /?send_progress_in_http_headers=1{arguments} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += f"Authorization: Bearer {warehouse.token('alba')}\r\nContent-Length: {len(query)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", warehouse.gateway.port), 20) as plug:
        plug.sendall(head.encode() + query.encode())
        answer = b"".join(iter(lambda: plug.recv(65536), b"")).decode()
    # Tornado writes the names of headers in a way of its own.
    return answer.partition("\r\n\r\n")[0].replace("Clickhouse", "ClickHouse"), answer.partition("\r\n\r\n")[
        2
    ]


def test_progress_comes_as_headers_before_the_answer(warehouse: Warehouse) -> None:
    query = (
        "SELECT count() FROM numbers(30000000) WHERE NOT ignore(sipHash64(number)) SETTINGS max_threads = 1"
    )
    head, body = read_raw(warehouse, query, "&http_headers_progress_interval_ms=20")
    lines = head.split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    assert lines[1].startswith('X-ClickHouse-Progress: {"read_rows": "')
    assert sum(line.startswith("HTTP/") for line in lines) == 1
    assert any(line.startswith("X-ClickHouse-Summary: ") for line in lines)
    assert body.strip() == "30000000"


def test_an_error_after_progress_is_known_by_its_header(warehouse: Warehouse) -> None:
    query = (
        "SELECT throwIf(sum(sipHash64(number)) > 0, 'late') FROM numbers(30000000) SETTINGS max_threads = 1"
    )
    head, body = read_raw(warehouse, query, "&http_headers_progress_interval_ms=20")
    assert head.startswith("HTTP/1.1 200 OK\r\nX-ClickHouse-Progress: ")
    assert "X-ClickHouse-Exception-Code: 395" in head
    assert "Code: 395. DB::Exception: late" in body


def test_a_summary_counts_what_was_read_and_not_what_came_out(warehouse: Warehouse) -> None:
    answer = warehouse.post("alba", "SELECT sum(number) FROM numbers(100000)", default_format="Native")
    assert '"read_rows": "100000"' in answer.headers["X-ClickHouse-Summary"]
    assert '"result_rows": "1"' in answer.headers["X-ClickHouse-Summary"]
