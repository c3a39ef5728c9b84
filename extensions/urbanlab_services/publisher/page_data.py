"""The data that a page offers, taken as strangers' files: they are what they are called, and calculate nothing."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from xml.parsers import expat

from urbanlab.contract.page_data import (
    FORMATS,
    MAX_FILE_BYTES,
    MAX_OFFERS,
    PageData,
    is_formula,
    make_file_name,
)

MAX_SHEET_BYTES = 60_000_000  # a workbook's parts together, unpacked
_PIECE = 1_000_000
_PARTS = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|docProps/(app|core)\.xml|xl/(workbook|styles|sharedStrings)\.xml"
    r"|xl/theme/theme1\.xml|xl/_rels/workbook\.xml\.rels|xl/worksheets/sheet[123]\.xml"
)
# Elements that calculate, or lead out of the workbook.
_ACTIVE = frozenset({"f", "hyperlink", "dataValidation"})
_UNREADABLE = (zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, RuntimeError, OSError)
csv.field_size_limit(MAX_FILE_BYTES)  # a border of a country is one cell


class PageDataError(ValueError):
    """A file of data that cannot be published; the message completes ``the page …``."""


def check_page_data(data: Iterable[PageData], members: Mapping[str, bytes]) -> None:
    """Raise `PageDataError` unless the page's files of data are those of its tables, each with a CSV file."""
    tables = list(data)
    if len({table.name for table in tables}) != len(tables) or len(tables) > MAX_OFFERS:
        raise PageDataError("offers a table twice, or too many")
    allowed = {make_file_name(table.name, form) for table in tables for form in FORMATS}
    found = {name for name in members if name.rpartition(".")[2] in FORMATS}
    needed = {make_file_name(table.name, "csv") for table in tables}
    if not needed <= found <= allowed:
        raise PageDataError("has files of data that are not those of the tables it offers")
    for name in found:
        _CHECKS[name.rpartition(".")[2]](members[name])


def _check_csv(content: bytes) -> None:
    try:
        rows = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
        if any(is_formula(cell) for row in rows for cell in row):
            raise PageDataError("has a CSV file that a spreadsheet would calculate")
    except (UnicodeDecodeError, csv.Error):
        raise PageDataError("has a CSV file that is none") from None


def _check_geojson(content: bytes) -> None:
    try:
        values = json.loads(content.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise PageDataError("has a GeoJSON file that is none") from None
    if not isinstance(values, dict) or values.get("type") != "FeatureCollection":
        raise PageDataError("has a GeoJSON file that is none")


def _check_parquet(content: bytes) -> None:
    if not (content.startswith(b"PAR1") and content.endswith(b"PAR1")):
        raise PageDataError("has a Parquet file that is none")


def _check_workbook(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            left = MAX_SHEET_BYTES
            for info in archive.infolist():
                if not _PARTS.fullmatch(info.filename) or info.orig_filename != info.filename:
                    raise PageDataError("has a workbook with parts that data do not need")
                left -= _check_part(archive, info, left)
    except _UNREADABLE:
        raise PageDataError("has a workbook that is none") from None


def _check_part(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> int:
    """Return the size of a part, read in pieces so that a bomb costs nothing."""
    size, parser = 0, expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = _check_element
    parser.StartDoctypeDeclHandler = _refuse_doctype
    with archive.open(info) as part:
        while piece := part.read(_PIECE):
            size += len(piece)
            if size > most:
                raise PageDataError("has a workbook that is too large")
            parser.Parse(piece)
    parser.Parse(b"", True)
    return size


def _check_element(name: str, attributes: Mapping[str, str]) -> None:
    names = {each.rpartition(" ")[2] for each in attributes}
    if name.rpartition(" ")[2] in _ACTIVE or "TargetMode" in names:
        raise PageDataError("has a workbook that calculates or links")


def _refuse_doctype(*_: object) -> None:
    raise PageDataError("has a workbook that brings words of its own")


def _refuse_constant(text: str) -> None:
    raise ValueError(text)


_CHECKS = {
    "csv": _check_csv,
    "geojson": _check_geojson,
    "parquet": _check_parquet,
    "xlsx": _check_workbook,
}
