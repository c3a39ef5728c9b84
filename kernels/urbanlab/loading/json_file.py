"""JSON: a list of objects, one object a line, or GeoJSON."""

from __future__ import annotations

import io
import json
from typing import Any

from urbanlab.errors import FileFormatError
from urbanlab.loading.csv_dialect import decode
from urbanlab.loading.excel_cells import to_column
from urbanlab.loading.frames import read_geo_frame
from urbanlab.loading.headings import check_width
from urbanlab.loading.notes import note
from urbanlab.loading.raw import RawTable


def read_json(content: bytes, name: str) -> RawTable:
    """Return the records of a JSON or GeoJSON file; raise `FileFormatError` if it holds none."""
    text, _ = decode(content, name)
    value = _parse(text, name)
    if isinstance(value, dict) and value.get("type") in ("FeatureCollection", "Feature"):
        return _read_geojson(content, name)
    records = _find_records(value)
    if records is None:
        raise FileFormatError(
            f'{name} is JSON but holds no table: a list of objects such as [{{"name": …}}, …] is needed.'
        )
    try:
        return _make_table(records)
    except RecursionError:
        raise _make_too_deep(name) from None


def _make_too_deep(name: str) -> FileFormatError:
    return FileFormatError(f"{name} is nested too deeply to be a table.")


def _parse(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and lines[0].rstrip().endswith("}"):
            try:
                return [json.loads(line) for line in lines]
            except json.JSONDecodeError:
                pass
            except RecursionError:
                raise _make_too_deep(name) from None
        raise FileFormatError(
            f"{name} is no valid JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        ) from None
    except RecursionError:
        raise _make_too_deep(name) from None


def _find_records(value: Any) -> list[dict[str, Any]] | None:
    if isinstance(value, dict):
        lists = [inner for inner in value.values() if _is_records(inner)]
        return lists[0] if len(lists) == 1 and lists[0] else _turn_columns(value)
    return value if _is_records(value) else None


def _turn_columns(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the records of columns side by side: {"t": […], "v": […]}."""
    columns = list(value.values())
    if not columns or not all(isinstance(column, list) for column in columns):
        return None
    if len({len(column) for column in columns}) > 1 or any(
        isinstance(cell, list | dict) for cell in columns[0][:1]
    ):
        return None
    check_width(len(columns))
    return [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(record, dict) for record in value)


def _make_table(records: list[dict[str, Any]]) -> RawTable:
    flat = [_flatten(record) for record in records]
    names = list(dict.fromkeys(key for record in flat for key in record))
    check_width(len(names))  # before records times names are looked at
    columns = [to_column([record.get(name) for record in flat]) for name in names]
    return RawTable(names, columns, range(1, len(flat) + 1), [note("format", what="JSON")])


def _flatten(record: dict[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict) and value:
            flat |= _flatten(value, f"{before}{key}.")
        else:
            flat[f"{before}{key}"] = value
    return flat


def _read_geojson(content: bytes, name: str) -> RawTable:
    import geopandas as gpd
    import pyogrio.errors

    try:
        frame = gpd.read_file(io.BytesIO(content))
    except (pyogrio.errors.DataSourceError, ValueError, TypeError):
        raise FileFormatError(f"{name} is no GeoJSON that can be read.") from None
    raw = read_geo_frame(frame)
    raw.parse = True
    raw.notes.insert(0, note("format", what="GeoJSON"))
    return raw
