"""External data: tables that come with a statement, judged like everything else, and gone after it."""

from __future__ import annotations

import pytest
import requests
from clickhouse_connect.driver.external import ExternalData

from tests.extensions.warehouse.conftest import Warehouse
from urbanlab_services.warehouse.externals import _number


def ask(warehouse: Warehouse, query: str, files: dict[str, bytes], **arguments: object) -> requests.Response:
    return requests.post(
        warehouse.url,
        params={"query": query, **arguments},
        files=files,
        headers={"Authorization": f"Bearer {warehouse.token('alba')}"},
        timeout=30,
    )


def test_a_client_brings_its_own_table(warehouse: Warehouse) -> None:
    rows = ExternalData(
        file_name="towns.csv", data=b"1,Kiel\n2,Ulm\n", fmt="CSV", structure=["id Int64", "name String"]
    )
    rows.add_file(file_name="more.tsv", data=b"2\n", fmt="TSV", types=["Int64"])
    query = "SELECT name FROM towns WHERE id IN (SELECT _1 FROM more) AND length(name) > {n:UInt8}"
    with warehouse.client("alba") as client:
        result = client.query(query, parameters={"n": 1}, external_data=rows)
        assert result.result_rows == [("Ulm",)]
        frame = client.query_df("SELECT * FROM towns ORDER BY id", external_data=rows)
        assert frame["name"].tolist() == ["Kiel", "Ulm"]
    assert warehouse.post("alba", "SELECT * FROM towns").status_code == 404


def test_much_comes_through(warehouse: Warehouse) -> None:
    content = b"".join(b"%d\n" % number for number in range(1_000_000))
    answer = ask(warehouse, "SELECT count(), max(n) FROM numbers_of_mine", {"numbers_of_mine": content},
                 numbers_of_mine_structure="n UInt32")  # fmt: skip
    assert answer.text == "1000000\t999999\n"


def test_public_pages_may_bring_data_too(warehouse: Warehouse) -> None:
    with warehouse.client("alba", "publications") as client:
        rows = ExternalData(file_name="x.tsv", data=b"5\n", structure="a Int64")
        assert client.query("SELECT a FROM x", external_data=rows).result_rows == [(5,)]


@pytest.mark.parametrize(
    ("structure", "code"),
    [
        ("a String DEFAULT file('/etc/passwd')", "344"),
        ("a String DEFAULT 'x'", "344"),
        ("a Int64 MATERIALIZED 1", "344"),
        ("a Int64) ENGINE = URL('http://127.0.0.1/', CSV", "344"),
        ("a Int64) AS SELECT * FROM file('/etc/passwd', 'CSV', 'a String'", "344"),
        ("a Int64) AS SELECT a FROM (SELECT 1 AS a", "36"),
        ("a Int64); DROP TABLE x; SELECT (1", "62"),
        ("a Int64, INDEX i a TYPE minmax", "344"),
        ("", "36"),
    ],
)
def test_a_structure_is_columns_and_nothing_else(warehouse: Warehouse, structure: str, code: str) -> None:
    answer = ask(warehouse, "SELECT * FROM x", {"x": b"1\n"}, x_structure=structure)
    assert answer.headers["X-ClickHouse-Exception-Code"] == code, answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize("name", ["a b", "a`b", "bern.footfall", "x" * 65, "ü"])
def test_a_name_is_plain(warehouse: Warehouse, name: str) -> None:
    answer = ask(warehouse, "SELECT 1", {name: b"1\n"}, **{f"{name}_structure": "a Int64"})
    assert answer.status_code == 400
    assert "plain name" in answer.text


def test_a_table_of_ones_own_hides_no_other(warehouse: Warehouse) -> None:
    """A name without database means the table that came along; with one it means what it always does."""
    files = {"footfall": b"7\n"}
    answer = ask(warehouse, "SELECT a FROM footfall", files, footfall_structure="a Int64")
    assert answer.text == "7\n"
    answer = ask(warehouse, "SELECT a FROM bern.footfall", files, footfall_structure="a Int64")
    assert answer.status_code == 404


def test_rows_that_do_not_fit_and_unknown_formats_are_errors(warehouse: Warehouse) -> None:
    wrong = ask(warehouse, "SELECT * FROM x", {"x": b"no number\n"}, x_structure="a Int64")
    assert (wrong.status_code, wrong.headers["X-ClickHouse-Exception-Code"]) == (400, "27")
    template = ask(warehouse, "SELECT 1", {"x": b"1\n"}, x_structure="a Int64", x_format="Template")
    assert template.headers["X-ClickHouse-Exception-Code"] == "73"


@pytest.mark.parametrize(
    ("types", "columns"),
    [
        ("UInt8, String", "_1 UInt8, _2 String"),
        ("Map(String, Int8),Tuple(a Int8, b Array(Int8))", "_1 Map(String, Int8), _2 Tuple(a Int8, b Array(Int8))"),
        ("", ""),
    ],
)  # fmt: skip
def test_types_alone_get_names(types: str, columns: str) -> None:
    assert _number(types) == columns
