"""`ul.load`: a frame or a file becomes a table of the workshop."""

from __future__ import annotations

import os
import zoneinfo
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from urbanlab.contract.naming import NamingError, check_dataset_name, make_lab_database
from urbanlab.errors import LoadError
from urbanlab.loading.report import LoadedColumn, LoadReport, UnreadCell
from urbanlab.session import current_session

if TYPE_CHECKING:
    import pandas as pd

    from urbanlab.describing import Words
    from urbanlab.loading.prepare import Prepared

Mode = Literal["replace", "append", "fail"]
_MODES = ("replace", "append", "fail")


def load(
    table_or_file: pd.DataFrame | str | os.PathLike[str],
    name: str,
    *,
    mode: Mode = "replace",
    sheet: str | None = None,
    missing: Sequence[str] = (),
    text: Sequence[str] = (),
    time_zone: str | None = None,
    title: Words | None = None,
    description: Words | None = None,
) -> LoadReport:
    """Put a frame or a file into your tenant's workshop, where SQL can join it with everything else.

    Files are read as people write them: the separator, encoding, decimal comma and order of dates are found
    over the whole file; rows of sums and empty rows are left out; words in columns of numbers become missing.
    The report that comes back says all of it. A frame is taken as it is: give one where you want to decide.

    Args:
        table_or_file: A pandas or geopandas frame, or the path of a CSV file, an Excel workbook (.xlsx), a JSON,
            GeoJSON, Parquet or GeoPackage file or a shapefile; also packed with gzip or in a ZIP archive. Files of
            one kind with the same columns in one archive become one table.
        name: The table's name in the workshop: a-z, digits and single underscores.
        mode: ``replace`` puts it in the place of a table of that name, at once and as a whole; ``append`` adds
            its rows to that table; ``fail`` refuses if there is one.
        sheet: The sheet of an Excel workbook or the layer of a GeoPackage, where it is not the first; or one of
            the files in an archive.
        missing: Further words that mean that there is no value, for example ``["Ausfall"]``.
        text: Columns that stay text, for example house numbers; by heading or by name.
        time_zone: Zone of times without an offset, if it is neither the tenant's nor named in the file (UTC, MEZ);
            they are kept in UTC.
        title: What it is called in the catalogue: a text, or a text for ``de`` and ``en``. `urbanlab.describe` says
            more; what was said stays when the table is loaded anew.
        description: What it is, likewise.

    Returns:
        A report with the table's name for SQL, rows, columns with types, and what was understood or left out.

    Raises:
        FileFormatError: the file is no table, or damaged; the message says what it is.
        LoadError: the name is not allowed, there is no such file, it has no rows, or the columns do not fit.
        WarehouseError: the warehouse cannot take it.

    Example:
        >>> ul.load("zaehlstelle_2016.csv", "zaehlstelle")
        lab_guetersloh.zaehlstelle: 8.784 Zeilen, 7 Spalten
    """
    from urbanlab.loading.prepare import Options, prepare
    from urbanlab.loading.sources import read_source

    _check_arguments(name, mode, missing, text)
    session = current_session()
    zone = _check_zone(time_zone or session.time_zone)
    words = frozenset(word.strip().lower() for word in missing)
    options = Options(zone, words, frozenset(text), zone_is_asked=time_zone is not None)
    prepared = prepare(read_source(table_or_file, sheet), options)

    from urbanlab.describing import describe, find_notes, to_comment
    from urbanlab.loading.tables import Workshop
    from urbanlab.warehouse import client

    database = make_lab_database(session.tenant)

    def find_comment() -> str:
        return to_comment(find_notes(f"{database}.{name}"))

    kinds = Workshop(client(), database).write(prepared.table, name, mode, find_comment)
    if title is not None or description is not None:
        describe(f"{database}.{name}", title=title, description=description)
    return make_report(f"{database}.{name}", prepared, kinds, session.language)


def make_report(table: str, prepared: Prepared, kinds: Sequence[str], language: str) -> LoadReport:
    """Return the report of a prepared table whose columns have these types in the warehouse."""
    columns = tuple(
        LoadedColumn(
            field.name,
            heading,
            kind,
            prepared.table[field.name].null_count,
            tuple(note.say(language) for note in notes),
        )
        for field, heading, kind, notes in zip(
            prepared.table.schema, prepared.headings, kinds, prepared.column_notes, strict=True
        )
    )
    notes = tuple(note.say(language) for note in prepared.notes)
    unread = tuple(UnreadCell(*cell) for cell in prepared.unread)
    return LoadReport(table, prepared.table.num_rows, columns, notes, language, unread)


def _check_arguments(name: str, mode: str, missing: Sequence[str], text: Sequence[str]) -> None:
    if not isinstance(name, str):
        raise LoadError('The name of the table must be a text: ul.load(frame, "name").')
    try:
        check_dataset_name(name)
    except NamingError as error:
        raise LoadError(f"{error}.{_suggest_name(name)}") from None
    if mode not in _MODES:
        raise LoadError(f"mode={mode!r} is not known; it is one of {', '.join(_MODES)}.")
    for word, value in (("missing", missing), ("text", text)):
        if isinstance(value, str):
            raise LoadError(f"{word} takes a list: {word}=[{value!r}].")


def _suggest_name(name: str) -> str:
    from urbanlab.loading.headings import make_column_names

    plain = make_column_names([name])[0]
    return f" Take for example {plain}." if name.strip() and plain != "column_1" else ""


def _check_zone(zone: str) -> str:
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise LoadError(f"{zone!r} is no time zone; write it like Europe/Berlin.") from None
    return zone
