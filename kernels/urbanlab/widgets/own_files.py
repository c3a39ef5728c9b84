"""Maps load nothing from third parties: every address that folium would name becomes one of our own files."""

from __future__ import annotations

import re
from functools import wraps
from typing import Any

import branca.element
import folium

from urbanlab.errors import MapError

# What an address contains -> the file below the assets (hub_config/assets.json says where it comes from).
OWN_FILES = (
    (r"/leaflet@[\d.]+/dist/leaflet\.js$", "leaflet/leaflet.js"),
    (r"/leaflet@[\d.]+/dist/leaflet\.css$", "leaflet/leaflet.css"),
    (r"/jquery-[\d.]+(\.min)?\.js$", "jquery/jquery.min.js"),
    (r"/bootstrap\.bundle(\.min)?\.js$", "bootstrap/bootstrap.bundle.min.js"),
    (r"/css/bootstrap(\.min)?\.css$", "bootstrap/bootstrap.min.css"),
    (r"/fontawesome-free@[\d.]+/css/all(\.min)?\.css$", "fontawesome/css/all.min.css"),
    (r"/leaflet\.awesome-markers(\.min)?\.js$", "awesome-markers/leaflet.awesome-markers.js"),
    (r"/leaflet\.awesome-markers(\.min)?\.css$", "awesome-markers/leaflet.awesome-markers.css"),
    # Bootstrap 3's icons and turned icons: what folium's own markers need of them is in the former.
    (r"/bootstrap-glyphicons\.css$", "awesome-markers/leaflet.awesome-markers.css"),
    (r"/leaflet\.awesome\.rotate(\.min)?\.css$", "awesome-markers/leaflet.awesome-markers.css"),
    (r"/leaflet\.markercluster(\.min)?\.js$", "markercluster/leaflet.markercluster.js"),
    (r"/MarkerCluster\.css$", "markercluster/MarkerCluster.css"),
    (r"/MarkerCluster\.Default\.css$", "markercluster/MarkerCluster.Default.css"),
    (r"/d3[./].*\.js$", "d3/d3.min.js"),
)
MAX_ZOOM = 19  # without tiles nothing else says how far a map goes
_TILES = 6  # the place of `tiles` among the arguments of folium's Map
_FOREIGN = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)


def own_address(url: str, assets_url: str) -> str:
    """Return our own address of a file that folium names; raise `MapError` for one that we do not have."""
    if not _FOREIGN.match(url):
        return url
    for pattern, path in OWN_FILES:
        if re.search(pattern, url):
            return f"{assets_url.rstrip('/')}/{path}"
    raise MapError(_explain(url))


def _explain(url: str) -> str:
    return (
        f"This map would load {url} from somebody else, who would learn who looks at it. Urban Lab has no own "
        "copy of that: leave that part of the map out, or ask the operator to add it."
    )


def check_own(element: branca.element.Element) -> None:
    """Raise `MapError` if a part of a map, a layer of tiles or of pictures, names somebody else's address."""
    for name in ("tiles", "url", "icon_url"):
        address = getattr(element, name, None)
        if isinstance(address, str) and _FOREIGN.match(address):
            raise MapError(_explain(address))
    for child in element._children.values():
        check_own(child)


def use_own_files(assets_url: str) -> None:
    """Make every folium map of this kernel name our own files only; calling it again changes the place.

    All links of folium, its plugins and branca's legends are made by one class, and all maps are drawn by
    another: these are the two doors. A map that asks for no tiles gets none instead of somebody else's.
    """
    _guard_links(assets_url)
    _guard_drawing()
    _leave_out_tiles()


def _guard_links(assets_url: str) -> None:
    link = branca.element.Link
    original = getattr(link.__init__, "__wrapped__", link.__init__)

    @wraps(original)
    def make_link(self: branca.element.Link, url: str, download: bool = False) -> None:
        # Downloading is for pages that carry their files in them; ours lie beside the page.
        original(self, own_address(url, assets_url), download=False)

    link.__init__ = make_link


def _guard_drawing() -> None:
    figure = branca.element.Figure
    original = getattr(figure.render, "__wrapped__", figure.render)

    @wraps(original)
    def render(self: branca.element.Figure, **options: Any) -> str:
        check_own(self)
        return str(original(self, **options))

    figure.render = render


def _leave_out_tiles() -> None:
    original = getattr(folium.Map.__init__, "__wrapped__", folium.Map.__init__)

    @wraps(original)
    def make_map(self: folium.Map, *values: Any, **options: Any) -> None:
        if len(values) <= _TILES:
            options.setdefault("tiles", None)
            options.setdefault("max_zoom", MAX_ZOOM)
        original(self, *values, **options)

    folium.Map.__init__ = make_map
