"""The rules of the mapping, as tables and for whatever bytes may come."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urbanlab.contract.records import COLUMN_TYPES, Column, Feed
from urbanlab_services.ingest.mapping import Mapping, MappingError, parse_object

FEED = Feed(
    name="everything",
    title={},
    description={},
    columns=tuple(Column(kind, kind, {}) for kind in COLUMN_TYPES),
    key=("text", "instant"),
    time="instant",
    licence="dl-de/zero-2.0",
)
GOOD: dict[str, Any] = {
    "instant": "2026-05-01T10:00:00Z",
    "date": "2026-05-01",
    "integer": 5,
    "number": 1.5,
    "text": "Gütersloh",
    "category": "a",
    "boolean": True,
}


def map_with(field: str, value: Any) -> Any:
    payload = json.dumps({**GOOD, field: value}).encode()
    return Mapping(FEED).to_row(payload)[field]


def test_a_good_record_becomes_a_row_and_its_key() -> None:
    row = Mapping(FEED).to_row(json.dumps({**GOOD, "unknown": [1, {}]}).encode())
    assert row == {**GOOD, "instant": "2026-05-01 10:00:00"}
    assert Mapping(FEED).to_key(row) == ("Gütersloh", "2026-05-01 10:00:00")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("instant", "2026-05-01T12:00:00+02:00", "2026-05-01 10:00:00"),
        ("instant", "2026-05-01T10:00Z", "2026-05-01 10:00:00"),
        ("instant", "2026-05-01T10:00:00.000Z", "2026-05-01 10:00:00"),
        ("instant", "1970-01-01T00:00:00Z", "1970-01-01 00:00:00"),
        ("integer", 5.0, 5),
        ("integer", -(2**63), -(2**63)),
        ("number", 3, 3.0),
        ("number", 1e308, 1e308),
        ("text", "", ""),
        ("boolean", False, False),
    ],
)
def test_what_is_accepted(field: str, value: Any, expected: Any) -> None:
    assert map_with(field, value) == expected


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("instant", "2026-05-01T10:00:00", "wrong_type"),  # which zone?
        ("instant", "2026-05-01 10:00:00Z", "wrong_type"),
        ("instant", "2026-02-30T10:00:00Z", "wrong_type"),
        ("instant", "2026-05-01T10:00:00.5Z", "wrong_type"),
        ("instant", "1969-12-31T23:59:59Z", "wrong_type"),
        ("instant", "9999-12-31T23:59:59-12:00", "wrong_type"),
        ("instant", "0001-01-01T00:00:00+12:00", "wrong_type"),
        ("instant", "２０２６-05-01T10:00:00Z", "wrong_type"),
        ("instant", 1767225600, "wrong_type"),
        ("date", "2026-13-01", "wrong_type"),
        ("date", "1.5.2026", "wrong_type"),
        ("integer", "5", "wrong_type"),
        ("integer", True, "wrong_type"),
        ("integer", 5.5, "wrong_type"),
        ("integer", 1e300, "wrong_type"),
        ("integer", 2**63, "wrong_type"),
        ("number", "1.5", "wrong_type"),
        ("number", False, "wrong_type"),
        ("number", 10**400, "wrong_type"),
        ("text", 5, "wrong_type"),
        ("text", "x" * 10_001, "wrong_type"),
        ("text", "\ud800", "wrong_type"),
        ("category", "x" * 201, "wrong_type"),
        ("category", {}, "wrong_type"),
        ("boolean", 1, "wrong_type"),
        ("boolean", "true", "wrong_type"),
        ("number", None, "missing_field"),
    ],
)
def test_what_is_refused_and_that_the_field_is_named(field: str, value: Any, code: str) -> None:
    with pytest.raises(MappingError, match=f"`{field}`") as refusal:
        map_with(field, value)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"{", "not_json"),
        (b'{"a": 1} trailing', "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b'{"a": NaN}', "not_json"),
        (b'{"a": -Infinity}', "not_json"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not_json"),
        (b'{"a": 1, "a": 2}', "duplicate_field"),
        (b"\xc3(", "not_utf8"),
        (b"null", "not_object"),
        (b'"text"', "not_object"),
        (b"[[1]]", "not_object"),
        (b"[" * 50_000, "too_deep"),
        (b'{"a":' * 12_000, "too_deep"),
        (b" " * 70_000, "too_large"),
    ],
)
def test_messages_that_are_no_object(payload: bytes | None, code: str) -> None:
    with pytest.raises(MappingError) as refusal:
        parse_object(payload)
    assert refusal.value.code == code
    assert len(str(refusal.value)) <= 300


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_no_bytes_can_do_more_than_be_refused(payload: bytes) -> None:
    try:
        Mapping(FEED).to_row(payload)
    except MappingError as error:
        assert error.code and str(error)


@given(st.fixed_dictionaries(dict.fromkeys(GOOD, JSON_VALUES)))
def test_a_row_has_the_types_of_its_columns_or_there_is_none(values: dict[str, Any]) -> None:
    try:
        row = Mapping(FEED).to_row(json.dumps(values).encode())
    except MappingError:
        return
    assert list(row) == list(GOOD)
    assert type(row["integer"]) is int and -(2**63) <= row["integer"] < 2**63
    assert type(row["number"]) is float and math.isfinite(row["number"])
    assert type(row["boolean"]) is bool
    json.dumps(row, allow_nan=False).encode()


@given(st.datetimes(timezones=st.timezones()))
def test_an_instant_keeps_its_moment(instant: Any) -> None:
    text = instant.replace(microsecond=0).isoformat()
    try:
        row = map_with("instant", text)
    except MappingError:
        return
    kept = datetime.strptime(row, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    assert kept == datetime.fromisoformat(text)
