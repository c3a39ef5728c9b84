"""Columns with the warehouse's shapes into geometries, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from urbanlab.errors import MapError

if TYPE_CHECKING:
    import geopandas as gpd

# Shape -> how many lists stand around its points, and what it is called among geometries.
_FORMS = {
    "Point": (0, "POINT"),
    "Ring": (1, "POLYGON"),
    "LineString": (1, "LINESTRING"),
    "MultiLineString": (2, "MULTILINESTRING"),
    "Polygon": (2, "POLYGON"),
    "MultiPolygon": (3, "MULTIPOLYGON"),
}


def to_geometries(column: pa.ChunkedArray, shape: str) -> gpd.GeoSeries:
    """Return the column of a shape as geometries in degrees; raise `MapError` if one of them is none."""
    import geopandas as gpd
    import numpy as np
    import shapely

    depth, name = _FORMS[shape]
    values: Any = column.combine_chunks()
    offsets: list[Any] = []
    for _ in range(depth):
        offsets.insert(0, values.offsets.to_numpy() - values.offsets[0].as_py())
        values = values.flatten()
    if shape == "Ring":  # a polygon of this one ring
        offsets.append(np.arange(len(column) + 1))
    points = np.column_stack([values.field(place).to_numpy() for place in (0, 1)])
    kind = shapely.GeometryType[name]
    try:
        geometries = shapely.from_ragged_array(kind, points, tuple(offsets) if offsets else None)
    except (shapely.errors.ShapelyError, ValueError) as error:
        raise MapError(
            f"A {shape} is no geometry ({error}); look at it with query_arrow, or leave it out."
        ) from None
    return gpd.GeoSeries(geometries, crs="EPSG:4326")
