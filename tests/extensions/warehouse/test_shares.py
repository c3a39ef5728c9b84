"""Data for one partner: part of it, for a time, until it is withdrawn; and what nobody learns beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.extensions.conftest import wait_until
from tests.extensions.warehouse.conftest import Warehouse, make_town, make_warehouse
from tests.extensions.warehouse.test_failures import count_running
from tests.extensions.warehouse.test_operator import list_catalog
from tests.extensions.warehouse.test_releases import ask, change_as_operator

VIEW = "shared_with_bern.alba__footfall"
COUNT = f"SELECT count() FROM {VIEW}"
HIDDEN = 1234567


def share(
    warehouse: Warehouse, partner: str = "bern", trial: bool = False, **changes: Any
) -> requests.Response:
    body = {
        "table": "alba.footfall",
        "title": {"de": "Fußgänger"},
        "description": {},
        "licence": "dl-de/by-2.0",
        "released_by": "gabi@alba",
        **changes,
    }
    dataset = body.pop("dataset", "footfall")
    path = f"/releases/alba/{dataset}/{partner}"
    return ask(warehouse, "PUT", path, params={"dry_run": "1"} if trial else {}, json=body)


def withdraw(warehouse: Warehouse, dataset: str = "footfall", partner: str = "bern") -> None:
    answer = ask(
        warehouse, "DELETE", f"/releases/alba/{dataset}/{partner}", json={"withdrawn_by": "gabi@alba"}
    )
    assert answer.status_code == 200, answer.text


def list_shares(warehouse: Warehouse, tenant: str = "alba") -> dict[str, Any]:
    answer = ask(warehouse, "GET", "/releases", params={"tenant": tenant})
    return {release["view"]: release for release in answer.json()["releases"]}


def list_uses(warehouse: Warehouse, tenant: str = "alba") -> dict[str, tuple[int, int]]:
    today = datetime.now(UTC).date().isoformat()
    answer = ask(warehouse, "GET", f"/uses/{tenant}", params={"since": today})
    return {use["view"]: (use["queries"], use["rows"]) for use in answer.json()["uses"]}


@pytest.fixture(scope="module")
def towns(warehouse: Warehouse) -> Iterator[Warehouse]:
    """The warehouse with three rows of alba's, one of which is not for everybody."""
    counts = {"a": 5, "b": 7, "c": HIDDEN}
    rows = ", ".join(f"('{name}', '2026-01-01 00:00:00', {count})" for name, count in counts.items())
    assert warehouse.post("alba", f"INSERT INTO alba.footfall VALUES {rows}", "steward").ok
    yield warehouse
    change_as_operator(warehouse, "TRUNCATE TABLE alba.footfall")


@pytest.fixture
def town(towns: Warehouse) -> Iterator[Warehouse]:
    """The warehouse; what was shared and made is gone afterwards."""
    yield towns
    for release in list_shares(towns).values():
        withdraw(towns, release["dataset"], release["partner"])
    for database in ("lab_alba", "lab_bern"):
        tenant = database.removeprefix("lab_")
        for name in towns.post(tenant, f"SHOW TABLES FROM {database}").text.split():
            assert towns.post(tenant, f"DROP TABLE {database}.{name}").ok


def test_a_share_is_for_its_partner_alone_until_it_is_withdrawn(town: Warehouse) -> None:
    others = [("celle", "analyst"), ("celle", "steward"), ("bern", "publications"), ("alba", "publications")]
    for _ in range(2):
        assert share(town).status_code == 200
        for access in ("analyst", "steward"):
            assert town.post("bern", COUNT, access).text == "3\n"
        for tenant, access in others:
            assert town.post(tenant, COUNT, access).status_code == 404
            assert VIEW not in list_catalog(town, tenant, access)
        assert town.post("bern", "SELECT * FROM alba.footfall").status_code == 404
        entry = list_catalog(town, "bern")[VIEW]
        assert (entry["kind"], entry["owner"], entry["title"]) == ("shared", "alba", {"de": "Fußgänger"})
        assert entry["licence"] == "dl-de/by-2.0" and "gabi" not in str(entry)
        withdraw(town)
        assert town.post("bern", COUNT).status_code == 404
        assert VIEW not in list_catalog(town, "bern")


def test_what_everybody_reads_and_what_a_partner_reads_are_listed_apart(town: Warehouse) -> None:
    share(town)
    share(town, "celle", columns=["persons"], where="persons < 10")
    shares = list_shares(town)
    assert {each["partner"] for each in shares.values()} == {"bern", "celle"}
    assert shares["shared_with_celle.alba__footfall"]["where"] == "persons < 10"
    assert list_shares(town, "bern") == {}
    for user in ("publisher", "ingest"):
        assert ask(town, "GET", "/releases", user).json() == {"releases": []}
    assert ask(town, "GET", "/releases", "ingest", params={"tenant": "alba"}).status_code == 403
    assert ask(town, "GET", "/uses/alba", "ingest").status_code == 403


def test_a_share_has_the_columns_and_rows_that_were_decided(town: Warehouse) -> None:
    where = "sensor  in ('a','b') and persons>0 -- the small ones"
    answer = share(town, columns=["persons"], where=where).json()
    assert answer["where"] == "(sensor IN ('a', 'b')) AND (persons > 0)"
    assert [column["name"] for column in answer["columns"]] == ["persons"]
    assert town.post("bern", f"SELECT * FROM {VIEW} ORDER BY persons").text == "5\n7\n"
    assert town.post("bern", f"SELECT sensor FROM {VIEW}").status_code >= 400


@pytest.mark.parametrize("kind", ["table", "view"])
@pytest.mark.parametrize(
    "condition",
    [
        f"intDiv(1, persons - {HIDDEN}) >= 0",
        f"throwIf(persons = {HIDDEN}) = 0",
        f"persons >= 0 AND intDiv(10, {HIDDEN} - persons) >= 0",
        f"toUInt8(toString(if(persons = {HIDDEN}, 'x', '1'))) = 1",
    ],
)
def test_no_error_tells_of_a_row_that_the_filter_hides(town: Warehouse, kind: str, condition: str) -> None:
    if kind == "view":
        hidden = "SELECT sensor, persons FROM alba.footfall WHERE sensor != 'c'"
        assert town.post("alba", f"CREATE OR REPLACE VIEW lab_alba.part AS {hidden}").ok
        assert share(town, table="lab_alba.part").status_code == 200
    else:
        share(town, where="sensor != 'c'")
    for prefix in ("", "identity(1) AND "):
        answer = town.post("bern", f"SELECT count() FROM {VIEW} WHERE {prefix}{condition}")
        assert (answer.status_code, answer.text) == (200, "2\n")
    answer = town.post("bern", f"SELECT max(persons) FROM {VIEW} AS a JOIN {VIEW} AS b USING persons")
    assert answer.text == "7\n"
    failing = town.post("bern", f"SELECT toInt8('x' || toString(persons)) FROM {VIEW}")
    assert (
        failing.status_code >= 400 and "notEquals" not in failing.text and "alba.footfall" not in failing.text
    )


@pytest.mark.parametrize(
    "statement",
    [
        "EXPLAIN SELECT * FROM {view}",
        "EXPLAIN actions = 1 SELECT * FROM {view} WHERE persons = 1",
        "EXPLAIN indexes = 1 SELECT * FROM {view}",
        "EXPLAIN ESTIMATE SELECT * FROM {view}",
        "EXPLAIN PIPELINE SELECT * FROM {view}",
        "EXPLAIN SELECT * FROM lab_bern.mine",
        "EXPLAIN SELECT 1 WHERE 1 IN (SELECT persons FROM lab_bern.mine)",
        "EXPLAIN AST SELECT * FROM {view}",
        "EXPLAIN SYNTAX SELECT * FROM {view}",
        "EXPLAIN QUERY TREE SELECT * FROM {view}",
        "SHOW CREATE VIEW {view}",
        "SHOW CREATE TABLE {view}",
        "DESCRIBE TABLE {view}",
        "SELECT * FROM system.tables WHERE name = 'alba__footfall'",
        "SELECT as_select, comment FROM system.tables",
    ],
)
def test_a_partner_does_not_learn_what_is_behind_a_share(town: Warehouse, statement: str) -> None:
    share(town, where=f"persons != {HIDDEN}")
    assert town.post("bern", f"CREATE VIEW lab_bern.mine AS SELECT persons FROM {VIEW}").ok
    text = town.post("bern", statement.format(view=VIEW)).text
    assert "alba.footfall" not in text and str(HIDDEN) not in text and "gabi" not in text


def test_the_own_queries_are_explained_as_ever(town: Warehouse) -> None:
    for kind in ("EXPLAIN", "EXPLAIN ESTIMATE", "EXPLAIN PIPELINE"):
        assert town.post("alba", f"{kind} SELECT * FROM alba.footfall").ok


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("", ""),
        ("persons > 0", ""),
        ("sensor = 'a\\'; DROP TABLE x --'", ""),
        ("observed_at >= now() - INTERVAL 3 DAY OR sensor LIKE 'a%'", ""),
        ("1", ""),
        ("persons > 0, sensor", "not one condition"),
        ("persons > 0 FROM bern.footfall", "not one condition"),
        ("persons > 0 UNION ALL SELECT 1", "not one condition"),
        ("persons > 0 WHERE 1", "not one condition"),
        ("persons > 0 LIMIT 1", "not one condition"),
        ("persons > 0 SETTINGS max_threads = 1", "not one condition"),
        ("persons > 0 FORMAT CSV", "not one condition"),
        ("DISTINCT persons", "not one condition"),
        ("persons AS p", "columns, values and functions only"),
        ("persons IN (SELECT persons FROM bern.footfall)", "columns, values and functions only"),
        ("exists(SELECT 1)", "columns, values and functions only"),
        ("persons IN bern.footfall", "values only"),
        ("persons IN footfall", "values only"),
        ("persons IN sensor", "values only"),
        ("*", "columns, values and functions only"),
        ("count() OVER () > 1", "columns, values and functions only"),
        ("arrayExists(x -> x = 1, [persons])", "no column"),
        ("{p:Int64} = persons", "columns, values and functions only"),
        ("other = 1", "other is no column"),
        ("footfall.persons = 1", "is no column"),
        ("persons > 0) OR (1", "yntax"),
        ("persons > 0; DROP TABLE alba.footfall", ""),
        ("file('/etc/passwd') = ''", "file"),
        ("sleep(3) = 0", "sleep"),
        ("persons = '" + "x" * 3000 + "'", "more than 2000"),
        ("count() > 1", "aggregate"),
        ("'text'", ""),
    ],
)
def test_a_row_filter_is_one_expression_over_the_own_columns(town: Warehouse, where: str, says: str) -> None:
    answer = share(town, where=where, trial=True)
    refused = bool(says) or where.endswith("footfall") or where == "'text'"
    assert (answer.status_code >= 400) is refused, answer.text
    assert says.lower() in answer.text.lower()
    assert list_shares(town) == {}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"partner": "alba"}, "another tenant"),
        ({"partner": "nowhere"}, "no such table"),
        ({"partner": "a`b"}, "tenant"),
        ({"columns": ["persons", "secret"]}, "has no column secret"),
        ({"columns": ["persons", "persons"]}, "once"),
        ({"columns": "persons"}, "list"),
        ({"columns": [1]}, "text"),
        ({"until": "2020-01-01T00:00:00+00:00"}, "over already"),
        ({"until": "tomorrow"}, "instant"),
        ({"until": "2040-01-01T00:00:00"}, "instant"),
        ({"table": "bern.footfall"}, "own data"),
    ],
)
def test_what_cannot_be_shared_is_refused(town: Warehouse, changes: dict[str, Any], says: str) -> None:
    answer = share(town, **changes)
    assert answer.status_code in (400, 404) and says in answer.text
    assert list_shares(town) == {}


def test_a_share_ends_by_itself_and_what_reads_it_is_cut(town: Warehouse) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=8)
    assert share(town, until=until.isoformat()).status_code == 200
    assert share(town, "celle", until=(until + timedelta(days=1)).isoformat()).status_code == 200
    assert town.post("bern", f"CREATE VIEW lab_bern.mine AS SELECT persons FROM {VIEW}").ok
    numbers = "numbers(2000000000) AS n"
    slow = f"SELECT sum(sipHash64(number + persons)) FROM {numbers}, lab_bern.mine SETTINGS max_threads = 1"
    answers: list[requests.Response] = []
    asking = threading.Thread(target=lambda: answers.append(town.post("bern", slow)), daemon=True)
    asking.start()
    wait_until(lambda: count_running(town), 10, "the query runs")
    asking.join(20)
    assert answers[0].status_code == 404
    assert datetime.now(UTC) >= until
    assert town.post("bern", COUNT).status_code == 404
    assert set(list_shares(town)) == {"shared_with_celle.alba__footfall"}


def test_what_ended_while_the_gateway_was_away_is_gone_when_it_is_back(tmp_path: Any) -> None:
    warehouse = make_warehouse(tmp_path, make_town("alba"), make_town("bern"))
    try:
        until = datetime.now(UTC) + timedelta(seconds=5)
        assert share(warehouse, until=until.isoformat()).status_code == 200
        assert warehouse.post("bern", COUNT).text == "0\n"
        assert share(warehouse, dataset="other").status_code == 200  # wakes who keeps the counts
        wait_until(lambda: list_uses(warehouse) == {VIEW: (1, 0)}, 4, "the count is kept")
        warehouse.gateway.kill()
        assert datetime.now(UTC) < until
        wait_until(lambda: datetime.now(UTC) > until, 10, "the end")
        warehouse.gateway.start()
        warehouse.gateway.wait_until_ready()
        assert warehouse.post("bern", COUNT).status_code == 404
        assert list_uses(warehouse) == {VIEW: (1, 0)}
    finally:
        warehouse.kill()


def test_the_use_of_a_share_is_counted_also_through_a_view_and_without_names(town: Warehouse) -> None:
    share(town, dataset="counted")
    view = "shared_with_bern.alba__counted"
    assert town.post("bern", f"CREATE VIEW lab_bern.mine AS SELECT persons FROM {view}").ok
    for query in (
        f"SELECT * FROM {view}",
        "SELECT sum(persons) FROM lab_bern.mine",
        f"CREATE TABLE lab_bern.copy ENGINE = MergeTree ORDER BY persons AS SELECT * FROM {view}",
        f"DESCRIBE TABLE {view}",
    ):
        assert town.post("bern", query).ok
    town.post("alba", "SELECT * FROM alba.footfall")
    share(town, "celle")  # wakes who keeps the counts
    wait_until(lambda: view in list_uses(town), 15, "the counts are kept")
    wait_until(lambda: list_uses(town)[view][0] == 3, 15, "all of them")
    assert list_uses(town)[view][1] >= 6
    assert list_uses(town, "bern") == {}
    assert b"anna" not in (town.folder / "gateway/uses.sqlite").read_bytes()


BASE = (
    "CREATE OR REPLACE TABLE lab_alba.base {columns} ENGINE = MergeTree ORDER BY tuple() AS SELECT {values}"
)


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("DROP TABLE lab_alba.base", False),
        ("DROP TABLE IF EXISTS base", False),
        ("DROP TABLE lab_alba.{table:Identifier}", False),
        ("DROP TABLE {database:Identifier}.base", False),
        ("ALTER TABLE lab_alba.{table:Identifier} DROP COLUMN a", False),
        ("RENAME TABLE lab_alba.base TO lab_alba.moved", False),
        ("EXCHANGE TABLES lab_alba.base AND lab_alba.other", False),
        ("ALTER TABLE lab_alba.base DROP COLUMN a", False),
        ("ALTER TABLE lab_alba.base RENAME COLUMN a TO c", False),
        ("ALTER TABLE lab_alba.base MODIFY COLUMN a Nullable(Int64)", False),
        ("ALTER TABLE lab_alba.base DROP COLUMN b", False),  # the filter reads it
        ("ALTER TABLE lab_alba.base DROP COLUMN free", True),
        ("ALTER TABLE lab_alba.base ADD COLUMN d Int64", True),
        ("TRUNCATE TABLE lab_alba.base", True),
        (BASE.format(columns="(a Int64, b Int64, free String)", values="3, 4, ''"), True),
        (BASE.format(columns="(b Int64, a Int64)", values="4, 3"), True),
        (BASE.format(columns="(a Int32, b Int64)", values="3, 4"), False),
        (BASE.format(columns="(a Int64)", values="3"), False),
        (BASE.format(columns="", values="3 AS a, 4 AS b"), False),
        ("CREATE OR REPLACE VIEW lab_alba.base AS SELECT 1 AS a, 2 AS b", False),
        ("CREATE OR REPLACE VIEW lab_alba.base (a Int64, b Int64) AS SELECT 1 AS a, 2 AS b", False),
        ("CREATE OR REPLACE TABLE lab_alba.other (x Int8) ENGINE = MergeTree ORDER BY x", True),
        ("INSERT INTO lab_alba.base VALUES (8, 9, '')", True),
        ("DELETE FROM lab_alba.base WHERE a = 1", True),
    ],
)
def test_the_base_of_a_share_stays_as_its_partner_needs_it(
    town: Warehouse, statement: str, allowed: bool
) -> None:
    columns = "(a Int64, b Int64, free String)"
    assert town.post("alba", BASE.format(columns=columns, values="1, 2, ''")).ok
    released = share(town, table="lab_alba.base", dataset="base", columns=["a"], where="b > 0")
    assert released.status_code == 200, released.text
    names = {"param_table": "base", "param_database": "lab_alba"}
    given = {name: value for name, value in names.items() if f"{{{name.removeprefix('param_')}:" in statement}
    answer = town.post("alba", statement, database="lab_alba", **given)
    assert answer.ok is allowed, answer.text
    if answer.status_code == 403:
        assert "shared with bern as base" in answer.text and "gatekeeper withdraws" in answer.text
    assert town.post("bern", "SELECT a FROM shared_with_bern.alba__base").ok
    withdraw(town, "base")
    assert town.post("alba", "DROP TABLE lab_alba.base").ok


def test_the_table_behind_a_shared_view_is_kept_and_the_view_is_not(town: Warehouse) -> None:
    assert town.post("alba", BASE.format(columns="(a Int64)", values="1")).ok
    assert town.post("alba", "CREATE VIEW lab_alba.seen AS SELECT a + 1 AS more FROM lab_alba.base").ok
    assert share(town, table="lab_alba.seen", dataset="seen").status_code == 200
    assert town.post("alba", "DROP TABLE lab_alba.base").status_code == 403
    assert town.post("alba", "DROP VIEW lab_alba.seen").ok
    assert town.post("bern", "SELECT more FROM shared_with_bern.alba__seen").text == "2\n"
