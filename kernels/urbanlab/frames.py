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

# What the warehouse calls its shapes; a field of a table that holds one says so under this key.
SHAPES = frozenset({"Point", "Ring", "LineString", "MultiLineString", "Polygon", "MultiPolygon"})
SHAPE_KEY = b"shape"
_UTC = frozenset({"UTC", "Etc/UTC"})
_WRAPPED = re.compile(r"^(?:Nullable|LowCardinality)\((.*)\)$")
_DATETIME = re.compile(r"^DateTime(?:\('([^']+)'\))?$")
_ENUM_VALUE = re.compile(r"'((?:[^'\\]|\\.)*)'\s*=\s*(-?\d+)")


def has_doubtful_types(schema: pa.Schema) -> bool:
    """Return whether a column may be something else than Arrow says: an instant, an enum, an address, a shape."""
    return any(
        pa.types.is_uint32(field.type)
        or pa.types.is_int8(field.type)
        or pa.types.is_int16(field.type)
        or pa.types.is_fixed_size_binary(field.type)
        or _may_be_shape(field.type)
        for field in schema
    )


def with_types(table: pa.Table, kinds: Mapping[str, str]) -> pa.Table:
    """Return the table with each column as the warehouse's type of the same name says."""
    plain = [_unwrap(kinds.get(name, "")) for name in table.column_names]
    columns = [_restore(column, kind) for column, kind in zip(table.columns, plain, strict=True)]
    fields = [
        pa.field(
            field.name,
            column.type,
            nullable=field.nullable,
            metadata={SHAPE_KEY: kind.encode()} if kind in SHAPES else None,
        )
        for field, column, kind in zip(table.schema, columns, plain, strict=True)
    ]
    return pa.table(columns, schema=pa.schema(fields))


def to_frame(table: pa.Table, zone: str = "UTC") -> pd.DataFrame:
    """Return a frame: whole numbers signed, decimals as floats, what is no number missing, shapes as geometries.

    Text, and whole numbers and truth values that may be missing, are backed by Arrow; all else has numpy's types,
    from which pictures and models are made at once. Which it is depends on the column's type in the warehouse,
    not on what an answer happens to hold. Instants in UTC are shown in `zone`.
    """
    import pandas as pd

    fields, columns = list(table.schema), table.columns
    del table
    found = {}
    for place, field in enumerate(fields):
        # One after the other, so that a large answer is not twice in memory.
        found[place] = _to_series(columns[place], field, zone)
        columns[place] = None
    frame = pd.DataFrame(found, copy=False)
    frame.columns = pd.Index([field.name for field in fields])
    return frame


def _to_series(column: pa.ChunkedArray, field: pa.Field, zone: str) -> Any:
    import pandas as pd

    if field.metadata and SHAPE_KEY in field.metadata:
        from urbanlab.shapes import to_geometries

        return to_geometries(column, field.metadata[SHAPE_KEY].decode())
    plain = _for_analysis(column, zone)
    is_whole = pa.types.is_integer(plain.type) or pa.types.is_boolean(plain.type)
    mapper = pd.ArrowDtype if is_whole and field.nullable else None
    return plain.to_pandas(types_mapper=mapper, date_as_object=False)


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


def _may_be_shape(kind: pa.DataType) -> bool:
    while pa.types.is_list(kind):
        kind = kind.value_type
    return pa.types.is_struct(kind) and [field.type for field in kind] == [pa.float64(), pa.float64()]


def _for_analysis(column: pa.ChunkedArray, zone: str) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_timestamp(kind):
        unit = "us" if kind.unit == "s" else kind.unit
        return column.cast(pa.timestamp(unit, tz=zone if kind.tz in _UTC else kind.tz))
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_unsigned_integer(kind) and not _fits_signed(column):
        return column
    # Differences of unsigned numbers wrap around instead of getting negative.
    return column.cast(pa.int64()) if pa.types.is_integer(kind) else column


def _fits_signed(column: pa.ChunkedArray) -> bool:
    largest = pc.max(column).as_py()
    return largest is None or largest < 2**63
