"""What the engine sends as Arrow keeps its meaning as a frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pytest

from urbanlab.crs import find_geometries
from urbanlab.frames import has_doubtful_types, to_frame, with_types


@pytest.fixture(scope="module")
def ask() -> Iterator[Any]:
    """Return a function that gives the frame of a query as `urbanlab.query` makes it, from the engine itself."""
    from chdb.session import Session

    engine = Session()

    def ask(sql: str, zone: str = "UTC") -> pd.DataFrame:
        table = pa.ipc.open_stream(engine.query(sql, "ArrowStream").bytes()).read_all()
        if has_doubtful_types(table.schema):
            lines = engine.query(f"DESCRIBE TABLE ({sql}\n)", "TSVRaw").bytes().decode().splitlines()
            table = with_types(table, dict(line.split("\t")[:2] for line in lines))
        return to_frame(table, zone)

    yield ask
    engine.close()


@pytest.mark.parametrize(
    ("expression", "dtype", "value"),
    [
        ("toUInt8(3)", "int64", 3),
        ("toInt16(-2)", "int64", -2),
        ("toUInt32(7)", "int64", 7),
        ("toUInt64(7)", "int64", 7),
        ("toUInt64(18446744073709551615)", "uint64", 2**64 - 1),
        ("toInt128(-3)", "str", "-3"),
        ("toDecimal64(1.25, 2)", "float64", 1.25),
        ("true", "bool", True),
        ("toFloat32(0.5)", "float32", 0.5),
        ("toLowCardinality('x')", "str", "x"),
        ("CAST('it\\'s', 'Enum8(\\'it\\\\\\'s\\' = 1)')", "str", "it's"),
        ("toFixedString('abc', 5)", "str", "abc"),
        ("toIPv4('1.2.3.4')", "str", "1.2.3.4"),
        ("toIPv6('::1')", "str", "::1"),
        ("toDate('2026-01-31')", "datetime64[ms]", pd.Timestamp("2026-01-31")),
        (
            "toDateTime('2026-10-25 01:30:00', 'UTC')",
            "datetime64[us, UTC]",
            pd.Timestamp("2026-10-25 01:30", tz="UTC"),
        ),
        (
            "toDateTime('2026-07-01 12:00:00', 'Europe/Berlin')",
            "datetime64[us, Europe/Berlin]",
            pd.Timestamp("2026-07-01 12:00", tz="Europe/Berlin"),
        ),
        (
            "toDateTime64('2026-01-01 00:00:00.5', 3, 'UTC')",
            "datetime64[ms, UTC]",
            pd.Timestamp("2026-01-01 00:00:00.5", tz="UTC"),
        ),
    ],
)
def test_each_type_becomes_what_an_analyst_expects(ask: Any, expression: str, dtype: str, value: Any) -> None:
    frame = ask(f"SELECT {expression} AS x")
    assert str(frame.x.dtype) == dtype
    assert frame.x[0] == value


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("Int64", "int64[pyarrow]"),
        ("UInt8", "int64[pyarrow]"),
        ("Float64", "float64"),
        ("String", "str"),
        ("Bool", "bool[pyarrow]"),
        ("DateTime", "datetime64[us, UTC]"),
    ],
)
def test_what_is_missing_stays_missing(ask: Any, kind: str, dtype: str) -> None:
    frame = ask(f"SELECT arrayJoin([CAST(NULL, 'Nullable({kind})'), CAST('1', 'Nullable({kind})')]) AS x")
    assert list(frame.x.isna()) == [True, False]
    assert str(frame.x.dtype) == dtype


def test_the_type_of_a_column_decides_and_not_what_an_answer_holds(ask: Any) -> None:
    frame = ask(
        "SELECT 1::Nullable(Int32) AS a, 1::Int32 AS b, true::Nullable(Bool) AS c, 1.5::Nullable(Float64) AS d"
    )
    assert [str(dtype) for dtype in frame.dtypes] == ["int64[pyarrow]", "int64", "bool[pyarrow]", "float64"]
    empty = ask("SELECT 1::Nullable(Int32) AS a WHERE 0")
    assert str(empty.a.dtype) == "int64[pyarrow]"


def test_pictures_and_models_take_the_numbers_as_they_are(ask: Any) -> None:
    frame = ask(
        "SELECT number AS n, number / 2 AS x, number % 3 AS m, [1, NULL, 3][m + 1] AS y FROM numbers(6)"
    )
    assert frame[["n", "x", "m"]].to_numpy().dtype == "float64"
    assert list(frame.y.dropna() + 1) == [2, 4, 2, 4] and str(frame.y.dtype) == "int64[pyarrow]"


def test_names_that_occur_twice_are_kept(ask: Any) -> None:
    frame = to_frame(pa.table([pa.array([1]), pa.array(["x"])], names=["a", "a"]))
    assert frame.iloc[0].tolist() == [1, "x"] and list(frame.columns) == ["a", "a"]


def test_large_numbers_beside_missing_ones_keep_every_digit(ask: Any) -> None:
    frame = ask(f"SELECT arrayJoin([NULL, toInt64({2**62 + 1})]) AS x")
    assert frame.x[1] == 2**62 + 1 and frame.x.isna()[0]


def test_differences_of_unsigned_numbers_may_be_negative(ask: Any) -> None:
    frame = ask("SELECT toUInt32(3) AS a, toUInt32(5) AS b")
    assert (frame.a - frame.b)[0] == -2


def test_bytes_that_are_no_text_stay_bytes(ask: Any) -> None:
    assert ask("SELECT toFixedString(unhex('ff00'), 2) AS x").x[0] == b"\xff\x00"


def test_an_empty_answer_keeps_its_columns_and_types(ask: Any) -> None:
    frame = ask("SELECT toDateTime(0, 'UTC') AS t, toUInt8(1) AS n, 'x' AS s WHERE 0")
    assert len(frame) == 0
    assert [str(dtype) for dtype in frame.dtypes] == ["datetime64[us, UTC]", "int64", "str"]


def test_what_is_not_a_number_is_missing_and_infinity_is_not(ask: Any) -> None:
    frame = ask("SELECT arrayJoin([nan, inf, 1.5]) AS x")
    assert list(frame.x.isna()) == [True, False, False] and frame.x[1] == float("inf")


def test_utc_is_shown_in_local_time_and_a_zone_of_its_own_stays(ask: Any) -> None:
    utc = "toDateTime(1792888200, 'UTC') AS a, toDateTime64(1792888200, 3, 'Etc/UTC') AS b"
    frame = ask(f"SELECT {utc}, toDateTime(0, 'Asia/Tokyo') AS c", "Europe/Berlin")
    assert [str(frame[name].dt.tz) for name in "abc"] == ["Europe/Berlin", "Europe/Berlin", "Asia/Tokyo"]
    assert frame.a[0].isoformat() == "2026-10-25T02:30:00+02:00" and frame.b[0] == frame.a[0]


@pytest.mark.parametrize(
    ("begin", "shown"),
    [
        ("2026-10-25", ["02:00 +0200", "02:30 +0200", "02:00 +0100", "02:30 +0100"]),
        ("2026-03-29", ["01:00 +0100", "01:30 +0100", "03:00 +0200", "03:30 +0200"]),
    ],
)
def test_both_hours_of_autumn_keep_their_offsets_and_spring_skips_one(
    ask: Any, begin: str, shown: list[str]
) -> None:
    sql = f"SELECT toDateTime('{begin} 00:00:00', 'UTC') + number * 1800 AS t FROM numbers(4)"
    assert list(ask(sql, "Europe/Berlin").t.dt.strftime("%H:%M %z")) == shown


SQUARE = "[(0., 0.), (2., 0.), (2., 2.), (0., 2.)]"


@pytest.mark.parametrize(
    ("shape", "value", "wkt"),
    [
        ("Point", "(8.4, 51.9)", "POINT (8.4 51.9)"),
        ("LineString", "[(1., 2.), (3., 4.)]", "LINESTRING (1 2, 3 4)"),
        ("Ring", SQUARE, "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))"),
        ("Polygon", f"[{SQUARE}]", "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))"),
        ("MultiLineString", "[[(1., 2.), (3., 4.)]]", "MULTILINESTRING ((1 2, 3 4))"),
        ("MultiPolygon", f"[[{SQUARE}]]", "MULTIPOLYGON (((0 0, 2 0, 2 2, 0 2, 0 0)))"),
    ],
)
def test_shapes_become_geometries_in_degrees(ask: Any, shape: str, value: str, wkt: str) -> None:
    frame = find_geometries(ask(f"SELECT number AS n, {value}::{shape} AS place FROM numbers(3)"))
    assert isinstance(frame, gpd.GeoDataFrame) and frame.crs.to_epsg() == 4326
    assert [place.wkt for place in frame.place] == [wkt] * 3 and list(frame.n) == [0, 1, 2]


def test_a_pair_of_numbers_is_no_place(ask: Any) -> None:
    frame = find_geometries(ask("SELECT (1., 2.) AS pair, 'POINT (no numbers)' AS geometry"))
    assert type(frame) is pd.DataFrame and frame.pair[0] == {"1": 1.0, "2": 2.0}


def test_texts_in_a_column_of_that_name_become_geometries(ask: Any) -> None:
    frame = find_geometries(ask("SELECT arrayJoin(['POINT (1 2)', NULL]) AS geometry, 1 AS n"))
    assert isinstance(frame, gpd.GeoDataFrame) and frame.crs.to_epsg() == 4326
    assert frame.geometry[0].wkt == "POINT (1 2)" and frame.geometry[1] is None
