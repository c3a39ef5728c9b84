"""Places from columns, texts and objects, and the way to degrees."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from urbanlab.crs import from_frame, to_wgs84
from urbanlab.errors import MapError

PLACE = shapely.Point(8.38, 51.9)


@pytest.mark.parametrize(
    "columns",
    [
        {"longitude": [8.38], "latitude": [51.9]},
        {"Lon": ["8.38"], "LAT": ["51.9"]},
        {"geometry": ["POINT (8.38 51.9)"]},
        {"wkt": [" POINT (8.38 51.9)"]},
        {"geojson": ['{"type": "Point", "coordinates": [8.38, 51.9]}']},
        {"geojson": [{"type": "Point", "coordinates": [8.38, 51.9]}]},
        {"point": [{"1": 8.38, "2": 51.9}]},
        {"position": [(8.38, 51.9)]},
        {"geometry": [PLACE]},
    ],
)
def test_a_place_is_found_in_whatever_form_it_has(columns: dict[str, list[Any]]) -> None:
    frame = from_frame(pd.DataFrame({"name": ["a"], **columns}))
    assert frame.geometry.iloc[0].equals(PLACE)
    assert frame.crs.to_epsg() == 4326 and frame.name[0] == "a"


def test_rows_without_coordinates_keep_their_row_and_an_empty_place() -> None:
    frame = from_frame(pd.DataFrame({"lon": [8.4, None], "lat": [51.9, 51.9]}, index=[7, 9]))
    assert list(frame.index) == [7, 9] and list(frame.geometry.isna()) == [False, True]
    frame = from_frame(pd.DataFrame({"wkt": ["POINT (1 2)", None, float("nan")]}))
    assert list(frame.geometry.isna()) == [False, True, True]


def test_coordinates_of_the_city_come_out_in_degrees() -> None:
    frame = from_frame(pd.DataFrame({"x": [458_000.0], "y": [5_750_000.0]}), crs="EPSG:25832")
    place = to_wgs84(frame).geometry[0]
    assert (place.x, place.y) == pytest.approx((8.39, 51.9), abs=0.02)


def test_a_frame_that_says_its_system_keeps_it() -> None:
    frame = gpd.GeoDataFrame(geometry=[shapely.Point(458_000, 5_750_000)], crs="EPSG:25832")
    assert from_frame(frame, crs="EPSG:4326").crs.to_epsg() == 25832


@pytest.mark.parametrize(
    ("columns", "options", "says"),
    [
        ({"name": ["a"]}, {}, "No column says where.*There are name"),
        ({"wkt": ["POINT"]}, {}, "'POINT' is no geometry"),
        ({"wkt": ["here"]}, {}, "'here' is no geometry"),
        ({"geojson": ['{"type": "Pint"}']}, {}, "is no geometry"),
        ({"lon": ["east"], "lat": [1]}, {}, "must hold numbers"),
        ({"wkt": ["POINT (1 2)"]}, {"geometry": "place"}, "There is no column 'place'; there are wkt"),
        ({"lon": [1], "lat": [1]}, {"crs": "EPSG:1"}, "is no reference system"),
        ({"position": [5]}, {}, "is no geometry"),
    ],
)
def test_what_is_no_place_is_said(columns: dict[str, Any], options: dict[str, str], says: str) -> None:
    with pytest.raises(MapError, match=says):
        from_frame(pd.DataFrame(columns), **options)


def test_geometries_without_a_system_are_not_guessed() -> None:
    with pytest.raises(MapError, match="set_crs"):
        to_wgs84(gpd.GeoDataFrame(geometry=[PLACE]))
