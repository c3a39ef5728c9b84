"""Frames and Parquet files: their types are known and kept, their text is left as it is."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet

from urbanlab.errors import FileFormatError, LoadError
from urbanlab.loading.excel_cells import to_column
from urbanlab.loading.headings import check_width
from urbanlab.loading.notes import note
from urbanlab.loading.raw import RawTable
from urbanlab.loading.room import check_size

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

_CHOOSE_FIRST = (
    "choose columns or rows first, for example pandas.read_parquet(path, columns=[…], filters=[…]), "
    "and give the frame to ul.load"
)


def read_any_frame(frame: Any) -> RawTable:
    """Return the columns of a frame, with places in degrees where it has some."""
    return read_geo_frame(frame) if hasattr(frame, "active_geometry_name") else read_frame(frame)


def read_frame(frame: pd.DataFrame) -> RawTable:
    """Return the frame's columns; an index that says something becomes columns too."""
    import pandas as pd

    notes = []
    if not isinstance(frame.index, pd.RangeIndex):
        index = [str(name or f"index{place or ''}") for place, name in enumerate(frame.index.names)]
        is_named = any(name is not None for name in frame.index.names)
        # What a filter leaves of the row numbers says nothing.
        if is_named or not pd.api.types.is_integer_dtype(frame.index.dtype):
            frame = _reset(frame, index)
            notes.append(note("index", names=", ".join(index)))
    names = [_say_name(name) for name in frame.columns]
    columns = [_to_arrow(frame.iloc[:, place]) for place in range(len(names))]
    return RawTable(names, columns, range(len(frame)), notes, parse=False)


def read_geo_frame(frame: gpd.GeoDataFrame) -> RawTable:
    """Return the frame with places in degrees; raise `LoadError` if it does not say what its coordinates mean."""
    import pandas as pd

    if frame.active_geometry_name is None:
        return read_frame(pd.DataFrame(frame))
    if frame.crs is None:
        raise LoadError(
            "The geometries do not say their reference system: set it, for example "
            "data.set_crs('EPSG:25832') for ETRS89 / UTM zone 32, and load again."
        )
    places = frame.geometry.to_crs("EPSG:4326")
    plain = pd.DataFrame(frame.drop(columns=frame.active_geometry_name))
    others = {name: plain[name].to_wkt() for name in plain.columns if hasattr(plain[name], "to_wkt")}
    raw = read_frame(plain.assign(**others))
    if bool((places.geom_type.isna() | (places.geom_type == "Point")).all()) and not {
        "longitude",
        "latitude",
    } & {name.lower() for name in raw.names}:
        raw.names += ["longitude", "latitude"]
        raw.columns += [
            pa.array(places.x, pa.float64(), from_pandas=True),
            pa.array(places.y, from_pandas=True),
        ]
        raw.notes.append(note("points"))
    else:
        raw.names.append("geometry")
        raw.columns.append(pa.array(places.to_wkt().tolist(), pa.string(), from_pandas=True))
        raw.notes.append(note("shapes"))
    return raw


def read_parquet(content: bytes, name: str) -> RawTable:
    """Return the columns of a Parquet or GeoParquet file."""
    try:
        with pa.parquet.ParquetFile(io.BytesIO(content)) as file:
            check_width(len(file.schema_arrow))
            is_geo = b"geo" in (file.schema_arrow.metadata or {})
            table = _read_batches(file, name)
    except (pa.ArrowException, OSError):
        raise FileFormatError(f"{name} is a damaged Parquet file; write it again.") from None
    if is_geo:
        import geopandas as gpd

        raw = read_geo_frame(gpd.read_parquet(io.BytesIO(content)))
    else:
        columns = [column.combine_chunks() for column in table.columns]
        raw = RawTable(list(table.column_names), columns, range(1, table.num_rows + 1), parse=False)
    raw.notes.insert(0, note("format", what="Parquet"))
    return raw


def _read_batches(file: Any, name: str) -> pa.Table:
    """Return the table, read piece by piece: a small file may hold the same value a thousand million times."""
    size, batches = 0, []
    for batch in file.iter_batches():
        batches.append(batch)
        size += batch.nbytes
        check_size(name, size, _CHOOSE_FIRST)
    return pa.Table.from_batches(batches, file.schema_arrow)


def _reset(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    clash = sorted(set(names) & {str(column) for column in frame.columns})
    if clash:
        raise LoadError(
            f"The index and a column are both called {', '.join(clash)}. Rename one, or leave the index out: "
            "frame.reset_index(drop=True)."
        )
    return frame.rename_axis(names).reset_index()


def _say_name(name: Any) -> str:
    return "_".join(str(part) for part in name if str(part)) if isinstance(name, tuple) else str(name)


def _to_arrow(column: pd.Series[Any]) -> Any:
    try:
        array = pa.Array.from_pandas(column)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return to_column([None if _is_missing(cell) else cell for cell in column.tolist()])
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _is_missing(cell: Any) -> bool:
    import pandas as pd

    return cell is None or (pd.api.types.is_scalar(cell) and bool(pd.isna(cell)))
