"""What `urbanlab apply` asks for, the catalogue, and that tenants see nothing of each other."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
import requests

from tests.extensions.conftest import make_feed, wait_until
from tests.extensions.warehouse.conftest import INGEST, OPERATOR, Warehouse, make_town
from tests.extensions.warehouse.test_failures import count_running
from urbanlab.contract.records import Column, Sensor, write_tenant
from urbanlab.contract.secrets import Secret
from urbanlab_services.ingest.mapping import Mapping
from urbanlab_services.ingest.warehouse import Warehouse as IngestWarehouse


def list_catalog(warehouse: Warehouse, tenant: str, access: str = "analyst") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {warehouse.token(tenant, access)}"}
    answer = requests.get(f"{warehouse.url}/catalog", headers=headers, timeout=20)
    assert answer.status_code == 200, answer.text
    return {entry["table"]: entry for entry in answer.json()["datasets"]}


def test_applying_twice_changes_nothing(warehouse: Warehouse) -> None:
    assert warehouse.apply() == []
    assert warehouse.apply(dry_run=1) == []


def test_only_the_operator_applies(warehouse: Warehouse) -> None:
    url = f"{warehouse.url}/operator/apply"
    assert requests.post(url, timeout=20).status_code == 401
    headers = {"Authorization": f"Bearer {warehouse.token('alba', 'steward')}"}
    assert requests.post(url, headers=headers, timeout=20).status_code == 403
    assert requests.post(url, auth=("operator", "wrong"), timeout=20).status_code == 401


def test_a_tenant_comes_in_while_a_query_of_another_runs(own_warehouse: Warehouse) -> None:
    answers: list[requests.Response] = []
    query = "SELECT sum(cityHash64(number)) > 0 FROM numbers(400000000) SETTINGS max_threads = 1"
    asking = threading.Thread(target=lambda: answers.append(own_warehouse.post("alba", query)), daemon=True)
    asking.start()
    wait_until(lambda: count_running(own_warehouse), 10, "the query runs")
    write_tenant(own_warehouse.records, make_town("dorf"))
    promised = own_warehouse.apply(dry_run=1)
    assert "create the database lab_dorf" in promised
    assert own_warehouse.apply()[:3] == promised[:3]
    asking.join(60)
    assert answers[0].text == "1\n"
    assert own_warehouse.post("dorf", "SELECT count() FROM sensors").text == "2\n"
    assert own_warehouse.apply() == []


def test_records_that_change_are_followed_and_rows_stay(own_warehouse: Warehouse) -> None:
    own_warehouse.post("alba", "INSERT INTO alba.footfall VALUES ('a', '2026-01-01 00:00:00', 5)", "steward")
    tenant = make_town("alba")
    feed, live = tenant.feeds
    wider = replace(feed, columns=(*feed.columns, Column("rain", "number", {"de": "Regen"})), keep_days=9000)
    new = make_feed("air", ("ozone", "number"))
    sensors = (Sensor("new", "Neu \\ '", "footfall", 1.5, 2.5),)
    write_tenant(
        own_warehouse.records,
        replace(tenant, feeds=(wider, replace(live, keep_days=0), new), sensors=sensors),
    )
    assert own_warehouse.apply() == [
        "add the column rain to alba.footfall",
        "keep the rows of alba.footfall for 9000 days",
        "keep the rows of alba.live for ever",
        "create the table alba.air",
        "list 1 sensors in alba.sensors",
        "renew the roles of the warehouse",
    ]
    assert own_warehouse.apply() == []
    assert own_warehouse.post("alba", "SELECT persons, rain FROM footfall").text == "5\t0\n"
    assert own_warehouse.post("alba", "SELECT name FROM sensors FORMAT TSVRaw").text == "Neu \\ '\n"


def test_the_catalogue_describes_what_one_may_read(warehouse: Warehouse) -> None:
    warehouse.post("alba", "CREATE OR REPLACE TABLE lab_alba.mine (a Int64) ENGINE = MergeTree ORDER BY a")
    entries = list_catalog(warehouse, "alba")
    assert set(entries) >= {"alba.footfall", "alba.live", "alba.sensors", "lab_alba.mine"}
    footfall = entries["alba.footfall"]
    assert (footfall["kind"], footfall["owner"], footfall["time"]) == ("own", "alba", "observed_at")
    assert (footfall["licence"], footfall["simulated"]) == ("dl-de/zero-2.0", True)
    column = {"name": "persons", "type": "Int64", "unit": "", "title": {"de": "persons"}, "description": {}}
    assert footfall["columns"][2] == column
    assert entries["alba.sensors"]["rows"] == 2
    assert set(entries["alba.sensors"]["title"]) == {"de", "en"}
    assert entries["lab_alba.mine"]["kind"] == "lab"
    warehouse.post("alba", "DROP TABLE lab_alba.mine")


def test_the_catalogue_differs_by_identity(warehouse: Warehouse) -> None:
    warehouse.post("alba", "CREATE OR REPLACE TABLE lab_alba.secret (a Int64) ENGINE = MergeTree ORDER BY a")
    assert not any("alba" in table for table in list_catalog(warehouse, "bern"))
    assert list_catalog(warehouse, "alba", "publications") == {}
    assert "lab_alba.secret" in list_catalog(warehouse, "alba", "steward")
    shown = list_catalog(warehouse, "alba", "reports")
    assert {table for table in shown if not table.startswith("open_data.")} == {"alba.footfall"}
    operator = requests.get(f"{warehouse.url}/catalog", auth=("operator", OPERATOR), timeout=20).json()
    assert {"alba", "bern", "celle"} <= {entry["owner"] for entry in operator["datasets"]}
    assert requests.get(f"{warehouse.url}/catalog", timeout=20).status_code == 401


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM bern.footfall",
        "SELECT * FROM bern.absent",
        "SELECT * FROM absent.footfall",
        "EXPLAIN SELECT * FROM bern.footfall",
        "EXPLAIN ESTIMATE SELECT * FROM bern.footfall",
        "DESCRIBE TABLE bern.footfall",
        "DESCRIBE TABLE (SELECT * FROM bern.footfall)",
        "EXISTS TABLE bern.footfall",
        "SHOW TABLES FROM bern",
        "SELECT 1 IN bern.footfall",
        "SELECT * FROM system.parts",
        "SELECT name, value, readonly FROM system.settings, bern.footfall LIMIT 10000",
        "INSERT INTO bern.footfall VALUES ('a', 1, 1)",
        "DROP TABLE bern.footfall",
        "CREATE TABLE lab_alba.copy AS bern.footfall",
        "CREATE VIEW lab_alba.view AS SELECT * FROM bern.footfall",
    ],
)
def test_another_tenants_table_and_an_absent_one_are_the_same(warehouse: Warehouse, statement: str) -> None:
    answer = warehouse.post("alba", statement)
    assert answer.status_code == 404, answer.text
    assert answer.headers["X-ClickHouse-Exception-Code"] == "60"
    assert "none of yours" in answer.text
    assert "persons" not in answer.text


@pytest.mark.parametrize(
    "statement", ["SHOW DATABASES", "SHOW TABLES", "SHOW CREATE TABLE bern.footfall", "SHOW PROCESSLIST"]
)
def test_no_list_shows_another_tenant(warehouse: Warehouse, statement: str) -> None:
    text = warehouse.post("alba", statement).text
    assert "celle" not in text
    assert "persons" not in text
    assert "system" not in text


def test_the_operator_reads_everything_and_changes_nothing(warehouse: Warehouse) -> None:
    assert warehouse.ask("SELECT count() FROM celle.sensors") == "2\n"
    for statement in (
        "DROP TABLE celle.sensors",
        "SELECT * FROM system.parts",
        "SELECT * FROM system.users",
    ):
        answer = requests.post(
            warehouse.url, data=statement.encode(), auth=("operator", OPERATOR), timeout=20
        )
        assert answer.status_code in (403, 404), answer.text


def test_a_tenant_that_is_gone_reads_nothing(own_warehouse: Warehouse) -> None:
    (own_warehouse.records / "alba.json").unlink()
    wait_until(lambda: own_warehouse.post("alba", "SELECT 1").status_code == 404, 5, "the record is gone")


def test_ingest_writes_and_finds_its_rows(own_warehouse: Warehouse) -> None:
    tenant = make_town("alba")
    ingest = IngestWarehouse(own_warehouse.url, "ingest", Secret(INGEST))
    rows = [
        {"sensor": "a", "observed_at": f"2026-0{month}-01 00:00:00", "persons": month} for month in (1, 2)
    ]
    feed = tenant.feeds[0]
    assert ingest.is_reachable()
    assert ingest.find_existing("alba", feed, rows) == set()
    ingest.insert("alba", feed, rows)
    assert ingest.find_existing("alba", feed, rows) == {Mapping(feed).to_key(row) for row in rows}
    ingest.close()
    assert own_warehouse.post("alba", "SELECT sum(persons) FROM footfall").text == "3\n"


def test_the_operator_sees_whether_the_history_is_there(warehouse: Warehouse) -> None:
    late = "(SELECT max(observed_at) FROM {0}.footfall) < now() - toIntervalHour(12)"
    parts = [f"SELECT '{tenant}' WHERE {late.format(tenant)}" for tenant in ("celle", "bern")]
    assert sorted(warehouse.ask(" UNION ALL ".join(parts)).split()) == ["bern", "celle"]
