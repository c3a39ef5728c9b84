"""Reference systems: frames with places from frames with numbers or text, and the way to WGS 84."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from urbanlab.errors import MapError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

WGS84 = "EPSG:4326"
LONGITUDES = ("longitude", "lon", "lng", "long", "laengengrad", "x")
LATITUDES = ("latitude", "lat", "breitengrad", "y")
_WKT = re.compile(
    r"(?:MULTI)?(?:POINT|LINESTRING|POLYGON)\s*Z?\s*\(|GEOMETRYCOLLECTION\s*Z?\s*\(", re.IGNORECASE
)
GEOMETRIES = ("geometry", "geom", "wkt", "geojson", "point", "position", "location")


def from_frame(frame: pd.DataFrame, *, geometry: str | None = None, crs: str = WGS84) -> gpd.GeoDataFrame:
    """Return the frame with geometries made of its columns; raise `MapError` if none of them says where."""
    import geopandas as gpd

    _check_crs(crs)
    if isinstance(frame, gpd.GeoDataFrame):
        if frame.active_geometry_name is None:
            raise MapError("The frame has no active geometry: choose one with data.set_geometry('column').")
        return frame if frame.crs is not None else frame.set_crs(crs)
    if geometry is not None and geometry not in frame.columns:
        raise MapError(f"There is no column {geometry!r}; there are {', '.join(map(str, frame.columns))}.")
    longitude, latitude = find_column(frame, LONGITUDES), find_column(frame, LATITUDES)
    if geometry is None and longitude and latitude:
        places = _points(frame[longitude], frame[latitude])
        return gpd.GeoDataFrame(frame, geometry=places, crs=crs)
    column = geometry or find_column(frame, GEOMETRIES)
    if column is None:
        raise MapError(
            "No column says where: give columns longitude and latitude, or one with WKT or GeoJSON. "
            f"There are {', '.join(map(str, frame.columns))}."
        )
    places = _parse_geometries(frame[column])
    rest = frame.drop(columns=column)
    return gpd.GeoDataFrame(rest, geometry=gpd.GeoSeries(places, index=frame.index), crs=crs)


def find_geometries(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of the warehouse with what is a geometry in it, in degrees as the warehouse keeps all places.

    Geometries are those of the warehouse's own shapes, and a text column `geometry` that begins as WKT.
    """
    shapes = [name for name, kind in frame.dtypes.items() if str(kind) == "geometry"]
    if not shapes and not _begins_as_wkt(frame):
        return frame
    import geopandas as gpd

    if shapes:
        placed: pd.DataFrame = gpd.GeoDataFrame(frame, geometry=shapes[0])
        return placed
    try:
        placed = from_frame(frame, geometry="geometry")
    except MapError:
        return frame  # a text after all
    return placed


def _begins_as_wkt(frame: pd.DataFrame) -> bool:
    if "geometry" not in frame.columns or str(frame["geometry"].dtype) != "str":
        return False
    first = frame["geometry"].first_valid_index()
    return first is not None and bool(_WKT.match(frame["geometry"][first]))


def to_wgs84(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the frame in degrees; raise `MapError` if it does not say what its coordinates mean."""
    if frame.crs is None:
        raise MapError(
            "The geometries do not say their reference system: set it, for example "
            "data.set_crs('EPSG:25832') for ETRS89 / UTM zone 32."
        )
    return frame.to_crs(WGS84)


def _check_crs(crs: str) -> None:
    import pyproj

    try:
        pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        raise MapError(
            f"{crs!r} is no reference system: use a code, for example EPSG:4326 for degrees or EPSG:25832 "
            "for ETRS89 / UTM zone 32."
        ) from None


def find_column(frame: pd.DataFrame, names: tuple[str, ...]) -> Any | None:
    """Return the first column with one of the names, whatever its case, or `None`."""
    by_name = {str(column).lower(): column for column in reversed(frame.columns)}
    return next((by_name[name] for name in names if name in by_name), None)


def _points(longitudes: pd.Series[Any], latitudes: pd.Series[Any]) -> gpd.GeoSeries:
    import geopandas as gpd
    import pandas as pd

    try:
        x, y = pd.to_numeric(longitudes), pd.to_numeric(latitudes)
    except (ValueError, TypeError):
        raise MapError(f"{longitudes.name} and {latitudes.name} must hold numbers, in degrees.") from None
    places = gpd.GeoSeries(gpd.points_from_xy(x, y), index=longitudes.index)
    places[x.isna() | y.isna()] = None
    return places


def _parse_geometries(column: pd.Series[Any]) -> Any:
    import shapely

    values = column.tolist()
    if all(isinstance(value, str) and not value.lstrip().startswith("{") for value in values):
        # If one of them is wrong, they are read one by one, so that the message can name it.
        with suppress(shapely.errors.ShapelyError):
            return shapely.from_wkt(values)
    return [_parse_geometry(value) for value in values]


def _parse_geometry(value: Any) -> Any:
    import json

    import shapely

    if isinstance(value, shapely.Geometry):
        return value
    if value is None or (isinstance(value, float) and value != value):  # the latter: not a number
        return None
    try:
        if isinstance(value, dict) and "type" in value:
            return shapely.from_geojson(json.dumps(value))
        if isinstance(value, dict):  # ClickHouse's Point
            return shapely.Point(*value.values())
        if isinstance(value, str):
            text = value.strip()
            return shapely.from_geojson(text) if text.startswith("{") else shapely.from_wkt(text)
        return shapely.Point(*value)
    except (shapely.errors.ShapelyError, TypeError, ValueError):
        raise MapError(f"{str(value)[:60]!r} is no geometry: it must be WKT or GeoJSON.") from None
