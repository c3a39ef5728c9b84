"""Files of places with tables beside them: shapefiles in their parts, layers of GeoPackages."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from urbanlab.errors import FileFormatError, LoadError
from urbanlab.loading.frames import read_any_frame
from urbanlab.loading.notes import note
from urbanlab.loading.raw import RawTable

SHAPEFILE = b"\x00\x00\x27\x0a"
_SQLITE, _GEOPACKAGES = b"SQLite format 3\0", (b"GPKG", b"GP10", b"GP11")


def is_geopackage(content: bytes) -> bool:
    """Return whether the content is a GeoPackage: a database that says so of itself."""
    return content.startswith(_SQLITE) and content[68:72] in _GEOPACKAGES


def read_shapefile(parts: dict[str, bytes], name: str) -> RawTable:
    """Return the table and the places of a shapefile, from its parts by their endings."""
    for ending, what in ((".shp", "places"), (".dbf", "table"), (".shx", "index")):
        if ending not in parts:
            raise FileFormatError(
                f"{name} is only a part of a shapefile, its {what} ({ending}) is missing. Load the ZIP archive "
                "with all parts, or put them beside it."
            )
    with tempfile.TemporaryDirectory() as folder:
        # Under names of our own, so that none from an archive leads anywhere.
        for ending, content in parts.items():
            Path(folder, f"layer{ending}").write_bytes(content)
        raw = _read(Path(folder, "layer.shp"), name, None)
    raw.notes.insert(0, note("format", what="Shapefile"))
    return raw


def read_geopackage(content: bytes, name: str, layer: str | None) -> RawTable:
    """Return one layer of a GeoPackage, by default the first; raise `LoadError` if there is no such layer."""
    import pyogrio

    try:
        layers = [str(title) for title, _ in pyogrio.list_layers(io.BytesIO(content))]
    except (pyogrio.errors.DataSourceError, ValueError, RuntimeError):
        raise FileFormatError(f"{name} is no GeoPackage that can be read.") from None
    if not layers or (layer is not None and layer not in layers):
        raise LoadError(f"{name} has no layer {layer or ''!r}; its layers are {', '.join(layers) or 'none'}.")
    chosen = layer or layers[0]
    raw = _read(io.BytesIO(content), name, chosen)
    raw.notes.insert(0, note("format", what=f"GeoPackage ({chosen})"))
    if len(layers) > 1 and layer is None:
        others = ", ".join(title for title in layers if title != chosen)
        raw.notes.insert(1, note("sheets", sheet=chosen, others=others))
    return raw


def _read(source: Any, name: str, layer: str | None) -> RawTable:
    import pyogrio

    try:
        frame = pyogrio.read_dataframe(source, **({"layer": layer} if layer else {}))
    # GDAL says in several kinds of errors what is wrong inside a file.
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        ValueError,
        RuntimeError,
        TypeError,
    ):
        raise FileFormatError(f"{name} is damaged; export it again.") from None
    return read_any_frame(frame)
