"""The files of a table that a page offers: CSV, GeoJSON and Parquet here, Excel in `data_excel`."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from urbanlab.contract.page_data import MAX_FILE_BYTES, is_formula, make_file_name
from urbanlab_runner.data_excel import MAX_EXCEL_CELLS, Terms, make_workbook
from urbanlab_runner.data_offers import Offer, OfferError

_GEO = {"version": "1.1.0", "primary_column": "", "columns": {}}


def make_files(offers: Iterable[Offer], terms: Terms) -> dict[str, bytes]:
    """Return the files of the tables by their names in the page; raise `OfferError` where one is too large."""
    files = {}
    for offer in offers:
        rows = list(_list_rows(offer))
        forms = {"csv": make_csv(offer, rows), "parquet": make_parquet(offer, terms)}
        if offer.geometry:
            forms["geojson"] = make_geojson(offer, rows)
        if offer.table.num_rows * offer.table.num_columns <= MAX_EXCEL_CELLS:
            forms["xlsx"] = make_workbook(offer, rows, terms)
        for form, content in forms.items():
            if len(content) > MAX_FILE_BYTES:
                raise OfferError(f"The data {offer.data.name!r} are too large as {form}: offer a summary")
            files[make_file_name(offer.data.name, form)] = content
    return files


def make_csv(offer: Offer, rows: Iterable[tuple[Any, ...]]) -> bytes:
    """Return the table by RFC 4180 in UTF-8; what a spreadsheet would calculate gets an apostrophe in front."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_guard(name) for name in offer.table.column_names)
    writer.writerows([_to_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def make_geojson(offer: Offer, rows: Iterable[tuple[Any, ...]]) -> bytes:
    """Return the table by RFC 7946: longitude before latitude, in WGS 84."""
    place = offer.table.column_names.index(offer.geometry)
    names = offer.table.column_names
    shapes = shapely.to_geojson(shapely.from_wkb(offer.table.column(place).to_pylist()))
    features = (
        '{{"type":"Feature","geometry":{},"properties":{}}}'.format(
            shape or "null",
            json.dumps(
                {
                    name: _to_json(value)
                    for name, value in zip(names, row, strict=True)
                    if name != offer.geometry
                },
                ensure_ascii=False,
                allow_nan=False,
            ),
        )
        for shape, row in zip(shapes, rows, strict=True)
    )
    return ('{"type":"FeatureCollection","features":[\n' + ",\n".join(features) + "\n]}\n").encode(
        "utf-8", "replace"
    )


def make_parquet(offer: Offer, terms: Terms) -> bytes:
    """Return the table with its kinds and units; places as GeoParquet has them."""
    metadata = {"title": terms.page, "licence": terms.licence, "source": terms.source}
    if offer.geometry:
        column = {"encoding": "WKB", "geometry_types": []}
        geo = {**_GEO, "primary_column": offer.geometry, "columns": {offer.geometry: column}}
        metadata["geo"] = json.dumps(geo)
    fields = [
        pa.field(each.name, each.type, metadata={"unit": column.unit} if column.unit else None)
        for each, column in zip(offer.table.schema, offer.data.columns, strict=True)
    ]
    buffer = io.BytesIO()
    pq.write_table(offer.table.cast(pa.schema(fields, metadata=metadata)), buffer, compression="zstd")
    return buffer.getvalue()


def _list_rows(offer: Offer) -> Iterable[tuple[Any, ...]]:
    """Yield the rows with plain values; places as WKT."""
    columns = []
    for column in offer.data.columns:
        values = offer.table.column(column.name).to_pylist()
        if column.kind == "geometry":
            try:
                values = list(shapely.to_wkt(shapely.from_wkb(values), rounding_precision=7))
            except (shapely.errors.ShapelyError, TypeError, ValueError):
                raise OfferError(f"The data {offer.data.name!r} have places that are none") from None
        columns.append(values)
    return zip(*columns, strict=True)


def _to_cell(value: Any) -> Any:
    if isinstance(value, str):
        return _guard(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | datetime):
        return value.isoformat()
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else value


def _to_json(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _guard(text: str) -> str:
    return f"'{text}" if is_formula(text) else text
