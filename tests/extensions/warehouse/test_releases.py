"""Open data: what is released, withdrawn and broken; who sees it; and that nobody gets behind a view."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.extensions.conftest import wait_until
from tests.extensions.warehouse.conftest import INGEST, OPERATOR, PUBLISHER, Warehouse
from tests.extensions.warehouse.test_failures import count_running
from tests.extensions.warehouse.test_operator import list_catalog
from urbanlab_services.warehouse.embedded import EmbeddedEngine
from urbanlab_services.warehouse.errors import WarehouseError
from urbanlab_services.warehouse.wire import Job

VIEW = "open_data.alba__footfall"
COUNT = f"SELECT count() FROM {VIEW}"


def ask(
    warehouse: Warehouse, method: str, path: str, user: str = "publisher", **options: Any
) -> requests.Response:
    secrets = {"publisher": PUBLISHER, "ingest": INGEST, "operator": OPERATOR}
    return requests.request(
        method, f"{warehouse.url}{path}", auth=(user, secrets[user]), timeout=20, **options
    )


def release(
    warehouse: Warehouse, table: str = "alba.footfall", dataset: str = "footfall", **changes: Any
) -> requests.Response:
    body = {
        "table": table,
        "title": {"de": "Fußgänger", "en": "Footfall"},
        "description": {"de": 'Wie\'s ist: \\ "gezählt"', "en": "As it is"},
        "licence": "dl-de/by-2.0",
        "released_by": "gabi@alba",
    }
    return ask(warehouse, "PUT", f"/releases/alba/{dataset}", json={**body, **changes})


def withdraw(warehouse: Warehouse, dataset: str = "footfall") -> None:
    answer = ask(warehouse, "DELETE", f"/releases/alba/{dataset}", json={"withdrawn_by": "gabi@alba"})
    assert answer.status_code == 200, answer.text


def change_as_operator(warehouse: Warehouse, statement: str) -> None:
    asyncio.run(EmbeddedEngine(warehouse.socket).collect(Job("operator", statement, "change")))


def list_releases(warehouse: Warehouse) -> dict[str, Any]:
    answer = ask(warehouse, "GET", "/releases", "ingest")
    assert answer.status_code == 200, answer.text
    return {release["view"]: release for release in answer.json()["releases"]}


@pytest.fixture
def town(warehouse: Warehouse) -> Iterator[Warehouse]:
    """The warehouse with two rows to release; what was released and made is gone afterwards."""
    rows = "VALUES ('a', '2026-01-01 00:00:00', 5), ('b', '2026-01-01 00:00:00', 7)"
    assert warehouse.post("alba", f"INSERT INTO alba.footfall {rows}", "steward").ok
    yield warehouse
    for view in list_releases(warehouse):
        withdraw(warehouse, view.partition("__")[2])
    change_as_operator(warehouse, "TRUNCATE TABLE alba.footfall")


def test_a_dataset_is_open_from_its_release_to_its_withdrawal(town: Warehouse) -> None:
    readers = [("alba", "publications"), ("bern", "publications"), ("bern", "analyst"), ("alba", "steward")]
    for _ in range(2):
        for tenant, access in readers:
            answer = town.post(tenant, COUNT, access)
            assert (answer.status_code, "UNKNOWN_TABLE" in answer.text) == (404, True)
        assert release(town).status_code == release(town).status_code == 200
        for tenant, access in readers:
            assert town.post(tenant, COUNT, access).text == "2\n"
            assert (
                town.post(tenant, f"SELECT sum(persons) FROM {VIEW} WHERE sensor = 'b'", access).text == "7\n"
            )
        withdraw(town)
        withdraw(town)


def test_an_open_dataset_stands_in_everybodys_catalogue_with_the_citys_words(town: Warehouse) -> None:
    release(town)
    for tenant, access in (("alba", "publications"), ("bern", "analyst"), ("alba", "steward")):
        entry = list_catalog(town, tenant, access)[VIEW]
        assert (entry["name"], entry["owner"], entry["kind"]) == ("footfall", "alba", "open")
        assert entry["title"] == {"de": "Fußgänger", "en": "Footfall"}
        assert entry["description"]["de"] == 'Wie\'s ist: \\ "gezählt"'
        assert (entry["licence"], entry["time"], entry["simulated"]) == ("dl-de/by-2.0", "observed_at", True)
        assert [column["name"] for column in entry["columns"]] == ["sensor", "observed_at", "persons"]
        assert entry["columns"][2]["title"] == {"de": "persons"}
        assert entry["released_at"] and entry["broken"] is False
        assert "gabi" not in str(entry)
    withdraw(town)
    assert VIEW not in list_catalog(town, "bern")


def test_the_publisher_and_ingest_see_what_is_released_and_nobody_else(town: Warehouse) -> None:
    made = release(town).json()
    listed = list_releases(town)[VIEW]
    assert listed == made
    assert (listed["tenant"], listed["dataset"], listed["table"]) == ("alba", "footfall", "alba.footfall")
    assert (listed["released_by"], listed["broken"]) == ("gabi@alba", False)
    assert ask(town, "GET", "/releases", "operator").status_code == 403
    for access in ("analyst", "steward", "publications"):
        headers = {"Authorization": f"Bearer {town.token('alba', access)}"}
        for method, path in (
            ("GET", "/releases"),
            ("PUT", "/releases/alba/x"),
            ("DELETE", "/releases/alba/footfall"),
        ):
            answer = requests.request(method, town.url + path, headers=headers, json={}, timeout=20)
            assert answer.status_code == 403, answer.text
    for user in ("ingest", "operator"):
        assert ask(town, "DELETE", "/releases/alba/footfall", user).status_code == 403
    assert ask(town, "POST", "/", data="SELECT 1").text == "1\n"
    assert ask(town, "POST", "/", data="SELECT * FROM alba.footfall").status_code == 404
    assert VIEW in list_releases(town)


def test_a_release_survives_restarts_and_apply(own_warehouse: Warehouse) -> None:
    release(own_warehouse)
    release(own_warehouse, "alba.sensors", "sensors")
    before = list_releases(own_warehouse)
    own_warehouse.kill_engine()
    own_warehouse.start_engine()
    assert list_releases(own_warehouse) == before
    assert own_warehouse.apply() == []
    assert (
        own_warehouse.post("alba", "SELECT count() FROM open_data.alba__sensors", "publications").text
        == "2\n"
    )


def test_a_running_query_is_cut_and_the_next_finds_nothing(town: Warehouse) -> None:
    release(town)
    answers: list[requests.Response] = []
    numbers = "numbers(200000000) AS n"
    slow = f"SELECT sum(cityHash64(number + persons)) > 0 FROM {numbers}, {VIEW} SETTINGS max_threads = 1"
    asking = threading.Thread(target=lambda: answers.append(town.post("bern", slow)), daemon=True)
    asking.start()
    wait_until(lambda: count_running(town), 10, "the query runs")
    withdraw(town)
    assert town.post("bern", COUNT).status_code == 404
    asking.join(60)
    assert answers[0].status_code == 404 and VIEW in answers[0].text
    wait_until(lambda: not count_running(town), 10, "the query has ended")


def test_a_table_and_a_view_of_the_workshop_are_released_as_they_are_now(town: Warehouse) -> None:
    table = "(`kind of` String, n Int64) ENGINE = MergeTree ORDER BY n AS SELECT 'oak', 3"
    view = "SELECT toDate(observed_at) AS day, sum(persons) AS persons FROM footfall GROUP BY day"
    assert town.post("alba", f"CREATE OR REPLACE TABLE lab_alba.trees {table}").ok
    assert town.post("alba", f"CREATE OR REPLACE VIEW lab_alba.daily AS {view}").ok
    assert [column["name"] for column in release(town, "lab_alba.trees", "trees").json()["columns"]] == [
        "kind of",
        "n",
    ]
    assert release(town, "lab_alba.daily", "daily").status_code == 200
    # Whoever writes in the workshop changes nothing of what the gatekeeper released.
    town.post("alba", "CREATE OR REPLACE VIEW lab_alba.daily AS SELECT toDate(now()) AS day, 99 AS persons")
    assert town.post("bern", "SELECT persons FROM open_data.alba__daily", "publications").text == "12\n"
    assert town.post("bern", "SELECT `kind of` FROM open_data.alba__trees", "publications").text == "oak\n"
    assert list_catalog(town, "bern")["open_data.alba__trees"]["columns"][0]["title"] == {}
    withdraw(town, "trees")
    assert town.post("alba", "DROP VIEW lab_alba.daily").ok
    assert town.post("alba", "DROP TABLE lab_alba.trees").ok


def test_a_new_column_is_not_open_before_it_is_released(town: Warehouse) -> None:
    town.post(
        "alba", "CREATE OR REPLACE TABLE lab_alba.t (a Int64) ENGINE = MergeTree ORDER BY a AS SELECT 1"
    )
    release(town, "lab_alba.t", "t")
    assert town.post("alba", "ALTER TABLE lab_alba.t ADD COLUMN secret String DEFAULT 'x'").ok
    assert town.post("bern", "SELECT * FROM open_data.alba__t").text == "1\n"
    assert town.post("bern", "SELECT secret FROM open_data.alba__t").status_code >= 400
    withdraw(town, "t")
    assert town.post("alba", "DROP TABLE lab_alba.t").ok


@pytest.mark.parametrize(
    "change", ["DROP TABLE lab_alba.base", "ALTER TABLE lab_alba.base RENAME COLUMN a TO c"]
)
def test_a_view_whose_table_changed_is_marked_and_the_others_stay(town: Warehouse, change: str) -> None:
    town.post(
        "alba",
        "CREATE OR REPLACE TABLE lab_alba.base (a Int64, b Int64) ENGINE = MergeTree ORDER BY b AS SELECT 1, 2",
    )
    release(town, "lab_alba.base", "base")
    release(town)
    # Nobody of the town can do that; a restored backup may lack the table.
    change_as_operator(town, change)
    catalog = list_catalog(town, "bern")
    assert {table: catalog[table]["broken"] for table in (VIEW, "open_data.alba__base")} == {
        VIEW: False,
        "open_data.alba__base": True,
    }
    assert list_releases(town)["open_data.alba__base"]["broken"] is True
    answer = town.post("bern", "SELECT * FROM open_data.alba__base")
    assert answer.status_code >= 400 and "lab_alba" not in answer.text
    change_as_operator(town, "DROP TABLE IF EXISTS lab_alba.base")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"table": "bern.footfall"}, "own data or its workshop"),
        ({"table": "system.tables"}, "own data or its workshop"),
        ({"table": "shared_with_alba.bern__x"}, "own data or its workshop"),
        ({"table": "alba.absent"}, "no such table"),
        ({"table": "alba.footfall` SQL SECURITY"}, "no such table"),
        ({"dataset": "a`b"}, "cannot name a dataset"),
        ({"dataset": "a__b"}, "cannot name a dataset"),
        ({"title": {}}, "has a title"),
        ({"title": {"deutsch": "x"}}, "for each language"),
        ({"title": "x"}, "for each language"),
        ({"description": {"de": "x" * 4001}}, "at most 4000"),
        ({"licence": 5}, "is a text"),
        ({"rows": ["a"]}, "an object with table"),
    ],
)
def test_what_cannot_be_released_is_refused_in_a_sentence(
    town: Warehouse, changes: dict[str, Any], says: str
) -> None:
    answer = release(town, **changes)
    assert answer.status_code in (400, 404) and says in answer.text
    assert list_releases(town) == {}


def test_a_body_that_is_none_is_refused(town: Warehouse) -> None:
    for data in (b"", b"[]", b"\xff", b"[" * 60_000):
        assert ask(town, "PUT", "/releases/alba/x", data=data).status_code == 400
    assert ask(town, "PUT", "/releases/alba/x", data=b" " * 70_000).status_code == 400
    assert ask(town, "PUT", "/releases/absent/x", json={}).status_code == 400


def test_a_view_on_another_view_cannot_be_released(town: Warehouse) -> None:
    town.post("alba", "CREATE OR REPLACE VIEW lab_alba.inner AS SELECT 1 AS a")
    for name, what in (("outer", "lab_alba.inner"), ("late", "shared_with_alba.bern__x")):
        town.post("alba", f"CREATE OR REPLACE VIEW lab_alba.{name} (a UInt8) AS SELECT a FROM {what}")
        answer = release(town, f"lab_alba.{name}", name)
        assert answer.status_code in (400, 404), answer.text
    assert "no other views" in release(town, "lab_alba.outer", "outer").text
    for name in ("outer", "inner", "late"):
        town.post("alba", f"DROP VIEW IF EXISTS lab_alba.{name}")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM alba.footfall",
        "SELECT * FROM lab_alba.anything",
        "SELECT * FROM bern.footfall",
        "SELECT * FROM shared_with_alba.x",
        "SELECT * FROM open_data.alba__footfall WHERE persons IN alba.footfall",
        "SELECT * FROM merge('alba', 'footfall')",
        "SHOW CREATE VIEW open_data.alba__footfall",
        "SELECT as_select FROM system.tables",
        "EXPLAIN SELECT * FROM alba.footfall",
        "DESCRIBE TABLE alba.footfall",
        "INSERT INTO open_data.alba__footfall VALUES ('a', '2026-01-01 00:00:00', 5)",
        "DROP VIEW open_data.alba__footfall",
        "CREATE TABLE open_data.x (a Int64) ENGINE = MergeTree ORDER BY a",
    ],
)
def test_a_publication_gets_at_nothing_behind_the_view(town: Warehouse, statement: str) -> None:
    release(town)
    answer = town.post("alba", statement, "publications")
    assert answer.status_code >= 400
    assert "2026" not in answer.text
    assert town.post("alba", COUNT, "publications").text == "2\n"


@pytest.mark.parametrize("access", ["analyst", "steward"])
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW lab_alba.v SQL SECURITY DEFINER AS SELECT 1",
        "CREATE VIEW lab_alba.v (n Int64) DEFINER = default SQL SECURITY DEFINER AS SELECT 1 AS n",
        "CREATE VIEW lab_alba.v SQL SECURITY NONE AS SELECT 1",
        "CREATE VIEW open_data.alba__mine AS SELECT 1",
        "CREATE VIEW open_data.alba__mine SQL SECURITY NONE AS SELECT 1",
        "CREATE OR REPLACE VIEW open_data.alba__footfall AS SELECT 1",
        "ALTER TABLE lab_alba.own MODIFY SQL SECURITY NONE",
        "ALTER TABLE open_data.alba__footfall MODIFY COMMENT '{}'",
        "DROP VIEW open_data.alba__footfall",
        "RENAME TABLE open_data.alba__footfall TO lab_alba.x",
    ],
)
def test_nobody_makes_a_view_that_reads_more_than_its_reader(
    town: Warehouse, access: str, statement: str
) -> None:
    release(town)
    answer = town.post("alba", statement, access)
    assert answer.status_code >= 400, answer.text
    assert set(list_releases(town)) == {VIEW}
    assert town.post("alba", COUNT, "publications").text == "2\n"


@pytest.mark.parametrize(
    "security",
    [
        "DEFINER = default SQL SECURITY DEFINER",
        "SQL SECURITY DEFINER",
        "SQL SECURITY NONE",
    ],
)
def test_the_engine_makes_no_such_view_either(town: Warehouse, security: str) -> None:
    statement = f"CREATE VIEW lab_alba.v (n Int64) {security} AS SELECT persons AS n FROM bern.footfall"
    engine = EmbeddedEngine(town.socket)
    for role in ("alba_analyst", "alba_steward"):
        with pytest.raises(WarehouseError, match="none of yours"):
            asyncio.run(engine.collect(Job(role, statement, "change")))
    assert town.post("alba", "EXISTS VIEW lab_alba.v").text == "0\n"
    plain = "CREATE OR REPLACE VIEW lab_alba.plain AS SELECT '\"sql_security\":1' AS a"
    asyncio.run(engine.collect(Job("alba_analyst", plain, "change")))
    town.post("alba", "DROP VIEW lab_alba.plain")


def test_a_name_means_the_own_table_and_else_the_workshops(town: Warehouse) -> None:
    for name in ("footfall", "plots"):
        table = "(a Int8) ENGINE = MergeTree ORDER BY a"
        assert town.post("alba", f"CREATE OR REPLACE TABLE lab_alba.{name} {table}").ok
    paths = ("alba/footfall", "alba/plots", "alba/nonsuch", "bern/plots", "alba/a__b")
    answers = [ask(town, "GET", f"/releases/{path}") for path in paths]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 404, 400]
    assert [answer.json()["table"] for answer in answers[:2]] == ["alba.footfall", "lab_alba.plots"]
    assert ask(town, "GET", "/releases/alba/plots", "ingest").status_code == 403
    town.post("alba", "DROP TABLE lab_alba.footfall")
