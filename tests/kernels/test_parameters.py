"""Parameters are typed and sent beside the text; the engine's own parser judges the outcome."""

from __future__ import annotations

import datetime
import decimal
import re
import uuid
import zoneinfo
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from clickhouse_connect.driver.binding import bind_query
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from urbanlab.errors import ParameterError
from urbanlab.parameters import find_names, prepare

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    from chdb.session import Session

    session = Session()
    yield session
    session.close()


def ask(engine: Any, sql: str, **parameters: Any) -> str:
    """Return what the engine answers to the text and the values as the client would send them."""
    text, values = prepare(sql, parameters)
    bound, sent = bind_query(text, values or None, datetime.UTC)
    named = {name.removeprefix("param_"): value for name, value in sent.items()}
    return str(engine.query(bound, "TSVRaw", params=named).bytes().decode()).rstrip("\n")


@pytest.mark.parametrize(
    ("value", "kind", "answer"),
    [
        (5, "Int64", "5"),
        (True, "Bool", "true"),
        (np.bool_(False), "Bool", "false"),
        (np.int32(-7), "Int64", "-7"),
        (2.5, "Float64", "2.5"),
        (float("inf"), "Float64", "inf"),
        (decimal.Decimal("1.234567890123"), "Decimal(76, 12)", "1.234567890123"),
        ("Bahnhof", "String", "Bahnhof"),
        (datetime.date(2026, 3, 1), "Date32", "2026-03-01"),
        (uuid.UUID(int=1), "UUID", "00000000-0000-0000-0000-000000000001"),
        ([1, 2], "Array(Int64)", "[1,2]"),
        ((1, 2.5), "Array(Float64)", "[1,2.5]"),
        (["a'b", 'c"d'], "Array(String)", "['a\\'b','c\"d']"),
        (pd.Series([1, 2]), "Array(Int64)", "[1,2]"),
        (np.array(["x"]), "Array(String)", "['x']"),
    ],
)
def test_a_value_gets_the_type_that_it_has(engine: Any, value: Any, kind: str, answer: str) -> None:
    text, _ = prepare("SELECT {x}", {"x": value})
    assert text == f"SELECT {{x:{kind}}}"
    assert ask(engine, "SELECT {x}", x=value) == answer


@pytest.mark.parametrize(
    "instant",
    [
        datetime.datetime(2026, 7, 1, 12, 30, 15, 250_000, tzinfo=BERLIN),
        pd.Timestamp("2026-07-01 10:30:15.25", tz="UTC"),
    ],
)
def test_an_instant_stays_the_same_instant(engine: Any, instant: Any) -> None:
    assert ask(engine, "SELECT toUnixTimestamp64Milli({t})", t=instant) == "1782901815250"
    assert ask(engine, "SELECT toUnixTimestamp({t:DateTime('Asia/Tokyo')})", t=instant) == "1782901815"
    assert ask(engine, "SELECT {t} IN {many}", t=instant, many=[instant]) in {"1", "true"}


NIGHTS = [1774742400, 1792879200]  # before spring's and autumn's change in 2026, about midnight


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(
    night=st.sampled_from(NIGHTS),
    steps=st.lists(st.integers(-7200, 18000), min_size=1, max_size=20),
    micros=st.integers(0, 999_999),
)
def test_an_instant_of_a_changing_night_arrives_as_it_was(
    engine: Any, night: int, steps: list[int], micros: int
) -> None:
    instants = [
        datetime.datetime.fromtimestamp(night + step, BERLIN).replace(microsecond=micros) for step in steps
    ]
    expected = [str((night + step) * 1_000_000 + micros) for step in steps]
    for kind in ("DateTime64(6, 'Europe/Berlin')", "DateTime64(6, 'UTC')", "DateTime64(6)"):
        sql = f"SELECT arrayStringConcat(arrayMap(t -> toUnixTimestamp64Micro(t), {{x:Array({kind})}}), ' ')"
        assert ask(engine, sql, x=instants).split(" ") == expected
    sql = "SELECT toUnixTimestamp({x:DateTime('Europe/Berlin')})"
    assert ask(engine, sql, x=instants[0]) == str(night + steps[0])


@pytest.mark.parametrize("seconds", [-2_000_000_000.5, -0.5, -1.25, 0, 5, 99999, 8_000_000_000.25])
def test_an_instant_of_any_age_arrives_as_it_was(engine: Any, seconds: float) -> None:
    instant = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=seconds)
    sql = "SELECT toUnixTimestamp64Milli({t:DateTime64(3, 'Europe/Berlin')})"
    assert ask(engine, sql, t=instant) == str(int(seconds * 1000))


@pytest.mark.parametrize(
    ("sql", "values", "says"),
    [
        ("SELECT {x}", {}, "x has no value"),
        ("SELECT {x:Int64}", {}, "x has no value"),
        ("SELECT 1", {"x": 1}, "does not use x"),
        ("SELECT '{x}'", {"x": 1}, "does not use x"),
        ("SELECT {x}", {"x": None}, "Nullable"),
        ("SELECT {x}", {"x": []}, "empty or mixed"),
        ("SELECT {x}", {"x": [1, "a"]}, "empty or mixed"),
        ("SELECT {x}", {"x": object()}, "is a object"),
        ("SELECT {x}", {"x": 2**63}, "too large"),
        ("SELECT {x}", {"x": datetime.datetime(2026, 1, 1)}, "no time zone"),
        ("SELECT {x}", {"x": np.datetime64("2026-01-01", "ns")}, "no time zone"),
        ("SELECT {x}", {"x": pd.Series(pd.to_datetime(["2026-01-01"]))}, "no time zone"),
        ("SELECT {x:DateTime('Mars/Base')}", {"x": pd.Timestamp(0, tz="UTC")}, "does not exist"),
    ],
)
def test_what_cannot_be_sent_is_said(sql: str, values: dict[str, Any], says: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(says)):
        prepare(sql, values)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT '{x}'",
        "SELECT 'it''s {x}'",
        r"SELECT '\'{x}'",
        'SELECT 1 AS "{x}"',
        "SELECT 1 AS `{x}`",
        "SELECT 1 -- {x}",
        "SELECT 1 # {x}",
        "SELECT 1 /* {x}\n{x} */",
        "SELECT {'a': 1}",
    ],
)
def test_braces_in_texts_names_and_comments_are_no_placeholders(sql: str) -> None:
    assert find_names(sql) == set()
    assert prepare(sql, {}) == (sql, {})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
def test_no_text_changes_what_a_query_does(engine: Any, text: str) -> None:
    assert ask(engine, "SELECT hex({x}), 'end'", x=text) == f"{text.encode().hex().upper()}\tend"
    assert ask(engine, "SELECT hex({x}[1]), 'end'", x=[text]) == f"{text.encode().hex().upper()}\tend"


@settings(max_examples=100, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(["{x}", "'{x}'", "-- {x}\n", "/*{x}*/", "`{x}`", "{ x : UInt8 }", "'"]))
)
def test_the_parser_ends_on_whatever_is_typed(pieces: list[str]) -> None:
    sql = "".join(pieces)
    if "x" in find_names(sql):
        text, sent = prepare(sql, {"x": 1})
        assert sent == {"x": 1} and "{x}" not in re.sub(r"'[^']*'?|--[^\n]*|/\*.*?\*/|`[^`]*`?", "", text)
    else:
        with pytest.raises(ParameterError):
            prepare(sql, {"x": 1})
