"""What `import urbanlab as ul` gives, and what it costs."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import urbanlab

HEAVY = (
    "pandas",
    "numpy",
    "pyarrow",
    "geopandas",
    "shapely",
    "clickhouse_connect",
    "kafka",
    "folium",
    "ipywidgets",
)


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import sys, urbanlab; "
        f"print([name for name in sys.modules if name in {HEAVY} or name.startswith('urbanlab')])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert loaded.strip() == "['urbanlab']"


def test_the_magics_load_nothing_heavy_either() -> None:
    code = f"import urbanlab.magics, sys; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).stdout.strip() == b"[]"


def test_the_names_are_the_agreed_ones() -> None:
    assert set(urbanlab.__all__) == {
        *("UrbanlabError", "query", "query_arrow", "query_geo", "client", "catalog", "dataset", "load"),
        *("stream", "tail", "map", "publish", "share", "describe", "offer"),
    }
    assert dir(urbanlab) == urbanlab.__all__


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(AttributeError, match=r"urbanlab has no 'querry'; it has .*query"):
        urbanlab.querry  # noqa: B018


@pytest.mark.parametrize("name", urbanlab.__all__)
def test_each_function_says_what_it_takes_gives_and_raises(name: str) -> None:
    thing = getattr(urbanlab, name)
    text = inspect.getdoc(thing) or ""
    if callable(thing) and not isinstance(thing, type):
        assert {"Returns:", "Raises:", "Example:"} <= {line.strip() for line in text.splitlines()}
        for parameter in inspect.signature(thing).parameters:
            assert f"{parameter}:" in text, f"{name} does not describe {parameter}"
