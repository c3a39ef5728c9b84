"""What the engine sends as Arrow keeps its meaning as a frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from urbanlab.frames import has_doubtful_types, to_frame, with_types


@pytest.fixture(scope="module")
def ask() -> Iterator[Any]:
    """Return a function that gives the frame of a query as `urbanlab.query` makes it, from the engine itself."""
    from chdb.session import Session

    engine = Session()

    def ask(sql: str) -> pd.DataFrame:
        table = pa.ipc.open_stream(engine.query(sql, "ArrowStream").bytes()).read_all()
        if has_doubtful_types(table.schema):
            lines = engine.query(f"DESCRIBE TABLE ({sql}\n)", "TSVRaw").bytes().decode().splitlines()
            table = with_types(table, dict(line.split("\t")[:2] for line in lines))
        return to_frame(table)

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
    [("Int64", "float64"), ("UInt8", "float64"), ("String", "str"), ("Bool", "boolean"), ("DateTime", None)],
)
def test_what_is_missing_stays_missing(ask: Any, kind: str, dtype: str | None) -> None:
    frame = ask(f"SELECT arrayJoin([CAST(NULL, 'Nullable({kind})'), CAST('1', 'Nullable({kind})')]) AS x")
    assert list(frame.x.isna()) == [True, False]
    assert dtype is None or str(frame.x.dtype) == dtype


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
