"""The data behind a page: offered by a notebook, made into files by the runner, looked at by the publisher."""

from __future__ import annotations

import base64
import csv
import io
import json
import zipfile
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from urbanlab.contract.page_data import MEDIA_TYPE, make_file_name
from urbanlab_runner.data_excel import Terms
from urbanlab_runner.data_files import make_files
from urbanlab_runner.data_offers import OfferError, take_offers
from urbanlab_services.publisher.pages import CheckedPage, read_page

from ..jupyter_process import JupyterServer  # noqa: TID252
from .page_server import PAGES, fetch_page, run_page

NOW = "2099-01-01T00:00:00+00:00"
OFFER = """
import geopandas as gpd, pandas as pd, shapely, urbanlab as ul
frame = pd.DataFrame({
    "place": pd.Categorical(["=1+1", "Kolbeplatz"]),
    "count": [-3, 4], "rain": [0.5, None], "dry": [True, False], "list": [[1], None],
    "at": pd.to_datetime(["2026-10-25T00:30Z", "2026-10-25T01:30Z"]).tz_convert("Europe/Berlin"),
}, index=pd.Index([7, 8], name="id"))
points = gpd.GeoSeries.from_xy([8.378, 8.38], [51.906, 51.907], crs="EPSG:4326").to_crs("EPSG:25832")
points.index = frame.index
ul.offer(gpd.GeoDataFrame(frame, geometry=points), "hours", title={"de": "Stunden", "en": "Hours"},
         units={"rain": "mm"}, columns={"count": "Persons counted"})
ul.offer(pd.DataFrame({"a": [1]}), "small")
print("shown")
"""


def fetch_checked(server: JupyterServer, model: dict[str, Any]) -> CheckedPage:
    parcel = server.fetch(f"{PAGES}/{model['id']}/page")[2]
    return read_page(parcel, title="Title", language="en", now=NOW)


def test_a_notebook_offers_tables_as_files_that_every_program_reads(server: JupyterServer) -> None:
    model = run_page(server, OFFER, licence="dl-de/zero-2.0", source="=Town")
    _, body = fetch_page(server, model)
    assert "shown" in body and "hours" not in body and len(body) < 3000
    checked = fetch_checked(server, model)
    assert [data.name for data in checked.page.data] == ["hours", "small"]
    hours = checked.page.data[0]
    assert (hours.title["en"], hours.rows) == ("Hours", 2)
    assert [(column.name, column.kind) for column in hours.columns] == [
        *(("id", "integer"), ("place", "text"), ("count", "integer"), ("rain", "number")),
        *(("dry", "boolean"), ("list", "text"), ("at", "instant"), ("geometry", "geometry")),
    ]
    assert {column.name: column.unit for column in hours.columns if column.unit} == {"rain": "mm"}

    def read(form: str) -> bytes:
        file = checked.page.find(make_file_name("hours", form))
        assert file is not None
        return checked.contents[file.digest]

    first, second = csv.DictReader(io.StringIO(read("csv").decode()))
    assert (first["place"], first["count"], first["rain"], second["rain"]) == ("'=1+1", "-3", "0.5", "")
    # The hour that comes twice in autumn is told apart.
    assert [first["at"], second["at"]] == ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]
    book = openpyxl.load_workbook(io.BytesIO(read("xlsx")))
    assert book.sheetnames == ["Data", "Columns", "Licence"]
    assert (book["Data"]["B2"].value, book["Data"]["B2"].data_type) == ("=1+1", "s")
    licence = {row[0]: row[1] for row in book["Licence"].values}
    assert (licence["Licence"], licence["Source"]) == ("dl-de/zero-2.0", "=Town")
    assert ("count", "integer", None, None, "Persons counted") in [
        tuple(cell or None for cell in row) for row in book["Columns"].values
    ]
    feature = json.loads(read("geojson"))["features"][0]
    assert feature["geometry"]["coordinates"] == pytest.approx([8.378, 51.906], abs=1e-6)
    assert feature["properties"]["place"] == "=1+1" and "geometry" not in feature["properties"]
    parquet = pq.read_table(io.BytesIO(read("parquet")))
    assert parquet.schema.metadata[b"licence"] == b"dl-de/zero-2.0" and b"geo" in parquet.schema.metadata


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ul.offer(pd.DataFrame({'a': range(300_000)}), 'large')", "Offer a summary"),
        (
            f"from IPython.display import display\ndisplay({{'{MEDIA_TYPE}': {{'name': '../x'}}}}, raw=True)",
            "cannot be read",
        ),
    ],
)
def test_what_cannot_be_offered_is_said(server: JupyterServer, code: str, error: str) -> None:
    model = run_page(server, f"import pandas as pd, urbanlab as ul\n{code}")
    assert model["state"] == "failed" and error in model["error"], model


def _make_told(table: pa.Table, **changes: Any) -> dict[str, Any]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return {"name": "x", "arrow": base64.b64encode(sink.getvalue()).decode(), **changes}


TABLE = pa.table({"a": pa.array([1, 2], pa.int64())})


def _take(*told: Any) -> list[Any]:
    outputs = [new_output("display_data", {MEDIA_TYPE: each}) for each in told]
    return take_offers(new_notebook(cells=[new_code_cell("", outputs=outputs)]))


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"name": "x", "arrow": 5},
        {"name": "x", "arrow": "no base64!"},
        {"name": "x", "arrow": base64.b64encode(b"no arrow").decode()},
        _make_told(TABLE, name="a/b"),
        _make_told(TABLE, name=5),
        _make_told(TABLE, title="no texts"),
        _make_told(TABLE, columns=[]),
        _make_told(TABLE, columns={"a": {"more": 1}}),
        _make_told(TABLE, columns={"a": {"unit": 5}}),
        _make_told(TABLE, geometry="a"),
        _make_told(TABLE, geometry="b"),
        _make_told(pa.table({"": pa.array([1])})),
        _make_told(pa.table({"a": pa.array([[1]])})),
        _make_told(pa.table({"a": pa.nulls(10**9)})),
        _make_told(pa.table({})),
    ],
)
def test_what_a_kernel_sends_is_not_believed(told: dict[str, Any]) -> None:
    with pytest.raises(OfferError):
        _take(told)


def test_places_that_are_none_are_refused_and_the_last_of_a_name_counts() -> None:
    places = _make_told(pa.table({"g": pa.array([b"no place"], pa.binary())}), geometry="g")
    with pytest.raises(OfferError):
        make_files(_take(places), Terms("Page", "de"))
    (last,) = _take(_make_told(TABLE), _make_told(TABLE.slice(1)))
    assert last.data.rows == 1
    with pytest.raises(OfferError):
        _take(*(_make_told(TABLE, name=f"t{number}") for number in range(11)))


def test_a_workbook_keeps_what_spreadsheets_would_change() -> None:
    odd = ["=cmd|' /C calc'!A0", "\x00bell\x07", "@x", "+49 5241", ""]
    table = pa.table({"text": odd, "number": pa.array([10**17, -1, 0, None, 5], pa.int64())})
    files = make_files(_take(_make_told(table)), Terms("=Page", "de"))
    sheet = openpyxl.load_workbook(io.BytesIO(files["data-x.xlsx"]))["Daten"]
    assert [cell.value for cell in sheet["A"]] == ["text", odd[0], "bell", "@x", "+49 5241", None]
    assert sheet["B2"].value == str(10**17)
    with zipfile.ZipFile(io.BytesIO(files["data-x.xlsx"])) as archive:
        assert not any(b"<f>" in archive.read(name) for name in archive.namelist())
    texts = [row[0] for row in csv.reader(io.StringIO(files["data-x.csv"].decode()))]
    assert texts[1:] == [f"'{odd[0]}", odd[1], "'@x", "'+49 5241", ""]
