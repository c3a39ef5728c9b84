"""Excel, JSON, GeoJSON, Parquet and frames."""

from __future__ import annotations

import datetime
import io
import json
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
import shapely

from urbanlab.errors import FileFormatError, LoadError
from urbanlab.loading.prepare import Prepared

Understand = Callable[..., Prepared]
NOON = datetime.datetime(2015, 7, 1, 10, tzinfo=datetime.UTC)
PLACES = [shapely.Point(8.4, 51.9), shapely.Point(8.5, 51.8)]


def _said(found: Prepared) -> str:
    return "\n".join(note.say("en") for notes in (found.notes, *found.column_notes) for note in notes)


def _workbook(*sheets: tuple[str, list[list[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(content := io.BytesIO())
    return content.getvalue()


ROWS = [
    ["Zählung 2015"],
    [],
    ["Zeit", "Rad", "Anteil", "Tag", "Text-Zahl"],
    [datetime.datetime(2015, 7, 1, 12), 5, 0.5, datetime.datetime(2015, 7, 1), "1.234,5"],
    [datetime.datetime(2015, 7, 1, 13), "Ausfall", None, datetime.datetime(2015, 7, 2), "2,0"],
    *[
        [datetime.datetime(2015, 7, 2, hour), hour, 1, datetime.datetime(2015, 7, 3), "1,5"]
        for hour in range(9)
    ],
    ["Summe", 41, None, None, None],
]


def test_a_sheet_of_excel_is_understood(understand: Understand) -> None:
    found = understand(_workbook(("Daten", ROWS), ("Hinweise", [["x"]])), "book.xlsx")
    first = found.table.slice(0, 2).to_pylist()
    assert first[0] == {
        "zeit": NOON,
        "rad": 5,
        "anteil": 0.5,
        "tag": datetime.date(2015, 7, 1),
        "text_zahl": 1234.5,
    }
    assert first[1]["rad"] is None and first[1]["anteil"] is None and found.table.num_rows == 11
    for sentence in (
        "before the headings: Zählung 2015",
        "not read: Hinweise",
        "in line 15: Summe",
        "(lines 5)",
    ):
        assert sentence in _said(found)


def test_a_sheet_of_excel_is_chosen_or_missing(understand: Understand) -> None:
    book = _workbook(("A", [["x", "y"], [1, 2]]), ("B", [["x", "y"], [3, 4]]))
    assert understand(book, "b.csv", sheet="B").table.to_pylist() == [{"x": 3, "y": 4}]
    with pytest.raises(LoadError, match="no sheet 'C'; its sheets are 'A', 'B'"):
        understand(book, "b.xlsx", sheet="C")
    with pytest.raises(FileFormatError, match="is no Excel workbook"):
        understand(b"PK\x03\x04 xl/ damaged", "b.xlsx")
    with pytest.raises(FileFormatError, match="is empty"):
        understand(_workbook(("A", [])), "b.xlsx")


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1, "when": "2015-07-01T12:00:00+02:00", "in": {"x": [1]}}, {"a": 2, "when": null}]',
        '{"data": [{"a": 1, "when": "2015-07-01T10:00:00Z", "in": {"x": [1]}}, {"a": 2}]}',
        '{"a": 1, "when": "2015-07-01 12:00", "in": {"x": [1]}}\n{"a": 2}\n',
    ],
)
def test_json_is_understood(understand: Understand, text: str) -> None:
    assert understand(text, "x.json").table.to_pylist() == [
        {"a": 1, "when": NOON, "in_x": "[1]"},
        {"a": 2, "when": None, "in_x": None},
    ]


def test_columns_side_by_side_are_records(understand: Understand) -> None:
    found = understand('{"t": ["2026-07-05T12:00", "2026-07-05T13:00"], "v": [1.5, null]}', "x.json")
    assert found.table["v"].to_pylist() == [1.5, None] and found.table["t"][0].as_py().hour == 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"t": [1, 2], "v": [1]}', "holds no table"),
        ('{"t": [[1, 2]], "v": [1]}', "holds no table"),
        ('[{"a": 1},]', "line 1, column"),
        ("[1, 2]", "holds no table"),
        ("a;b\n1;2", "no valid JSON"),
        ("{}", "no table"),
    ],
)
def test_json_that_is_no_table_is_told(understand: Understand, text: str, said: str) -> None:
    with pytest.raises(FileFormatError, match=said):
        understand(text, "x.json")


def test_geojson_gives_longitude_and_latitude(understand: Understand) -> None:
    frame = gpd.GeoDataFrame(
        {"name": ["A", "B"], "since": ["1.2.2015", "3.4.2016"]}, geometry=PLACES, crs=4326
    )
    found = understand(frame.to_json(drop_id=True), "places.geojson")
    assert found.table.to_pylist()[1] == {
        "name": "B",
        "since": datetime.date(2016, 4, 3),
        "longitude": 8.5,
        "latitude": 51.8,
    }


def test_shapes_are_brought_to_degrees(understand: Understand) -> None:
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[PLACES[0].buffer(0.01)], crs=4326).to_crs(25832)
    shape = shapely.from_wkt(understand(frame).table["geometry"][0].as_py())
    assert shape.contains(PLACES[0]) and shape.bounds == pytest.approx((8.39, 51.89, 8.41, 51.91))
    with pytest.raises(LoadError, match="do not say their reference system"):
        understand(frame.set_crs(None, allow_override=True))


def test_parquet_keeps_its_types(understand: Understand) -> None:
    frame = pd.DataFrame({"id": ["007"], "n": [1], "when": pd.to_datetime(["2015-07-01 12:00"])})
    content = io.BytesIO()
    frame.to_parquet(content)
    assert understand(content.getvalue(), "x.parquet").table.to_pylist() == [
        {"id": "007", "n": 1, "when": NOON}
    ]
    with pytest.raises(FileFormatError, match="damaged Parquet"):
        understand(b"PAR1 nonsense", "x.parquet")


def test_geoparquet_keeps_its_places(understand: Understand) -> None:
    content = io.BytesIO()
    gpd.GeoDataFrame({"n": [1, 2]}, geometry=PLACES, crs=4326).to_parquet(content)
    assert understand(content.getvalue(), "x.parquet").table["longitude"].to_pylist() == [8.4, 8.5]


def test_a_frame_is_taken_as_it_is(understand: Understand) -> None:
    frame = pd.DataFrame(
        {
            "Code": ["01", "na", None],
            "Sum": [1.5, float("nan"), 3],
            "kind": pd.Categorical(["x", "y", "x"]),
            "mixed": [1, "two", None],
            "small": pd.array([1, None, 3], "Int8"),
        }
    )
    assert understand(frame).table.to_pydict() == {
        "code": ["01", "na", None],
        "sum": [1.5, None, 3.0],
        "kind": ["x", "y", "x"],
        "mixed": ["1", "two", None],
        "small": [1, None, 3],
    }


def test_an_index_of_times_becomes_a_column(understand: Understand) -> None:
    index = pd.date_range("2015-07-01 12:00", periods=2, freq="h", name="time")
    found = understand(pd.DataFrame({"n": [1, 2]}, index=index))
    assert found.table["time"][0].as_py() == NOON and "became the columns time" in _said(found)
    filtered = pd.DataFrame({"n": [1, 2, 3]}).query("n > 1")
    assert understand(filtered).table.column_names == ["n"]


def test_an_arrow_table_is_taken_too(understand: Understand) -> None:
    assert understand(pa.table({"a": [1, None]})).table.to_pydict() == {"a": [1, None]}


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pd.DataFrame({"a": []}), "no rows"),
        (pd.DataFrame(), "no rows"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "Several columns are called 'a'"),
        (pd.DataFrame([range(1000)]), "has 1000 columns"),
        (pd.DataFrame({"a": [b"x"]}), "binary data"),
    ],
)
def test_a_frame_that_cannot_be_loaded_is_told(
    understand: Understand, frame: pd.DataFrame, said: str
) -> None:
    with pytest.raises(LoadError, match=said):
        understand(frame)


def test_nested_values_are_kept_as_json(understand: Understand) -> None:
    found = understand(pd.DataFrame({"a": [[1, 2], None]}))
    assert json.loads(found.table["a"][0].as_py()) == [1, 2] and "kept as JSON" in _said(found)
