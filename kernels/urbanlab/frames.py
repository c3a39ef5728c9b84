"""Arrow tables as the warehouse sends them, given back the types that Arrow's format drops; and frames."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import pandas as pd

# Beyond this a float no longer holds every whole number.
EXACT_IN_FLOAT = 2**53
_WRAPPED = re.compile(r"^(?:Nullable|LowCardinality)\((.*)\)$")
_DATETIME = re.compile(r"^DateTime(?:\('([^']+)'\))?$")
_ENUM_VALUE = re.compile(r"'((?:[^'\\]|\\.)*)'\s*=\s*(-?\d+)")


def has_doubtful_types(schema: pa.Schema) -> bool:
    """Return whether a column may be something else than Arrow says: an instant, an enum, an address."""
    return any(
        pa.types.is_uint32(field.type)
        or pa.types.is_int8(field.type)
        or pa.types.is_int16(field.type)
        or pa.types.is_fixed_size_binary(field.type)
        for field in schema
    )


def with_types(table: pa.Table, kinds: Mapping[str, str]) -> pa.Table:
    """Return the table with each column as the warehouse's type of the same name says."""
    columns = [
        _restore(column, _unwrap(kinds.get(name, "")))
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    return pa.table(columns, names=table.column_names)


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Return a frame: text as `str`, instants with zone, whole numbers signed, decimals as floats."""
    import pandas as pd

    columns = [_for_analysis(column) for column in table.columns]
    plain = pa.table(columns, names=table.column_names)
    frame: pd.DataFrame = plain.to_pandas(
        types_mapper=partial(
            _choose_dtype, {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}, plain
        ),
        date_as_object=False,
        self_destruct=True,
        split_blocks=True,
    )
    return frame


def _unwrap(kind: str) -> str:
    while hit := _WRAPPED.match(kind):
        kind = hit[1]
    return kind


def _restore(column: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    if instant := _DATETIME.match(kind):
        return column.cast(pa.int64()).cast(pa.timestamp("s", tz=instant[1] or "UTC"))
    if kind.startswith("Enum"):
        return _map_values(
            column, {int(number): _unescape(text) for text, number in _ENUM_VALUE.findall(kind)}.get
        )
    if kind == "IPv4":
        return _map_values(column, _to_ipv4)
    if kind == "IPv6":
        return _map_values(column, _to_ipv6)
    if kind.startswith("FixedString"):
        return _decode(column)
    if kind in {"Int128", "UInt128", "Int256", "UInt256"}:
        return _map_values(column, partial(_to_digits, kind.startswith("Int")))
    return column


def _map_values(column: pa.ChunkedArray, convert: Callable[[Any], str | None]) -> pa.ChunkedArray:
    """Convert each different value once."""
    encoded = column.combine_chunks().dictionary_encode()
    words = pa.array([convert(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([words.take(encoded.indices)])


def _decode(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return bytes of a fixed length as text, or as they are where they are none."""
    try:
        return _map_values(column, lambda value: None if value is None else value.rstrip(b"\0").decode())
    except UnicodeDecodeError:
        return column


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _to_ipv4(value: int) -> str:
    import ipaddress

    return str(ipaddress.IPv4Address(value))


def _to_ipv6(value: bytes) -> str:
    import ipaddress

    return str(ipaddress.IPv6Address(value))


def _to_digits(signed: bool, value: bytes) -> str:
    return str(int.from_bytes(value, "little", signed=signed))


def _for_analysis(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "s":
        return column.cast(pa.timestamp("us", tz=kind.tz))
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_unsigned_integer(kind) and _fits_signed(column):
        # Differences of unsigned numbers wrap around instead of getting negative.
        return column.cast(pa.int64())
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        column = column.cast(pa.int64())
    if pa.types.is_integer(kind) and column.null_count and not _is_exact_in_float(column):
        return column
    if pa.types.is_integer(kind) and column.null_count:
        return column.cast(pa.float64())
    return column


def _fits_signed(column: pa.ChunkedArray) -> bool:
    largest = pc.max(column).as_py()
    return column.null_count == 0 and (largest is None or largest < 2**63)


def _is_exact_in_float(column: pa.ChunkedArray) -> bool:
    ends = pc.min_max(column).as_py()
    return all(end is None or abs(end) <= EXACT_IN_FLOAT for end in ends.values())


def _choose_dtype(nullable: Mapping[pa.DataType, Any], table: pa.Table, kind: pa.DataType) -> Any:
    """Return pandas' nullable type where the plain one would lose what is missing."""
    if kind in nullable and any(column.type == kind and column.null_count for column in table.columns):
        return nullable[kind]
    return None
