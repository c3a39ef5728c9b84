"""Drivers that nobody here wrote, and what they ask of the HTTP interface, against the gateway."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import brotli
import clickhouse_connect
import lz4.frame
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
import sqlalchemy as sa
import zstandard
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.tools import insert_file

from tests.extensions.warehouse.conftest import Warehouse
from urbanlab_services.warehouse.codings import OWN_CODING, make_encoder
from urbanlab_services.warehouse.native_coding import NativeDecoder

TABLE = "CREATE OR REPLACE TABLE lab_alba.{name} (id Int64, name String) ENGINE = MergeTree ORDER BY id"
LATE = (
    "SELECT throwIf(number = 2000000, 'too late') AS a, number FROM numbers(3000000) "
    "SETTINGS max_block_size = 65000"
)


@pytest.fixture
def client(warehouse: Warehouse) -> Iterator[Client]:
    with warehouse.client("alba") as client:
        yield client


def test_everything_streams(client: Client) -> None:
    query = "SELECT number AS n, toString(number) AS s FROM numbers(200000)"
    with client.query_rows_stream(query) as rows:
        assert sum(row[0] for row in rows) == 19_999_900_000
    with client.query_column_block_stream(query) as blocks:
        assert sum(len(block[0]) for block in blocks) == 200_000
    with client.query_df_stream(query) as frames:
        assert sum(frame["n"].sum() for frame in frames) == 19_999_900_000
    with client.query_np_stream("SELECT number FROM numbers(200000)") as arrays:
        assert sum(len(array) for array in arrays) == 200_000
    with client.query_arrow_stream(query) as batches:
        assert sum(batch.num_rows for batch in batches) == 200_000
    with client.query_df_arrow_stream(query) as frames:
        assert sum(len(frame) for frame in frames) == 200_000
    with client.raw_stream(query, fmt="CSV") as raw:
        assert sum(piece.count(b"\n") for piece in iter(lambda: raw.read(65536), b"")) == 200_000


@pytest.mark.parametrize("ending", ["csv", "parquet", "tsv.gz"])
def test_files_are_inserted(client: Client, tmp_path: Path, ending: str) -> None:
    client.command(TABLE.format(name="files"))
    frame = pd.DataFrame({"id": range(5000), "name": [f"Straße {number}" for number in range(5000)]})
    path = tmp_path / f"rows.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pandas(frame), path)
    else:
        frame.to_csv(path, index=False, sep="\t" if ending.startswith("tsv") else ",")
    formats = {"csv": "CSVWithNames", "parquet": "Parquet", "tsv.gz": "TSVWithNames"}
    summary = insert_file(
        client,
        "lab_alba.files",
        str(path),
        fmt=formats[ending],
        compression="gzip" if ending.endswith("gz") else None,
    )
    assert summary.written_rows == 5000
    assert client.command("SELECT count(), max(name) FROM lab_alba.files") == ["5000", "Straße 999"]


def test_a_frame_is_inserted_as_arrow(client: Client) -> None:
    client.command(TABLE.format(name="frames"))
    frame = pd.DataFrame({"id": [1, 2], "name": ["a", "b"]}).convert_dtypes(dtype_backend="pyarrow")
    client.insert_df_arrow("lab_alba.frames", frame)
    assert client.query_df("SELECT * FROM lab_alba.frames ORDER BY id")["name"].tolist() == ["a", "b"]


@pytest.mark.parametrize("read", ["query_arrow", "query_df_arrow"])
def test_a_late_error_in_an_arrow_table_has_its_code_and_text(client: Client, read: str) -> None:
    with pytest.raises(DatabaseError, match="too late") as caught:
        getattr(client, read)(LATE)
    assert (caught.value.code, caught.value.name) == (395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO")


@pytest.mark.parametrize("format_", ["CSV", "Arrow", "Parquet", "JSONEachRow", "RowBinary"])
def test_who_waits_for_the_end_has_an_error_with_its_status(warehouse: Warehouse, format_: str) -> None:
    answer = warehouse.post("alba", LATE, default_format=format_, wait_end_of_query=1)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "395")
    assert answer.text.startswith("Code: 395. DB::Exception: too late")


def test_many_months_come_in_one_insert(client: Client) -> None:
    client.command(
        "CREATE OR REPLACE TABLE lab_alba.months (t Date) ENGINE = MergeTree ORDER BY t PARTITION BY toYYYYMM(t)"
    )
    frame = pd.DataFrame({"t": pd.date_range("1995-01-01", periods=130, freq="MS")})
    assert client.insert_df("lab_alba.months", frame).written_rows == 130
    client.command("DROP TABLE lab_alba.months")


async def test_the_async_client_works(warehouse: Warehouse) -> None:
    client = await clickhouse_connect.get_async_client(
        host="127.0.0.1", port=warehouse.gateway.port, access_token=warehouse.token("alba")
    )
    try:
        await client.command(TABLE.format(name="later"))
        await client.insert("lab_alba.later", [[1, "x"], [2, "y"]], column_names=["id", "name"])
        result = await client.query(
            "SELECT name FROM lab_alba.later WHERE id = {id:Int64}", parameters={"id": 2}
        )
        assert result.result_rows == [("y",)]
        assert (await client.query_arrow("SELECT number FROM numbers(70000)")).num_rows == 70_000
        with pytest.raises(DatabaseError, match="none of yours"):
            await client.query("SELECT * FROM bern.footfall")
    finally:
        await client.close()


def test_sqlalchemy_makes_reflects_and_reads_tables(warehouse: Warehouse) -> None:
    address = f"clickhousedb://token:{warehouse.token('alba')}@127.0.0.1:{warehouse.gateway.port}/lab_alba"
    engine = sa.create_engine(address)
    with engine.connect() as connection:
        connection.execute(sa.text(TABLE.format(name="alchemy")))
        connection.execute(sa.text("INSERT INTO lab_alba.alchemy SELECT number, 'n' FROM numbers(3)"))
        assert "alchemy" in sa.inspect(engine).get_table_names(schema="lab_alba")
        table = sa.Table("alchemy", sa.MetaData(schema="lab_alba"), autoload_with=engine)
        assert [column.name for column in table.columns] == ["id", "name"]
        query = sa.select(table.c.id).where(table.c.id > 0).order_by(table.c.id)
        assert connection.execute(query).scalars().all() == [1, 2]
        frame = pd.read_sql("SELECT count() AS n FROM lab_alba.alchemy", connection)
        assert frame["n"].tolist() == [3]
    engine.dispose()


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_signs_in_with_user_and_password(warehouse: Warehouse) -> None:
    head = ["curl", "-sS", "--fail-with-body", "--user", f"token:{warehouse.token('alba')}"]
    rows = subprocess.run(
        [*head, warehouse.url, "--data-binary", "SELECT 1 AS a FORMAT JSONEachRow"], capture_output=True
    )
    assert rows.stdout == b'{"a":1}\n'
    failed = subprocess.run(
        [*head, warehouse.url, "--data-binary", "SELECT * FROM bern.x"], capture_output=True
    )
    assert failed.returncode == 22
    assert failed.stdout.startswith(b"Code: 60. DB::Exception: ")


@pytest.mark.parametrize(
    ("coding", "unpack"),
    [
        ("lz4", lz4.frame.decompress),
        ("zstd", lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
        ("br", brotli.decompress),
    ],
)  # fmt: skip
def test_an_answer_is_packed_as_asked(warehouse: Warehouse, coding: str, unpack) -> None:
    headers = {"Authorization": f"Bearer {warehouse.token('alba')}", "Accept-Encoding": coding}
    query = {"query": "SELECT number FROM numbers(300000)", "enable_http_compression": 1}
    with requests.get(warehouse.url, params=query, headers=headers, stream=True, timeout=20) as answer:
        assert answer.headers["Content-Encoding"] == coding
        content = answer.raw.read(decode_content=False)
    assert len(content) < 1_500_000
    assert unpack(content).count(b"\n") == 300_000


def test_clickhouses_own_packing_works_both_ways(warehouse: Warehouse) -> None:
    """As the drivers for Java and Go ask for it."""
    answer = warehouse.post("alba", "SELECT number FROM numbers(300000) FORMAT RowBinary", compress=1)
    assert "Content-Encoding" not in answer.headers
    decoder = NativeDecoder()
    assert len(b"".join(decoder.decode(answer.content))) == 300_000 * 8
    decoder.check_end()
    encoder = make_encoder(OWN_CODING)
    body = encoder.encode(b"SELECT sum(number) FROM ") + encoder.encode(b"numbers(10)") + encoder.finish()
    assert warehouse.post("alba", body, decompress=1).text == "45\n"
    for damaged in (body[:-1], body[:20] + b"x" + body[21:], b"\0" * 100, b"\xff" * 100):
        refused = warehouse.post("alba", damaged, decompress=1)
        assert (refused.status_code, "not packed" in refused.text) == (400, True), damaged


def test_the_names_and_types_of_columns_come_along(warehouse: Warehouse) -> None:
    headers = {"Authorization": f"Bearer {warehouse.token('alba')}", "X-Urbanlab-Columns": "1"}
    query = "SELECT toDateTime(0, 'UTC') AS t, 1 AS `ü` FORMAT ArrowStream"
    answer = requests.post(warehouse.url, data=query.encode(), headers=headers, timeout=20)
    assert answer.headers["X-Urbanlab-Columns"] == '[["t", "DateTime(\'UTC\')"], ["\\u00fc", "UInt8"]]'
    assert pa.ipc.open_stream(answer.content).read_all().num_rows == 1
    assert "X-Urbanlab-Columns" not in warehouse.post("alba", "SELECT 1").headers
