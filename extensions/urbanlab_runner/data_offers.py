"""What a notebook offers for download, as its kernel sent it: taken out of the outputs, and believed in nothing."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from nbformat import NotebookNode

from urbanlab.contract.page_data import (
    MAX_ARROW_BYTES,
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_OFFERS,
    MAX_ROWS,
    MEDIA_TYPE,
    DataColumn,
    PageData,
    make_page_data,
)

_MOST_BASE64 = (MAX_ARROW_BYTES + 100_000) * 4 // 3 + 4


class OfferError(ValueError):
    """What a notebook offers cannot be had; the message is a sentence for its owner."""


@dataclass(frozen=True)
class Offer:
    """A table with its words; `geometry` is the column of its places as WKB in WGS 84, or empty."""

    data: PageData
    table: pa.Table
    geometry: str


def take_offers(notebook: NotebookNode) -> list[Offer]:
    """Return what the notebook offers, the last of each name, taken out of the outputs; raise `OfferError`."""
    found: dict[str, Offer] = {}
    told = [each for cell in notebook.cells for each in _take_told(cell)]
    if len(told) > MAX_OFFERS * 5 or sum(len(str(each.get("arrow", ""))) for each in told) > 2 * _MOST_BASE64:
        raise OfferError(
            "The notebook offers more data than a page may have: offer fewer tables, or summaries"
        )
    for each in told:
        offer = _read(each)
        found[offer.data.name] = offer
    if len(found) > MAX_OFFERS:
        raise OfferError(f"The notebook offers {len(found)} tables; a page may have {MAX_OFFERS}")
    return list(found.values())


def _take_told(cell: NotebookNode) -> list[dict[str, Any]]:
    told = [output.get("data", {}).pop(MEDIA_TYPE, None) for output in cell.get("outputs", ())]
    return [each for each in told if isinstance(each, dict)]


def _read(told: dict[str, Any]) -> Offer:
    try:
        table = _read_table(told["arrow"])
        geometry = told.get("geometry", "")
        said = told.get("columns", {})
        if geometry and table.schema.field(geometry).type != pa.binary():
            raise TypeError("places are given as WKB")
        columns = tuple(
            {
                **said.get(each.name, {}),
                "name": each.name,
                "kind": "geometry" if each.name == geometry else _find_kind(each.type),
                "zone": getattr(each.type, "tz", None) or "",
            }
            for each in table.schema
        )
        words = {name: told.get(name, {}) for name in ("title", "description")}
        data = make_page_data({"name": told["name"], "rows": table.num_rows, "columns": columns, **words})
    except (
        pa.ArrowException,
        binascii.Error,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        OverflowError,
    ):
        raise OfferError(
            "What the notebook offers as data cannot be read; offer it with `ul.offer`"
        ) from None
    return Offer(data, table, geometry)


def _read_table(text: Any) -> pa.Table:
    if not isinstance(text, str) or len(text) > _MOST_BASE64:
        raise ValueError("no table of a size that is offered")
    with pa.ipc.open_stream(base64.b64decode(text, validate=True)) as reader:
        table = reader.read_all()
    # Empty columns, and parts that are there twice, take more room than they come with.
    if table.num_rows > MAX_ROWS or table.num_columns > MAX_COLUMNS:
        raise ValueError("too large")
    if table.num_rows * table.num_columns > MAX_CELLS or table.nbytes > MAX_ARROW_BYTES * 2:
        raise ValueError("too large")
    table.validate(full=True)
    return table


def _find_kind(kind: pa.DataType) -> str:
    is_kind = {
        "text": pa.types.is_string,
        "integer": pa.types.is_int64,
        "number": pa.types.is_float64,
        "boolean": pa.types.is_boolean,
        "date": pa.types.is_date32,
        "instant": pa.types.is_timestamp,
    }
    for name, holds in is_kind.items():
        if holds(kind):
            return name
    raise TypeError("a column of another kind")


def make_sentence(column: DataColumn, language: str) -> str:
    """Return what is said of a column, in a language if there is one."""
    texts = column.description
    return texts.get(language) or next(iter(texts.values()), "")
