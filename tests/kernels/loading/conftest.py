"""What the tests of loading share: text into a file, a file into an understood table, and where open data lies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from urbanlab.loading.prepare import Options, Prepared, prepare
from urbanlab.loading.sources import read_source

OPEN_DATA = Path(os.environ.get("URBANLAB_OPEN_DATA") or Path(__file__).parents[4] / "shared/data")


@pytest.fixture
def understand(tmp_path: Path) -> Callable[..., Prepared]:
    """Return a function that gives back what a file's text, or whatever else, is understood as."""

    def understand(
        source: Any, name: str = "table.csv", sheet: str | None = None, **options: Any
    ) -> Prepared:
        if isinstance(source, str | bytes):
            content = source.encode() if isinstance(source, str) else source
            source = tmp_path / name
            source.write_bytes(content)
        return prepare(read_source(source, sheet), Options(**{"zone": "Europe/Berlin", **options}))

    return understand


@pytest.fixture(scope="session")
def open_data() -> Path:
    """Return the folder of open data; skip where it is absent."""
    if not OPEN_DATA.is_dir():
        pytest.skip(f"no open data in {OPEN_DATA}; set URBANLAB_OPEN_DATA")
    return OPEN_DATA
