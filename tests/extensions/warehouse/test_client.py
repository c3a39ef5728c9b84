"""An unchanged `clickhouse_connect` against the gateway."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from tests.extensions.warehouse.conftest import INGEST, OPERATOR, Warehouse


@pytest.fixture(params=[False, "lz4", "zstd", "gzip"], ids=str)
def client(request: pytest.FixtureRequest, warehouse: Warehouse) -> Iterator[Client]:
    """A client for each way of packing that it can negotiate."""
    with warehouse.client("alba", compress=request.param) as client:
        yield client


@pytest.fixture
def table(client: Client) -> Iterator[str]:
    client.command("DROP TABLE IF EXISTS lab_alba.things")
    client.command(
        "CREATE TABLE lab_alba.things (id Int64, name String, seen DateTime('UTC')) ENGINE = MergeTree ORDER BY id"
    )
    yield "lab_alba.things"
    client.command("DROP TABLE lab_alba.things")


def test_connecting_learns_version_zone_and_settings(warehouse: Warehouse) -> None:
    client = warehouse.client("alba")
    assert client.server_version.split(".")[0].isdigit()
    assert str(client.server_tz) in ("UTC", "Etc/UTC")
    assert client.server_settings["max_threads"].readonly == 0
    assert client.server_settings["readonly"].readonly == 1


def test_a_query_takes_parameters_that_can_hold_anything(client: Client) -> None:
    nasty = "O'Brien\\ \t\n; DROP TABLE x -- ü"
    values = {"text": nasty, "numbers": [1, 2], "when": dt.datetime(2026, 3, 29, 1, 0)}
    query = "SELECT {text:String}, {numbers:Array(Int64)}, {when:DateTime('UTC')}"
    assert client.query(query, parameters=values).result_rows == [(nasty, [1, 2], values["when"])]


def test_a_large_answer_arrives_whole(client: Client) -> None:
    frame = client.query_df("SELECT number, toString(number) AS text FROM numbers(400000)")
    assert len(frame) == 400_000
    assert frame["number"].sum() == sum(range(400_000))
    assert frame["text"].iloc[-1] == "399999"


def test_an_answer_without_rows_has_its_columns(client: Client) -> None:
    result = client.query("SELECT number AS a, toString(number) AS b FROM numbers(5) WHERE number > 9")
    assert result.column_names == ("a", "b")
    assert result.result_rows == []


def test_arrow_keeps_the_types(client: Client) -> None:
    table = client.query_arrow("SELECT toInt32(1) AS a, toDateTime64('2026-01-01 00:00:00', 3, 'UTC') AS b")
    assert table.schema.field("a").type == pa.int32()
    assert table["b"][0].as_py().replace(tzinfo=None) == dt.datetime(2026, 1, 1)


def test_rows_stream_in_blocks(client: Client) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(300000)") as blocks:
        sizes = [len(block) for block in blocks]
    assert sum(sizes) == 300_000
    assert len(sizes) > 1


def test_a_frame_is_inserted(client: Client, table: str) -> None:
    seen = pd.to_datetime(["2026-01-01 10:00", "2026-01-01 11:00"])
    frame = pd.DataFrame({"id": [1, 2], "name": ["Äpfel", "it's"], "seen": seen})
    assert client.insert_df(table, frame).written_rows == 2
    rows = client.query(f"SELECT * FROM {table} ORDER BY id").result_rows
    assert rows == [(1, "Äpfel", seen[0].to_pydatetime()), (2, "it's", seen[1].to_pydatetime())]


def test_an_arrow_table_is_inserted(client: Client, table: str) -> None:
    client.insert_arrow(table, pa.table({"id": list(range(1000)), "name": ["x"] * 1000}))
    assert client.command(f"SELECT count(), max(id), any(name) FROM {table}") == ["1000", "999", "x"]


def test_ten_columns_are_inserted(client: Client) -> None:
    """A block of ten columns begins with the byte that is a newline too."""
    columns = ", ".join(f"c{n} Int64" for n in range(10))
    client.command(f"CREATE OR REPLACE TABLE lab_alba.ten ({columns}) ENGINE = MergeTree ORDER BY c0")
    client.insert("lab_alba.ten", [list(range(10))])
    assert client.query("SELECT * FROM lab_alba.ten").result_rows == [tuple(range(10))]
    client.command("DROP TABLE lab_alba.ten")


def test_raw_rows_are_inserted_from_text_and_from_a_file(client: Client, table: str) -> None:
    client.raw_insert(table, ["id", "name"], "1,one\n2,two\n", fmt="CSV")
    client.raw_insert(table, ["id", "name"], io.BytesIO(b"3,three\n" * 50_000), fmt="CSV")
    assert client.command(f"SELECT count(), sum(id) FROM {table}") == ["50002", "150003"]


def test_a_command_may_carry_its_rows(client: Client, table: str) -> None:
    client.command(f"INSERT INTO {table} (id, name) VALUES (1, 'a)'), (2, 'FORMAT')")
    assert client.query(f"SELECT name FROM {table} ORDER BY id").result_rows == [("a)",), ("FORMAT",)]


def test_a_failing_query_is_an_error_with_its_code(client: Client) -> None:
    with pytest.raises(DatabaseError, match="absent") as caught:
        client.query("SELECT absent FROM numbers(1)")
    assert caught.value.code == 47
    assert caught.value.name == "UNKNOWN_IDENTIFIER"


@pytest.mark.filterwarnings("ignore")
def test_an_error_behind_rows_is_an_error_at_the_client(client: Client) -> None:
    query = (
        "SELECT throwIf(number = 3000000, 'too late') FROM numbers(4000000) SETTINGS max_block_size = 65000"
    )
    result = client.query(query)
    with pytest.raises(StreamFailureError, match="too late") as caught:
        list(result.result_rows)
    assert caught.value.code == 395


def test_a_long_text_goes_as_a_form(warehouse: Warehouse) -> None:
    client = warehouse.client("alba", form_encode_query_params=True)
    assert client.query("SELECT length({t:String})", parameters={"t": "x" * 90_000}).result_rows == [
        (90_000,)
    ]


def test_services_use_their_secrets_as_passwords(warehouse: Warehouse) -> None:
    import clickhouse_connect

    for user, secret, query in (
        ("operator", OPERATOR, "SELECT count() FROM bern.sensors"),
        ("ingest", INGEST, "SELECT count() + 2 FROM bern.footfall"),
    ):
        client = clickhouse_connect.get_client(
            host="127.0.0.1", port=warehouse.gateway.port, username=user, password=secret
        )
        assert client.command(query) == 2
