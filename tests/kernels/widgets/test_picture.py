"""The plain picture of a map: places where they belong, colours, scale, legend; nothing of the data is markup."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import urbanlab as ul
from urbanlab.session import Session

SVG = "{http://www.w3.org/2000/svg}"
NASTY = "</title><script>alert(1)</script>\x00\x0b&<>'\""


@pytest.fixture(autouse=True)
def session_of_the_town(session: Session) -> Session:
    return session


def draw(data: Any, **options: Any) -> ElementTree.Element:
    drawn = ul.map(data, **options)._repr_svg_()
    assert drawn is not None
    return ElementTree.fromstring(drawn[0])


def find_circles(root: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(each.attrib["cx"]), float(each.attrib["cy"])) for each in root.iter(f"{SVG}circle")]


def test_north_is_up_and_east_is_right() -> None:
    (west, south), (east, north) = find_circles(draw([(8.3, 51.9), (8.4, 51.95)]))
    assert west < east and south > north
    assert all(0 < x < 800 and 0 < y < 450 for x, y in ((west, south), (east, north)))


def test_distances_are_those_of_web_mercator() -> None:
    corners = [(8.0, 51.0), (8.1, 51.0), (8.0, 51.05)]
    (x, y), (right, _), (_, above) = find_circles(draw(corners))
    metres = gpd.GeoSeries(gpd.points_from_xy(*zip(*corners, strict=True)), crs="EPSG:4326").to_crs(
        "EPSG:3857"
    )
    ratio = (metres[1].x - metres[0].x) / (metres[2].y - metres[0].y)
    assert (right - x) / (y - above) == pytest.approx(ratio, rel=0.01)


@pytest.mark.parametrize(("degrees", "text"), [(0.001, "100 m"), (0.1, "1 km"), (5, "50 km")])
def test_the_scale_is_a_round_number(degrees: float, text: str) -> None:
    texts = [each.text for each in draw([(8, 51), (8 + degrees, 51)]).iter(f"{SVG}text")]
    assert texts == [text]


@pytest.mark.parametrize(
    ("shape", "tags"),
    [
        (shapely.box(8, 51, 9, 52), ["path"]),
        (shapely.Point(8, 51).buffer(1).difference(shapely.Point(8, 51).buffer(0.5)), ["path"]),
        (shapely.MultiPoint([(8, 51), (9, 52)]), ["circle", "circle"]),
        (shapely.LineString([(8, 51), (9, 52)]), ["path"]),
        (shapely.GeometryCollection([shapely.Point(8, 51), shapely.box(8, 51, 9, 52)]), ["circle", "path"]),
        (shapely.Point(8, 51, 200), ["circle"]),
    ],
)
def test_every_kind_of_shape_is_drawn(shape: Any, tags: list[str]) -> None:
    places = next(draw([shape]).iter(f"{SVG}g"))
    assert [each.tag.removeprefix(SVG) for each in places.iter() if each.tag != f"{SVG}g"] == tags


def test_colours_legend_and_names_are_those_of_the_map() -> None:
    data = pd.DataFrame({"name": ["A", "B"], "kind": ["x", "y"], "longitude": [8.3, 8.4], "latitude": 51.9})
    root = draw(data, value="kind", tooltip="name")
    places = next(root.iter(f"{SVG}g"))
    assert [(each.attrib["fill"], each[0].text) for each in places] == [("#0072b2", "A"), ("#d55e00", "B")]
    assert [each.text for each in root.iter(f"{SVG}text")][-3:] == ["kind", "x", "y"]


def test_nothing_of_the_data_is_markup() -> None:
    data = pd.DataFrame({NASTY: [NASTY], "longitude": [8.3], "latitude": [51.9]})
    root = draw(data, value=NASTY)
    assert not list(root.iter(f"{SVG}script"))
    assert next(root.iter(f"{SVG}title")).text == NASTY.replace("\x00", "").replace("\x0b", "")


def test_it_says_what_it_shows_and_many_places_stay_small() -> None:
    many = pd.DataFrame({"n": range(10_000), "longitude": np.linspace(8, 9, 10_000), "latitude": 51.9})
    picture, about = ul.map(many, value="n")._repr_svg_() or ("", {})
    assert about == {"alt": "Map: n, 10000 places"}
    assert len(picture) < 1_000_000 and "<title>" not in picture


def test_detail_that_nobody_sees_is_left_out() -> None:
    circle = gpd.GeoSeries([shapely.Point(8, 51).buffer(1, quad_segs=5000)], crs="EPSG:4326")
    picture, _ = ul.map(circle)._repr_svg_() or ("", {})
    assert len(picture) < 5000 and re.search(r'd="M[\d.,\- ]+z"', picture)


def test_a_map_of_nothing_has_no_picture() -> None:
    assert ul.map(gpd.GeoDataFrame(geometry=[], crs="EPSG:4326"))._repr_svg_() is None
