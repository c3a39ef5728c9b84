"""Data behind a page: `urbanlab.offer` says which tables its readers may download."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from urbanlab.contract.page_data import (
    MAX_ARROW_BYTES,
    MAX_CELLS,
    MAX_COLUMN_NAME,
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_WORDS,
    MEDIA_TYPE,
    check_name,
)
from urbanlab.errors import PublishError
from urbanlab.session import current_session

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Words = str | Mapping[str, str]
MAX_INTEGER = 2**63 - 1  # larger ones are told as texts, not rounded
_NOTES = {
    "de": "{name}: {rows} Zeilen und {columns} Spalten. Auf der veröffentlichten Seite zum Herunterladen.",
    "en": "{name}: {rows} rows and {columns} columns. Offered for download on the published page.",
}


def offer(
    data: pd.DataFrame | pa.Table,
    name: str,
    *,
    title: Words = "",
    description: Words = "",
    units: Mapping[str, str] | None = None,
    columns: Mapping[str, Words] | None = None,
) -> None:
    """Offer a table for download on the page that is published from this notebook.

    Its readers get it as CSV, Excel and Parquet, and as GeoJSON where it has places, with your page's licence: as
    it was when the page was made. While you work, this shows what would be offered and keeps nothing.

    Args:
        data: A frame, also one with geometries (turned to WGS 84), or an Arrow table.
        name: How it is called in the address: ``a-z``, ``0-9`` and hyphens. Of two of a name the last counts.
        title: What it is called: a text, or a text for ``de`` and ``en``.
        description: What it shows, likewise.
        units: The unit of each column, for example ``{"rain": "mm"}``.
        columns: What each column means: a text, or a text for ``de`` and ``en``.

    Returns:
        Nothing.

    Raises:
        PublishError: the name cannot be an address, the table is too large, or it lacks a column that is described.

    Example:
        >>> ul.offer(days, "days", title={"de": "Tage", "en": "Days"}, columns={"count": "persons counted"})
    """
    from IPython.display import display

    try:
        check_name(name)
    except ValueError as error:
        raise PublishError(f"The data cannot be offered so: {error}.") from None
    table, geometry = _to_table(data)
    said = _describe(table, units or {}, columns or {})
    _check_size(table)
    session = current_session()
    if not session.is_publication:
        note = session.choose(_NOTES).format(name=name, rows=table.num_rows, columns=table.num_columns)
        display({"text/plain": note}, raw=True)
        return
    display({MEDIA_TYPE: {
        "name": name,
        "title": _to_texts(title, session.language),
        "description": _to_texts(description, session.language),
        "columns": said,
        "geometry": geometry,
        "arrow": base64.b64encode(_to_stream(table)).decode(),
    }}, raw=True)  # fmt: skip


def _to_table(data: Any) -> tuple[pa.Table, str]:
    """Return the data with columns of plain kinds, and the name of its geometries (WKB, WGS 84) or nothing."""
    import pandas as pd
    import pyarrow as pa

    geometry = ""
    if isinstance(data, pd.Series):
        data = data.to_frame()
    if isinstance(data, pd.DataFrame):
        data, geometry = _flatten(data)
        names = list(data.columns)
    elif isinstance(data, pa.Table):
        names = data.column_names
    else:
        raise PublishError(f"A frame or an Arrow table can be offered, not a {type(data).__name__}.")
    if not names:
        raise PublishError("The table has no columns, so that there is nothing to offer.")
    if len(set(names)) != len(names):
        raise PublishError("Two columns have the same name: rename one before the table is offered.")
    if any(not name or len(name) > MAX_COLUMN_NAME for name in names):
        raise PublishError(f"A column's name has 1 to {MAX_COLUMN_NAME} characters: rename it.")
    arrays = [
        _to_plain(data.column(name) if isinstance(data, pa.Table) else data[name], name == geometry)
        for name in names
    ]
    return pa.table(dict(zip(names, arrays, strict=True))), geometry


def _flatten(frame: Any) -> tuple[pd.DataFrame, str]:
    import pandas as pd

    from urbanlab.crs import WGS84

    geometry = ""
    if getattr(frame, "active_geometry_name", None):
        if frame.crs is None:
            raise PublishError(
                "Nobody can say where these places are: set the frame's reference system with "
                "set_crs(…) before it is offered."
            )
        frame, geometry = frame.to_crs(WGS84), str(frame.active_geometry_name)
        # Made plain first: a frame of places warns where its geometries become bytes.
        frame = pd.DataFrame(frame).assign(**{geometry: frame.geometry.to_wkb()})
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    names = ["_".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in frame.columns]
    return frame.set_axis(names, axis=1), geometry


def _to_plain(values: Any, is_geometry: bool) -> Any:
    """Return a column as numbers, truth values, dates, instants or texts; what is neither becomes text."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    try:
        array = (
            values
            if isinstance(values, pa.ChunkedArray)
            else pa.chunked_array([pa.array(values, from_pandas=True)])
        )
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        array = _to_words(list(values))
    if types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    kind = array.type
    if is_geometry:
        return array.cast(pa.binary())
    if types.is_boolean(kind) or types.is_date32(kind):
        return array
    if types.is_timestamp(kind):
        return array.cast(pa.timestamp("us", kind.tz), safe=False)
    if types.is_uint64(kind) and (pc.max(array).as_py() or 0) > MAX_INTEGER:
        return _to_words(array.to_pylist())
    for is_kind, plain in (
        (types.is_integer, pa.int64()),
        (types.is_floating, pa.float64()),
        (types.is_decimal, pa.float64()),
        (types.is_date, pa.date32()),
        (types.is_null, pa.string()),
        (types.is_string, pa.string()),
        (types.is_large_string, pa.string()),
    ):
        if is_kind(kind):
            return array.cast(plain)
    return _to_words(array.to_pylist())


def _to_words(values: list[Any]) -> pa.ChunkedArray:
    import pyarrow as pa

    return pa.chunked_array(
        [pa.array([None if value is None else str(value) for value in values], pa.string())]
    )


def _describe(
    table: pa.Table, units: Mapping[str, str], columns: Mapping[str, Words]
) -> dict[str, dict[str, Any]]:
    unknown = sorted({*units, *columns} - set(table.column_names))
    if unknown:
        raise PublishError(
            f"The table has no column {', '.join(unknown)}; it has {', '.join(table.column_names)}."
        )
    language = current_session().language
    return {
        name: {"unit": str(units.get(name, "")), "description": _to_texts(columns.get(name, ""), language)}
        for name in table.column_names
        if name in units or name in columns
    }


def _check_size(table: pa.Table) -> None:
    rows, columns = table.num_rows, table.num_columns
    if (
        rows > MAX_ROWS
        or columns > MAX_COLUMNS
        or rows * columns > MAX_CELLS
        or table.nbytes > MAX_ARROW_BYTES
    ):
        raise PublishError(
            f"The table has {rows} rows, {columns} columns and {table.nbytes / 1e6:.1f} MB; a page offers up to "
            f"{MAX_ROWS} rows, {MAX_COLUMNS} columns, {MAX_CELLS} cells and {MAX_ARROW_BYTES / 1e6:g} MB. "
            "Offer a summary, fewer columns or a shorter span, and release the whole as open data."
        )


def _to_texts(words: Words, language: str) -> dict[str, str]:
    texts = dict(words) if isinstance(words, Mapping) else {language: words} if words else {}
    if any(len(text) > MAX_WORDS for text in texts.values()):
        raise PublishError(f"Titles and descriptions have up to {MAX_WORDS} characters.")
    return texts


def _to_stream(table: pa.Table) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    # Not compressed: whoever reads it then knows how large it is.
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
