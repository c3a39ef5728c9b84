"""A plain picture of a map, for readers without JavaScript: drawn from the same places and colours, as SVG."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import geopandas as gpd

    from urbanlab.widgets.legend import Colours

WIDTH, HEIGHT, PADDING = 800, 450, 36
# A place says its name at the pointer; of more than so many nobody reads it, and each costs.
MAX_TITLES = 500
METRES_PER_DEGREE = 111_319.49  # along the equator
MIN_DEGREES = 0.004  # what a single point is shown in
_MAX_LATITUDE = 85.0
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")

Place = Callable[[Any], Any]  # from degrees to pixels, for arrays of coordinates


def draw_picture(
    frame: gpd.GeoDataFrame, colours: Sequence[str], titles: Sequence[str], legend: Colours, radius: float
) -> str:
    """Return the places of a frame in WGS 84 as an SVG, north up, in Web Mercator, with scale and legend."""
    import shapely

    place, metres = _make_projection(frame.total_bounds)
    # Half a pixel is as fine as anybody sees.
    shapes = shapely.simplify(shapely.transform(frame.geometry.values, place), 0.5)
    named = len(frame) <= MAX_TITLES
    lines = [
        _draw_feature(shape, colour, title if named else "", radius)
        for shape, colour, title in zip(shapes, colours, titles, strict=True)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#1f2328">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#eef1f4"/>'
        f'<g stroke="#1f2328" stroke-width="1" fill-opacity="0.75">{"".join(lines)}</g>'
        f"{_draw_scale(metres)}{_draw_legend(legend)}</svg>"
    )


def _make_projection(bounds: Sequence[float]) -> tuple[Place, float]:
    """Return what places coordinates in the picture, and how many metres a pixel is in its middle."""
    import numpy as np

    west, south, east, north = bounds
    top, bottom = _to_mercator(north), _to_mercator(south)
    width, height = max(east - west, MIN_DEGREES), max(top - bottom, MIN_DEGREES)
    scale = min((WIDTH - 2 * PADDING) / width, (HEIGHT - 2 * PADDING) / height)
    centre_x, centre_y = (west + east) / 2, (top + bottom) / 2

    def place(coordinates: Any) -> Any:
        latitudes = np.radians(np.clip(coordinates[:, 1], -_MAX_LATITUDE, _MAX_LATITUDE))
        y = np.degrees(np.log(np.tan(np.pi / 4 + latitudes / 2)))
        x = WIDTH / 2 + (coordinates[:, 0] - centre_x) * scale
        return np.column_stack([x, HEIGHT / 2 - (y - centre_y) * scale])

    return place, METRES_PER_DEGREE * math.cos(math.radians((south + north) / 2)) / scale


def _to_mercator(latitude: float) -> float:
    radians = math.radians(max(-_MAX_LATITUDE, min(latitude, _MAX_LATITUDE)))
    return math.degrees(math.log(math.tan(math.pi / 4 + radians / 2)))


def _draw_feature(shape: Any, colour: str, title: str, radius: float) -> str:
    parts = "".join(_draw_parts(shape, radius))
    name = f"<title>{_escape(title)}</title>" if title else ""
    return f'<g fill="{escape(colour)}">{name}{parts}</g>' if parts else ""


def _draw_parts(shape: Any, radius: float) -> Iterator[str]:
    if hasattr(shape, "geoms"):
        for part in shape.geoms:
            yield from _draw_parts(part, radius)
    elif shape is None or shape.is_empty:
        return
    elif shape.geom_type == "Point":
        yield f'<circle cx="{shape.x:.1f}" cy="{shape.y:.1f}" r="{radius:g}"/>'
    elif shape.geom_type == "Polygon":
        rings = "".join(f"{_draw_line(ring)}z" for ring in (shape.exterior, *shape.interiors))
        yield f'<path fill-rule="evenodd" d="{rings}"/>'
    else:
        yield f'<path fill="none" d="{_draw_line(shape)}"/>'


def _draw_line(line: Any) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y, *_ in line.coords)
    return f"M{points}"


def _draw_scale(metres: float) -> str:
    most = metres * 150
    step = 10 ** math.floor(math.log10(most))
    length = next(factor * step for factor in (5, 2, 1) if factor * step <= most)
    pixels = length / metres
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    left, low = 12, HEIGHT - 12
    return (
        f'<path d="M{left},{low - 6}v6h{pixels:.1f}v-6" fill="none" stroke="#1f2328" stroke-width="2"/>'
        f'<text x="{left + 4}" y="{low - 8}">{text}</text>'
    )


def _draw_legend(legend: Colours) -> str:
    if not legend.entries:
        return ""
    height = 26 + 18 * len(legend.entries)
    lines = [f'<text x="10" y="18" font-weight="bold">{_escape(legend.title)}</text>']
    for index, (colour, text) in enumerate(legend.entries):
        y = 26 + 18 * index
        lines.append(f'<rect x="10" y="{y}" width="12" height="12" fill="{escape(colour)}"/>')
        lines.append(f'<text x="28" y="{y + 11}">{_escape(text)}</text>')
    box = f'<rect width="220" height="{height}" rx="4" fill="#ffffff" fill-opacity="0.94" stroke="#b8c0c8"/>'
    return f'<g transform="translate({WIDTH - 232},{HEIGHT - height - 12})">{box}{"".join(lines)}</g>'


def _escape(text: str) -> str:
    plain = _NO_XML.sub("", text)
    return escape(plain if len(plain) <= 60 else plain[:59] + "…")
