"""Queries: SQL in, frame out. Parameters are bound by the server only."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from urbanlab.answers import Allowance, read_answer
from urbanlab.catalogue import fetch_entries
from urbanlab.contract.naming import OPEN_DATABASE
from urbanlab.errors import NotReleasedError, UnknownTableError, UrbanlabError, WarehouseError, suggest
from urbanlab.parameters import prepare
from urbanlab.progress import Progress
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
_FIRST_WORD = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*([A-Za-z]+)", re.DOTALL)
_NO_INSERT = {
    "de": 'ul.query liest; INSERT schreibt. Eine Tabelle oder Datei bringt ul.load(frame, "name") in die '
    'Werkstatt, Zeilen in eine Tabelle ul.client().insert_df("lab_….name", frame), und INSERT … SELECT läuft '
    "mit ul.client().command(sql).",
    "en": 'ul.query reads; INSERT writes. ul.load(frame, "name") brings a table or file into the workshop, '
    'ul.client().insert_df("lab_….name", frame) adds rows to a table, and ul.client().command(sql) runs '
    "INSERT … SELECT.",
}
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
        A frame. Text, and whole numbers and truth values that may be missing, are backed by Arrow, so that
        what is missing stays missing and whole numbers stay whole. Instants are kept in UTC and shown in your
        tenant's time zone, each with its offset. Geometries (of ClickHouse's types, or WKT in a column
        ``geometry``) make it a GeoDataFrame in degrees, EPSG:4326.

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
    from urbanlab.crs import find_geometries

    return find_geometries(_fetch_frame(sql, parameters))


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
    return _fetch(sql, parameters, _ONCE)


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

    return from_frame(_fetch_frame(sql, parameters), geometry=geometry, crs=crs)


# On the way from the gateway in the same house, packing costs more than it saves.
_ARROW_SETTINGS = {"output_format_arrow_compression_method": "none"}
_COLUMNS_HEADER = "X-Urbanlab-Columns"  # asks the gateway for the names and types, and answers with them
# A frame is made beside the answer that it is made of.
_ONCE, _TWICE = 1, 2


def _fetch_frame(sql: str, parameters: Mapping[str, Any]) -> pd.DataFrame:
    from urbanlab.frames import to_frame

    return to_frame(_fetch(sql, parameters, _TWICE), current_session().time_zone)


def _fetch(sql: str, parameters: Mapping[str, Any], copies: int) -> pa.Table:
    import pyarrow as pa

    from urbanlab.frames import has_doubtful_types, with_types

    text, values = prepare(sql, parameters)
    session = current_session()
    _check_reads(text, session)
    connection = client()
    allowance = Allowance(copies)
    with _translated(text), Progress(session) as progress:
        stream: Any = connection.raw_stream(
            text,
            values or None,
            fmt="ArrowStream",
            settings=_ARROW_SETTINGS,
            transport_settings={_COLUMNS_HEADER: "1"},
        )

        def note(rows: int, size: int) -> None:
            progress.note(rows, size)
            allowance.take(rows, size)

        # Closing hangs up, and then the engine stops what is not read to its end.
        with contextlib.closing(stream):
            table = read_answer(stream, note)
        if table is None:
            return pa.table({})
        if not has_doubtful_types(table.schema):
            return table
        columns = stream.headers.get(_COLUMNS_HEADER)
        if columns is None:  # too many for a header
            described = connection.query(f"DESCRIBE TABLE ({_strip(text)}\n)", values or None)
            columns = json.dumps([row[:2] for row in described.result_rows])
        return with_types(table, dict(json.loads(columns)))


def _check_reads(sql: str, session: Session) -> None:
    first = _FIRST_WORD.match(sql)
    if first and first[1].upper() == "INSERT":
        raise WarehouseError(session.choose(_NO_INSERT))


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
