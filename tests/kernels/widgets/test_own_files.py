"""Every address of a map is one of our own files, and each of those is fetched."""

from __future__ import annotations

import json
from pathlib import Path

import folium
import folium.plugins
import pytest

from urbanlab.errors import MapError
from urbanlab.widgets.own_files import OWN_FILES, own_address

ROOT = Path(__file__).parents[3]
ASSETS = json.loads((ROOT / "hub_config/assets.json").read_text())
FETCHED = ROOT / ".parts/assets"


def test_each_file_that_a_map_may_name_is_fetched() -> None:
    assert {path for _, path in OWN_FILES} <= set(ASSETS)


@pytest.mark.parametrize("path", ASSETS)
def test_each_file_lies_where_it_is_named(path: str) -> None:
    if not FETCHED.is_dir():
        pytest.skip("the files of maps have not been fetched; `make test` does that")
    assert (FETCHED / path).stat().st_size > 0


@pytest.mark.parametrize("url", [url for _, url in (*folium.Map.default_js, *folium.Map.default_css)])
def test_all_that_folium_itself_loads_is_ours(url: str) -> None:
    assert own_address(url, "/assets/").removeprefix("/assets/") in ASSETS


@pytest.mark.parametrize("plugin", [folium.plugins.MarkerCluster, folium.plugins.FastMarkerCluster])
def test_the_clusters_of_markers_are_ours(plugin: type) -> None:
    for _, url in (*plugin.default_js, *plugin.default_css):
        assert own_address(url, "/assets").startswith("/assets/markercluster/")


@pytest.mark.parametrize("url", ["/user/x/a.js", "a.js", "data:image/png;base64,AA=="])
def test_an_address_that_is_not_foreign_stays(url: str) -> None:
    assert own_address(url, "/assets/") == url


@pytest.mark.parametrize(
    "url", ["https://example.org/x.js", "//example.org/x.js", "HTTP://example.org/x.css"]
)
def test_a_foreign_file_that_we_do_not_have_is_refused(url: str) -> None:
    with pytest.raises(MapError, match=r"example\.org/x"):
        own_address(url, "/assets/")
