"""Maps of anything that has a place, with own files only and nothing asked of third parties."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import folium

from urbanlab.crs import WGS84, from_frame, to_wgs84
from urbanlab.errors import MapError, suggest
from urbanlab.session import Session, current_session
from urbanlab.widgets.legend import Colours, escape, format_number, is_missing, make_colours
from urbanlab.widgets.own_files import MAX_ZOOM, use_own_files
from urbanlab.widgets.picture import draw_picture

if TYPE_CHECKING:
    import geopandas as gpd

MAX_FEATURES = 10_000
# A browser takes seconds for so much drawing, at whatever number of features.
MAX_BYTES = 20_000_000
MAX_TOOLTIP_FIELDS = 12
CLOSEST_ZOOM = 16

_WORDS = {
    "de": {
        "map": "Karte",
        "places": "Orte",
        "missing": "keine Angabe",
        "others": "übrige",
        "left_out": "ohne Ort, nicht gezeigt",
        "group": ".",
        "decimal": ",",
    },
    "en": {
        "map": "Map",
        "places": "places",
        "missing": "no value",
        "others": "others",
        "left_out": "without a place, not shown",
        "group": ",",
        "decimal": ".",
    },
}
_STYLE = """
<style>
.leaflet-container { background: #eef1f4; font: 13px system-ui, sans-serif; }
.ul-legend, .ul-note { position: absolute; z-index: 1000; background: #fffffff0; color: #1f2328;
  border: 1px solid #b8c0c8; border-radius: 4px; padding: 6px 10px; font: 13px system-ui, sans-serif; }
.ul-legend { right: 10px; bottom: 26px; max-width: 45%; }
.ul-note { left: 60px; top: 10px; }
.ul-ramp { width: 150px; height: 12px; margin-top: 4px; }
.ul-ends { display: flex; justify-content: space-between; font-variant-numeric: tabular-nums; }
.ul-swatch { display: inline-block; width: 12px; height: 12px; border-radius: 6px; vertical-align: -1px; }
</style>
"""


def map(
    data: Any,
    *,
    value: str | None = None,
    tooltip: str | Sequence[str] | None = None,
    crs: str = WGS84,
    radius: float = 7,
    height: int = 450,
) -> Map:
    """Return a map of anything that has a place.

    Args:
        data: A `GeoDataFrame` in any reference system; a frame with columns ``longitude`` and ``latitude`` (or
            ``lon``, ``lat``) or with WKT or GeoJSON; a list of shapely geometries or of (longitude, latitude);
            or the name of a dataset.
        value: The column that gives the colours, with a legend: numbers a ramp, words one colour each.
        tooltip: The column or columns to show at the pointer; all (up to twelve) if left out.
        crs: The reference system of the coordinates, where the data do not say it themselves.
        radius: The size of points, in pixels.
        height: The height of the map, in pixels.

    Returns:
        A `folium.Map`, so that folium's own layers can be added to it. It loads nothing from third parties;
        adding something that would raises a `MapError`. A public page also gets a plain picture of `data`, for
        readers without JavaScript.

    Raises:
        MapError: nothing says where things are, there are more than 10,000 of them, or a column does not exist.
        DatasetNotFoundError: there is no dataset of that name.

    Example:
        >>> ul.map(ul.query("SELECT * FROM guetersloh.sensors"), value="kind", tooltip="name")
    """
    session = current_session()
    frame = to_wgs84(_to_geo(data, crs))
    shown = frame[~(frame.geometry.isna() | frame.geometry.is_empty)]
    _check_amount(len(shown))
    _check_degrees(shown)
    fields = _choose_fields(shown, value, tooltip)
    words = _WORDS.get(session.language, _WORDS["en"])
    colours = make_colours(shown[value] if value is not None else None, words)
    drawn = Map(session, height=height, title=f"{words['map']}: {value or session.tenant_title}")
    if len(shown):
        drawn.add_child(_make_layer(shown, value, fields, colours, radius, words))
        west, south, east, north = shown.total_bounds
        drawn.fit_bounds([[south, west], [north, east]], max_zoom=CLOSEST_ZOOM, padding=(30, 30))
        drawn.keep_picture(
            _draw(shown, value, fields, colours, radius, words), f"{len(shown)} {words['places']}"
        )
    left_out = len(frame) - len(shown)
    drawn.add_notes(colours.legend, f"{left_out} {words['left_out']}" if left_out else "")
    return drawn


class Map(folium.Map):  # type: ignore[misc]  # folium has no types
    """A folium map on a plain ground, with a scale, shown in a frame of its own."""

    def __init__(self, session: Session, *, height: int, title: str) -> None:
        use_own_files(session.assets_url)
        super().__init__(
            location=session.map_centre, zoom_start=12, tiles=None, control_scale=True, max_zoom=MAX_ZOOM
        )
        self._title = title
        self._height = height
        self._language = session.language
        self._picture: tuple[str, dict[str, str]] | None = None
        self.get_root().title = escape(title)
        self.get_root().header.add_child(folium.Element(_STYLE), name="urbanlab_style")

    def add_notes(self, legend: str, note: str) -> None:
        """Put a legend, given as HTML, and a sentence over the map."""
        text = legend + (f'<div class="ul-note">{escape(note)}</div>' if note else "")
        self.get_root().html.add_child(folium.Element(text))

    def keep_picture(self, picture: str, about: str) -> None:
        """Keep a picture, as SVG, that stands for the map where nothing interactive can be shown."""
        self._picture = (picture, {"alt": f"{self._title}, {about}"})

    def _repr_svg_(self) -> tuple[str, dict[str, str]] | None:
        return self._picture

    def _repr_html_(self, **kwargs: Any) -> str:
        page = (
            self.get_root().render(**kwargs).replace("<html>", f'<html lang="{escape(self._language)}">', 1)
        )
        return (
            f'<iframe title="{escape(self._title)}" srcdoc="{html.escape(page)}" '
            f'style="width:100%;height:{self._height}px;border:0" allowfullscreen></iframe>'
        )

    def __repr__(self) -> str:
        return f"<{self._title}>"


def _to_geo(data: Any, crs: str) -> gpd.GeoDataFrame:
    import geopandas as gpd
    import pandas as pd

    if isinstance(data, str):
        from urbanlab.datasets import dataset

        data = dataset(data).to_frame(limit=MAX_FEATURES + 1)
    if isinstance(data, gpd.GeoSeries):
        return from_frame(gpd.GeoDataFrame(geometry=data), crs=crs)
    if isinstance(data, pd.DataFrame):
        return from_frame(data, crs=crs)
    if isinstance(data, Sequence):
        return from_frame(pd.DataFrame({"geometry": list(data)}), crs=crs)
    raise MapError(
        f"A {type(data).__name__} cannot be drawn: give a frame with places, a list of points (longitude, "
        "latitude), or the name of a dataset."
    )


def _check_amount(count: int) -> None:
    if count > MAX_FEATURES:
        raise MapError(
            f"A map shows up to {MAX_FEATURES:,} things, these are {count:,}. Count them by area or grid in the "
            f"query, take a part, or draw some of them: data.sample({MAX_FEATURES})."
        )


def _check_degrees(frame: gpd.GeoDataFrame) -> None:
    if not len(frame):
        return
    west, south, east, north = frame.total_bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise MapError(
            f"The coordinates ({west:.0f} to {east:.0f}, {south:.0f} to {north:.0f}) are no degrees: say their "
            "reference system, for example crs='EPSG:25832' for ETRS89 / UTM zone 32."
        )


def _choose_fields(
    frame: gpd.GeoDataFrame, value: str | None, tooltip: str | Sequence[str] | None
) -> list[Any]:
    columns = [column for column in frame.columns if column != frame.geometry.name]
    fields = [tooltip] if isinstance(tooltip, str) else list(tooltip if tooltip is not None else columns)
    for name in (*fields, *([] if value is None else [value])):
        if name not in columns:
            raise MapError(
                f"There is no column {name!r}.{suggest(str(name), [str(column) for column in columns])}"
            )
    return fields[:MAX_TOOLTIP_FIELDS]


def _make_layer(
    frame: gpd.GeoDataFrame,
    value: str | None,
    fields: list[Any],
    colours: Colours,
    radius: float,
    words: dict[str, str],
) -> folium.GeoJson:
    import geopandas as gpd

    rows = frame[fields].to_dict("records") if fields else [{}] * len(frame)
    texts = [_make_tooltip(row, fields, words) for row in rows]
    cells = frame[value] if value is not None else [None] * len(frame)
    plain = gpd.GeoDataFrame(
        {
            "text": texts,
            "colour": [colours.pick(cell) for cell in cells],
        },
        geometry=frame.geometry.values,
        crs=frame.crs,
    )
    document = plain.to_json(drop_id=True)
    if len(document) > MAX_BYTES:
        raise MapError(
            f"These shapes are too detailed for a map ({len(document) // 1_000_000} MB): simplify them, "
            "for example data.simplify(20) in a reference system in metres."
        )
    return folium.GeoJson(
        json.loads(document),
        style_function=_style,
        marker=folium.CircleMarker(radius=radius, weight=1.5, fill=True, fill_opacity=0.85),
        tooltip=folium.GeoJsonTooltip(["text"], labels=False, sticky=False) if fields else None,
        popup=folium.GeoJsonPopup(["text"], labels=False) if fields else None,
    )


def _draw(
    frame: gpd.GeoDataFrame,
    value: str | None,
    fields: list[Any],
    colours: Colours,
    radius: float,
    words: dict[str, str],
) -> str:
    cells = frame[value] if value is not None else [None] * len(frame)
    titles = frame[fields[0]] if fields else [""] * len(frame)
    return draw_picture(
        frame,
        [colours.pick(cell) for cell in cells],
        ["" if is_missing(title) else _format(title, words) for title in titles],
        colours,
        radius,
    )


def _style(feature: dict[str, Any]) -> dict[str, Any]:
    colour = feature["properties"]["colour"]
    return {"color": "#1f2328", "fillColor": colour, "weight": 1, "fillOpacity": 0.75}


def _make_tooltip(row: dict[Any, Any], fields: list[Any], words: dict[str, str]) -> str:
    """Return the row as HTML in which nothing of the data is HTML."""
    cells = ((field, "" if is_missing(row[field]) else row[field]) for field in fields)
    return "<br>".join(f"<b>{escape(str(field))}</b> {escape(_format(cell, words))}" for field, cell in cells)


def _format(cell: Any, words: dict[str, str]) -> str:
    text = format_number(cell, words) if isinstance(cell, float) else str(cell)
    return text if len(text) <= 200 else text[:199] + "…"
