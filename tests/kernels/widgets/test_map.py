"""Maps: of anything that has a place, nothing foreign in them, nothing of the data taken for HTML."""

from __future__ import annotations

import html
import re
from typing import Any

import folium
import folium.plugins
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import urbanlab as ul
from urbanlab.contract import environment
from urbanlab.errors import MapError
from urbanlab.session import Session
from urbanlab.widgets.map import Map

FOREIGN = re.compile(r"(?:https?:)?//(?!localhost)[a-z0-9-]+\.[a-z]{2,}", re.IGNORECASE)
PLACES = pd.DataFrame({"name": ["A", "B"], "n": [1, 2], "longitude": [8.3, 8.4], "latitude": [51.9, 51.95]})
NASTY = "</script><script>alert(1)</script>{% endraw %}{{ 7*7 }}'\"`<img src=x onerror=alert(1)>&amp;"


@pytest.fixture(autouse=True)
def session_of_the_town(session: Session) -> Session:
    return session


def page(drawn: Map) -> str:
    """Return the page within the frame."""
    frame = drawn._repr_html_()
    found = re.search(r'srcdoc="([^"]*)"', frame)
    assert found is not None
    return html.unescape(found[1])


@pytest.mark.parametrize(
    "data",
    [
        PLACES,
        gpd.GeoDataFrame(geometry=[shapely.Point(458_000, 5_750_000)], crs="EPSG:25832"),
        gpd.GeoSeries([shapely.box(8, 51, 9, 52)], crs="EPSG:4326"),
        [(8.4, 51.9), (8.5, 51.9)],
        [shapely.LineString([(8, 51), (9, 52)])],
        pd.DataFrame({"wkt": ["POLYGON ((8 51, 9 51, 9 52, 8 51))"]}),
        gpd.GeoDataFrame(geometry=[], crs="EPSG:4326"),
    ],
)
def test_anything_with_a_place_is_drawn_and_nothing_foreign_named(data: Any) -> None:
    text = page(ul.map(data))
    assert not FOREIGN.search(text)
    assert 'src="/user/anna@town/urbanlab/assets/leaflet/leaflet.js"' in text
    assert text.count("<script") > 1 and '<html lang="en">' in text


@pytest.mark.parametrize("value", ["n", "name", None])
def test_colours_have_a_legend_and_nothing_foreign_comes_with_it(value: str | None) -> None:
    text = page(ul.map(PLACES, value=value, tooltip="name"))
    assert not FOREIGN.search(text)
    assert ('class="ul-legend"' in text) is (value is not None)


def test_what_folium_adds_stays_ours_too() -> None:
    drawn = ul.map(PLACES)
    folium.Marker((51.9, 8.3), icon=folium.Icon(icon="info-sign")).add_to(drawn)
    folium.plugins.MarkerCluster([(51.9, 8.3)]).add_to(drawn)
    assert not FOREIGN.search(page(drawn))


@pytest.mark.parametrize(
    "layer",
    [
        folium.TileLayer("OpenStreetMap"),
        folium.WmsTileLayer("https://wms.example.org/x", layers="a"),
        folium.raster_layers.ImageOverlay("https://example.org/x.png", [[51, 8], [52, 9]]),
        folium.plugins.Geocoder(),
    ],
)
def test_a_layer_of_somebody_else_is_refused(layer: Any) -> None:
    drawn = ul.map(PLACES)
    layer.add_to(drawn)
    with pytest.raises(MapError, match="from somebody else"):
        drawn._repr_html_()


def test_nothing_of_the_data_is_html_or_a_template() -> None:
    data = PLACES.assign(**{NASTY: NASTY})
    text = page(ul.map(data, value=NASTY))
    assert "<script>alert" not in text and "<img src=x" not in text
    assert "7*7" in text and "&lt;script&gt;alert(1)" in text


def test_the_tenants_title_is_no_html(environ: dict[str, str], use_session: Any) -> None:
    use_session({**environ, environment.TENANT_TITLE: NASTY})
    drawn = ul.map(PLACES)
    assert "<script>alert" not in page(drawn)
    assert re.fullmatch(
        r'<iframe title="[^"<>]*" srcdoc="[^"]*" style="[^"]*" allowfullscreen></iframe>', drawn._repr_html_()
    )


def test_ten_thousand_things_are_drawn_and_one_more_says_what_to_do() -> None:
    many = pd.DataFrame({"longitude": np.linspace(8, 9, 10_000), "latitude": 51.9})
    assert page(ul.map(many)).count('"Point"') == 10_000
    more = pd.concat([many, many.head(1)])
    with pytest.raises(MapError, match=r"up to 10,000 things, these are 10,001.*sample"):
        ul.map(more)


def test_shapes_with_too_much_detail_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urbanlab.widgets.map.MAX_BYTES", 5_000)
    circle = gpd.GeoSeries([shapely.Point(8, 51).buffer(1, quad_segs=200)], crs="EPSG:4326")
    with pytest.raises(MapError, match=r"too detailed.*simplify"):
        ul.map(circle)


def test_rows_without_a_place_are_counted() -> None:
    assert "1 without a place, not shown" in page(ul.map(PLACES.assign(longitude=[8.3, None])))


@pytest.mark.parametrize(
    ("data", "options", "says"),
    [
        (PLACES, {"value": "nn"}, "no column 'nn'. Did you mean n"),
        (PLACES, {"tooltip": ["namee"]}, "Did you mean name"),
        (5, {}, "A int cannot be drawn"),
        (pd.DataFrame({"x": [458_000.0], "y": [5_750_000.0]}), {}, "are no degrees.*EPSG:25832"),
        (gpd.GeoDataFrame({"a": [1]}), {}, "active geometry"),
    ],
)
def test_what_cannot_be_drawn_is_said(data: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(MapError, match=says):
        ul.map(data, **options)


@pytest.mark.parametrize(("language", "written"), [("de", "1.234,5"), ("en", "1,234.5")])
def test_numbers_are_written_in_the_readers_language(
    environ: dict[str, str], use_session: Any, language: str, written: str
) -> None:
    use_session({**environ, environment.LANGUAGE: language})
    assert written in page(ul.map(PLACES.assign(n=[1234.5, 2.0]), value="n"))
