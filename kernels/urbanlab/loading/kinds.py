"""Arrow's types and the warehouse's: which column becomes what, and whether a table can take more rows."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

# Up to so many different words a column of text is kept as numbers into a list of words.
_MOST_CATEGORIES = 1000
_WRAPPED = re.compile(r"^(?:Nullable|LowCardinality)\((.*)\)$")
_WIDER = {("Float64", "Int64"), ("DateTime64(6, 'UTC')", "DateTime('UTC')")}
_LAST_DATETIME = 2**32  # seconds since 1970 that DateTime can hold


def choose_kind(column: Any) -> str:
    """Return the warehouse's type for a column; it allows missing values only where there are some."""
    kind = _choose_plain(column)
    inner = f"Nullable({kind})" if column.null_count else kind
    return f"LowCardinality({inner})" if kind == "String" and _has_few_words(column) else inner


def unwrap(kind: str) -> str:
    """Return the type without Nullable and LowCardinality."""
    while hit := _WRAPPED.match(kind):
        kind = hit[1]
    return kind


def to_insert(table: pa.Table, kinds: list[str]) -> pa.Table:
    """Return the table in the types in which the warehouse reads columns of these kinds."""
    columns = [
        column.cast(pa.timestamp("s", tz="UTC")) if unwrap(kind) == "DateTime('UTC')" else column
        for column, kind in zip(table.columns, kinds, strict=True)
    ]
    return pa.table(columns, names=table.column_names)


def accepts(existing: str, new: str, column: Any) -> bool:
    """Return whether a column of the type `existing` takes the values of `column`, of the type `new`, unchanged."""
    if (existing, new) == ("Int64", "Float64"):
        # pandas makes floats of whole numbers as soon as one is missing.
        whole = column.filter(pc.is_valid(column))
        return bool(pc.all(pc.and_(pc.equal(pc.floor(whole), whole), pc.less(pc.abs(whole), 2**53))).as_py())
    return existing == new or (existing, new) in _WIDER


def _choose_plain(column: Any) -> str:
    kind = column.type
    if pa.types.is_timestamp(kind):
        return "DateTime('UTC')" if _is_plain_instant(column) else "DateTime64(6, 'UTC')"
    if pa.types.is_date(kind):
        return "Date32"
    for is_kind, name in (
        (pa.types.is_uint64, "UInt64"),
        (pa.types.is_integer, "Int64"),
        (pa.types.is_floating, "Float64"),
        (pa.types.is_boolean, "Bool"),
    ):
        if is_kind(kind):
            return name
    return "String"


def _is_plain_instant(column: Any) -> bool:
    micros = column.cast(pa.int64())
    ends = pc.min_max(micros).as_py()
    if ends["min"] is None:
        return True
    fits = ends["min"] >= 0 and ends["max"] < _LAST_DATETIME * 1_000_000
    whole = pc.multiply(pc.divide(micros, 1_000_000), 1_000_000)
    return bool(fits and pc.all(pc.equal(whole, micros)).as_py())


def _has_few_words(column: Any) -> bool:
    different = pc.count_distinct(column).as_py()
    return bool(different <= _MOST_CATEGORIES and different * 10 <= len(column))
