"""Queries: SQL in, frame out. Parameters are bound by the server only."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from urbanlab.catalogue import fetch_entries
from urbanlab.contract.naming import OPEN_DATABASE
from urbanlab.errors import NotReleasedError, UnknownTableError, UrbanlabError, suggest
from urbanlab.parameters import prepare
from urbanlab.session import Session, current_session
from urbanlab.warehouse_errors import translate

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import pyarrow as pa
    from clickhouse_connect.driver.client import Client

# Whoever has configured logging sees the client's lines; a notebook without does not get them as output.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())

_lock = threading.Lock()
_CTE = re.compile(r"\b(\w+)\s+AS\s*\(", re.IGNORECASE)
_SAID = re.compile(r"none of yours: ([\w.`]+)\Z")
_TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|TABLE)\s+([\w.`]+)", re.IGNORECASE)


def client() -> Client:
    """Return a ready `clickhouse_connect` client, for whatever `query` does not do.

    It is signed in as you and stays so however long the notebook runs; it may be used by several threads.
    Its errors are those of `clickhouse_connect`.

    Returns:
        The client; the same one each time.

    Raises:
        SessionError: this Python does not run in Urban Lab.
        WarehouseDownError: the warehouse does not answer.

    Example:
        >>> ul.client().command("SELECT count() FROM guetersloh.footfall")
        35040
    """
    session = current_session()
    with _lock, _translated():
        return _make_client(session)


def query(sql: str, /, **parameters: Any) -> pd.DataFrame:
    """Run a query and return its answer as a frame.

    Args:
        sql: One statement in ClickHouse's SQL, without a FORMAT clause.
        **parameters: Values for placeholders. ``{name}`` takes the type of the value, ``{name:Type}`` the
            one you write. They are sent beside the text, so no value can change what the query does.

    Returns:
        A frame. Text has pandas' text type; instants carry their time zone (feeds keep UTC;
        ``frame["t"].dt.tz_convert("Europe/Berlin")`` gives local time); whole numbers are signed.

    Raises:
        QuerySyntaxError: the text is no SQL; the message shows where.
        UnknownTableError: there is no such table for you; the message names similar ones.
        NotReleasedError: in a publication, it reads a table that is not released as open data.
        ParameterError: a parameter is missing, unused or of no known type.
        LimitError: the query was stopped by a limit; the message says which.
        WarehouseError: anything else; its children are in `urbanlab.errors`.

    Example:
        >>> ul.query("SELECT * FROM guetersloh.footfall WHERE persons > {least}", least=100)
    """
    from urbanlab.frames import to_frame

    return to_frame(query_arrow(sql, **parameters))


def query_arrow(sql: str, /, **parameters: Any) -> pa.Table:
    """Run a query and return its answer as an Arrow table, for large results and exact types.

    Args:
        sql: As for `query`.
        **parameters: As for `query`.

    Returns:
        A `pyarrow.Table`; instants are timestamps with their time zone.

    Raises:
        WarehouseError: as `query` does.

    Example:
        >>> ul.query_arrow("SELECT sensor, persons FROM guetersloh.footfall").num_rows
        35040
    """
    import pyarrow as pa

    from urbanlab.frames import has_doubtful_types, with_types

    text, values = prepare(sql, parameters)
    connection = client()
    with _translated(text):
        stream: Any = connection.raw_stream(text, values or None, fmt="ArrowStream", settings=_ARROW_SETTINGS)
        with contextlib.closing(stream):
            table = _read_table(stream)
        if table is None:
            return pa.table({})
        if not has_doubtful_types(table.schema):
            return table
        described = connection.query(f"DESCRIBE TABLE ({_strip(text)}\n)", values or None)
        return with_types(table, {row[0]: row[1] for row in described.result_rows})


def query_geo(
    sql: str, /, *, geometry: str | None = None, crs: str = "EPSG:4326", **parameters: Any
) -> gpd.GeoDataFrame:
    """Run a query and return its answer as a frame with geometries.

    Args:
        sql: As for `query`. The answer has columns ``longitude`` and ``latitude`` (or ``lon``, ``lat``), or
            one with geometries as WKT, GeoJSON or ClickHouse's Point.
        geometry: The column with the geometries, where it is not called geometry, geom, wkt or geojson.
        crs: The reference system of the coordinates.
        **parameters: As for `query`.

    Returns:
        A `geopandas.GeoDataFrame` in `crs`; rows without coordinates keep an empty geometry.

    Raises:
        MapError: there is no column with a place, or one that cannot be read.
        WarehouseError: as `query` does.

    Example:
        >>> ul.query_geo("SELECT name, longitude, latitude FROM guetersloh.sensors")
    """
    from urbanlab.crs import from_frame

    return from_frame(query(sql, **parameters), geometry=geometry, crs=crs)


# On the way from the gateway in the same house, packing costs more than it saves.
MAX_ERROR_BYTES = 8192
# Behind it stand its length and a mark of the protocol.
_ERROR_AT_END = re.compile(r"Code: \d+\. DB::Exception: .*?(?=\s+\d+ \S+\s+__exception__|\Z)", re.DOTALL)
_ARROW_SETTINGS = {"output_format_arrow_compression_method": "none"}


def _read_table(stream: Any) -> pa.Table | None:
    """Return the table that the stream holds, or `None` for a statement that answers nothing."""
    import pyarrow as pa
    import urllib3

    head = stream.read(8)
    if not head:
        return None
    answer = _Answer(head, stream)
    try:
        with pa.ipc.open_stream(pa.PythonFile(answer, mode="r")) as reader:
            return reader.read_all()
    except (pa.ArrowException, urllib3.exceptions.HTTPError) as error:
        # What goes wrong after the first rows can only be said in the middle of them.
        raise translate(answer.find_error(error) or error) from None


class _Answer:
    """A readable that gives back the bytes already taken from another one, and remembers the last ones."""

    closed = False

    def __init__(self, head: bytes, rest: Any) -> None:
        self._head, self._rest = head, rest
        self._last = head

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        if self._head:
            taken, self._head = (self._head, b"") if size < 0 else (self._head[:size], self._head[size:])
            return taken + self._read_rest(size - len(taken) if size >= 0 else -1)
        return self._read_rest(size)

    def find_error(self, error: Exception) -> Exception | None:
        """Return the error that the warehouse wrote at the end of an answer that broke off with `error`."""
        # What came before a connection ended is kept by the error of the standard library within.
        partial = next((bytes(part.partial) for part in error.args if hasattr(part, "partial")), None)
        end = self._rest.read(MAX_ERROR_BYTES) if partial is None else partial
        text = (self._last + end)[-MAX_ERROR_BYTES:].decode("utf-8", "replace")
        found = _ERROR_AT_END.search(text)
        return Exception(found[0]) if found else None

    def _read_rest(self, size: int) -> bytes:
        taken = bytes(self._rest.read(None if size < 0 else size)) if size else b""
        self._last = (self._last + taken[-MAX_ERROR_BYTES:])[-MAX_ERROR_BYTES:]
        return taken


def _strip(sql: str) -> str:
    return sql.strip().rstrip(";")


@contextlib.contextmanager
def _translated(sql: str = "") -> Iterator[None]:
    import pyarrow as pa
    import urllib3
    from clickhouse_connect.driver.exceptions import Error

    try:
        yield
    except (Error, pa.ArrowException, OSError, urllib3.exceptions.HTTPError) as error:
        translated = translate(error, sql)
        if isinstance(translated, UnknownTableError):
            translated = _explain_unknown_table(translated, sql)
        raise translated from None


def _explain_unknown_table(error: UnknownTableError, sql: str) -> UnknownTableError:
    """Return the error with similar tables, and in a publication with those that have to be released."""
    session, said = current_session(), str(error).rstrip(".")
    try:
        known = {str(entry["table"]) for entry in fetch_entries(session)}
    except UrbanlabError:
        return UnknownTableError(f"{said}.", error.code)
    asked = dict.fromkeys(name.replace("`", "") for name in _TABLE.findall(sql) + _SAID.findall(said))
    unknown = [name for name in asked if name not in known and name not in _CTE.findall(sql)]
    if session.is_publication and unknown:
        return _explain_closed_tables(error, unknown, known, session.tenant)
    advice = next((suggest(name, known) for name in unknown), "")
    return UnknownTableError(f"{said}.{advice}", error.code)


def _explain_closed_tables(
    error: UnknownTableError, names: list[str], known: set[str], tenant: str
) -> UnknownTableError:
    opened = {name: f"{OPEN_DATABASE}.{tenant}__{name.rpartition('.')[2]}" for name in names}
    closed = [name for name in names if opened[name] not in known]
    if closed:
        return NotReleasedError(*closed, advice=suggest(closed[0], known), code=error.code)
    written = ", ".join(f"{name} as {opened[name]}" for name in names)
    return UnknownTableError(
        f"A publication reads {written}. Write ul.dataset(name).table in the query, then it runs for both.",
        error.code,
    )


@lru_cache(maxsize=1)
def _make_client(session: Session) -> Client:
    import clickhouse_connect

    from urbanlab.signed_pool import make_pool

    address = urlsplit(session.warehouse_url)
    return clickhouse_connect.get_client(
        interface=address.scheme,
        host=address.hostname or "",
        port=address.port or (443 if address.scheme == "https" else 80),
        proxy_path=address.path,
        pool_mgr=make_pool(session.credentials),
        # A session holds one query at a time; notebooks use threads.
        autogenerate_session_id=False,
        # The gateway itself waits for an engine that restarts.
        query_retries=0,
        compress=False,
        client_name="urbanlab",
    )
