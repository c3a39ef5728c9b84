"""Plain HTTP, as any other client of ClickHouse speaks it."""

from __future__ import annotations

import gzip
import time
from dataclasses import replace

import lz4.frame
import pytest
import requests
import zstandard
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.extensions.warehouse.conftest import INGEST, OPERATOR, Warehouse
from urbanlab.contract.secrets import Secret
from urbanlab_services.tokens.credentials import Holder, make_warehouse_token

HEAVY = "sum(cityHash64(number)) FROM numbers(4000000000)"


def test_a_credential_may_come_in_each_usual_way(warehouse: Warehouse) -> None:
    token = warehouse.token("alba")
    ways = (
        {"headers": {"Authorization": f"Bearer {token}"}},
        {"auth": ("whoever", token)},
        {"headers": {"X-ClickHouse-User": "whoever", "X-ClickHouse-Key": token}},
        {"params": {"user": "whoever", "password": token}},
    )
    for way in ways:
        answer = requests.post(warehouse.url, data=b"SELECT currentDatabase()", timeout=20, **way)
        assert (answer.status_code, answer.text) == (200, "alba\n"), way.keys()


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ({}, "No credential came"),
        ({"Authorization": "Bearer abc"}, "not valid"),
        ({"Authorization": "Basic %%%"}, "damaged"),
        ({"X-ClickHouse-User": "operator", "X-ClickHouse-Key": "wrong"}, "secret of this service is wrong"),
    ],
)
def test_without_a_good_credential_there_is_a_401(
    warehouse: Warehouse, headers: dict[str, str], sentence: str
) -> None:
    answer = requests.post(warehouse.url, data=b"SELECT 1", headers=headers, timeout=20)
    assert answer.status_code == 401
    assert answer.headers["X-ClickHouse-Exception-Code"] == "516"
    assert sentence in answer.text
    assert "abc" not in answer.text


def test_an_expired_and_a_foreign_credential_are_refused(warehouse: Warehouse) -> None:
    holder = Holder("anna@alba", "alba", "analyst")
    expired = make_warehouse_token(replace(holder, confirmed=time.time() - 600), warehouse.signing_key)
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    foreign = make_warehouse_token(holder, Secret(Ed25519PrivateKey.generate().private_bytes(*pem).decode()))
    for token, sentence in ((expired, "has expired"), (foreign, "is not valid")):
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.post(warehouse.url, data=b"SELECT 1", headers=headers, timeout=20)
        assert answer.status_code == 401
        assert sentence in answer.text


def test_a_syntax_error_says_where(warehouse: Warehouse) -> None:
    answer = warehouse.post("alba", "SELECT 1 +\nFROM numbers(1)")
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "62")
    assert "failed at position" in answer.text
    assert "line 2" in answer.text
    assert "formatQuery" not in answer.text


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELECT 1; SELECT 2", "62"),
        ("SET max_threads = 1", "344"),
        ("SYSTEM FLUSH LOGS", "344"),
        ("SELECT 1 FORMAT Template", "344"),
        ("SELECT * FROM nothing", "60"),
        ("", "62"),
    ],
)
def test_what_is_not_available_says_so(warehouse: Warehouse, statement: str, code: str) -> None:
    answer = warehouse.post("alba", statement)
    assert answer.headers["X-ClickHouse-Exception-Code"] == code, answer.text
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


def test_answers_say_format_query_and_figures(warehouse: Warehouse) -> None:
    answer = warehouse.post("alba", "SELECT 1 AS a FORMAT JSONEachRow", query_id="my-query")
    assert answer.json() == {"a": 1}
    assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert answer.headers["X-ClickHouse-Query-Id"] == "my-query"
    assert answer.headers["X-ClickHouse-Timezone"] == "UTC"
    assert '"read_rows": "1"' in answer.headers["X-ClickHouse-Summary"]


def test_a_default_format_holds_where_the_statement_names_none(warehouse: Warehouse) -> None:
    assert warehouse.post("alba", "SELECT 1, 2", default_format="CSV").text == "1,2\n"
    assert warehouse.post("alba", "SELECT 1, 2 FORMAT TSV", default_format="CSV").text == "1\t2\n"
    assert warehouse.post("alba", "SELECT 1", default_format="Template").status_code == 404


@pytest.mark.parametrize("format_", ["Parquet", "JSON", "Pretty", "XML", "ORC", "CSVWithNames", "Arrow"])
def test_documents_arrive_whole(warehouse: Warehouse, format_: str) -> None:
    answer = warehouse.post("alba", f"SELECT number FROM numbers(100) FORMAT {format_}")
    assert answer.status_code == 200, answer.text
    assert len(answer.content) > 200


def test_get_only_reads(warehouse: Warehouse) -> None:
    headers = {"Authorization": f"Bearer {warehouse.token('alba')}"}
    query = {"query": "SELECT 1"}
    assert requests.get(warehouse.url, params=query, headers=headers, timeout=20).text == "1\n"
    change = {"query": "CREATE TABLE lab_alba.got (a Int64) ENGINE = MergeTree ORDER BY a"}
    answer = requests.get(warehouse.url, params=change, headers=headers, timeout=20)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "164")


def test_a_database_may_be_chosen_among_ones_own(warehouse: Warehouse) -> None:
    assert warehouse.post("alba", "SELECT currentDatabase()", database="lab_alba").text == "lab_alba\n"
    for foreign in ("bern", "system", "default", "absent"):
        answer = warehouse.post("alba", "SELECT 1", database=foreign)
        assert answer.status_code == 404, foreign


def test_settings_may_be_sent_as_far_as_they_are_on_the_list(warehouse: Warehouse) -> None:
    assert warehouse.post("alba", "SELECT getSetting('max_threads')", max_threads=2).status_code in (200, 400)
    assert warehouse.post("alba", "SELECT 1", session_id="x", max_threads=2).text == "1\n"
    answer = warehouse.post("alba", "SELECT 1", format_schema="x")
    assert "format_schema cannot be changed" in answer.text


@pytest.mark.parametrize(
    ("coding", "encode"),
    [("gzip", gzip.compress), ("zstd", zstandard.compress), ("lz4", lz4.frame.compress)],
)
def test_a_packed_body_is_unpacked(warehouse: Warehouse, coding: str, encode) -> None:
    headers = {"Authorization": f"Bearer {warehouse.token('alba')}", "Content-Encoding": coding}
    body = encode(b"SELECT 'packed' -- ") + encode(b"in two frames")
    assert requests.post(warehouse.url, data=body, headers=headers, timeout=20).text == "packed\n"
    cut = requests.post(warehouse.url, data=body[:-6], headers=headers, timeout=20)
    assert f"no valid {coding}" in cut.text


def test_rows_may_follow_the_argument_or_the_text(warehouse: Warehouse) -> None:
    warehouse.post(
        "alba", "CREATE OR REPLACE TABLE lab_alba.r (a Int64, b String) ENGINE = MergeTree ORDER BY a"
    )
    into = "INSERT INTO lab_alba.r (a, b)"
    assert warehouse.post("alba", b"1,x\n", query=f"{into} FORMAT CSV").status_code == 200
    assert warehouse.post("alba", f'{into} FORMAT JSONEachRow\n{{"a": 2, "b": "y"}}').status_code == 200
    assert warehouse.post("alba", f"{into} VALUES (3, 'z')").status_code == 200
    assert warehouse.post("alba", b"", query=f"{into} VALUES (4, 'q')").status_code == 200
    assert warehouse.post("alba", f"{into} SELECT 5, 'values' FROM numbers(1)").status_code == 200
    assert warehouse.post("alba", "SELECT groupArray(b) FROM (SELECT b FROM lab_alba.r ORDER BY a)").text == (
        "['x','y','z','q','values']\n"
    )


def test_rows_that_do_not_fit_are_an_error_and_nothing_is_written(warehouse: Warehouse) -> None:
    warehouse.post("alba", "CREATE OR REPLACE TABLE lab_alba.bad (a Int64) ENGINE = MergeTree ORDER BY a")
    answer = warehouse.post("alba", b"1\nno number\n", query="INSERT INTO lab_alba.bad FORMAT CSV")
    assert answer.status_code == 400, answer.text
    assert warehouse.post("alba", "SELECT count() FROM lab_alba.bad").text == "0\n"


@pytest.mark.parametrize(
    ("statement", "arguments", "name"),
    [
        (f"SELECT {HEAVY}", {"max_execution_time": 1, "max_threads": 1}, "max_execution_time"),
        ("SELECT sum(cityHash64(number)) FROM numbers(20000000000)", {}, "max_rows_to_read"),
        ("SELECT number FROM numbers(1000)", {"max_result_rows": 10}, "max_result_rows"),
        ("SELECT groupArray(number) FROM numbers(50000000)", {"max_memory_usage": 10**7}, "max_memory_usage"),
    ],
)
def test_a_limit_that_is_reached_is_named(
    warehouse: Warehouse, statement: str, arguments: dict[str, int], name: str
) -> None:
    answer = warehouse.post("alba", statement, **arguments)
    assert answer.status_code == 400
    assert name in answer.text


def test_health_is_told_to_everybody(warehouse: Warehouse) -> None:
    assert requests.get(f"{warehouse.url}/ping", timeout=5).text == "Ok.\n"
    assert requests.get(f"{warehouse.url}/livez", timeout=5).status_code == 200
    assert requests.get(f"{warehouse.url}/readyz", timeout=5).json() == {"status": "ready"}
    metrics = requests.get(f"{warehouse.url}/metrics", timeout=5).text
    assert "urbanlab_warehouse_statements_total" in metrics
    assert "alba" not in metrics


def test_no_credential_stands_in_the_log(warehouse: Warehouse) -> None:
    token = warehouse.token("alba")
    requests.post(warehouse.url, params={"password": token}, data=b"SELECT 1", timeout=20)
    requests.post(warehouse.url, params={"password": "eyJwrong"}, data=b"SELECT 1", timeout=20)
    log = warehouse.gateway.log.read_text()
    assert "statement" in log
    assert not any(secret in log for secret in (token, "eyJ", OPERATOR, INGEST))
