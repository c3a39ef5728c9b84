"""What an analyst hands over, whatever it is, as a raw table; the content decides, not the file's name."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

from urbanlab.errors import FileFormatError, LoadError
from urbanlab.loading.archive import SHAPEFILE_PARTS, Archive, read_archive
from urbanlab.loading.csv_dialect import ADVICE
from urbanlab.loading.csv_file import read_csv
from urbanlab.loading.frames import read_any_frame, read_parquet
from urbanlab.loading.notes import note
from urbanlab.loading.raw import RawTable
from urbanlab.loading.room import check_size, find_most_bytes
from urbanlab.loading.vector_file import SHAPEFILE, is_geopackage, read_geopackage, read_shapefile

_ZIP = b"PK\x03\x04"
_KNOWN_AS = {
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "a database (SQLite)",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"7z\xbc\xaf": "an archive (7z)",
    b"Rar!": "an archive (RAR)",
    b"{\\rtf": "a text document (RTF)",
}
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ENDINGS = {"Excel": (".xlsx", ".xlsm"), "Parquet": (".parquet", ".pq", ".geoparquet")}


def read_source(source: Any, sheet: str | None) -> RawTable:
    """Return what `source`, a frame, an Arrow table or a path, holds; raise `LoadError` if it is none of these."""
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return read_any_frame(source)
    if isinstance(source, str | os.PathLike):
        return read_file(Path(source).expanduser(), sheet)
    if hasattr(source, "to_pandas"):  # Arrow, polars
        return read_any_frame(source.to_pandas())
    raise LoadError(
        f"A {type(source).__name__} cannot be loaded: give a frame (pandas, geopandas) or the path of a file. "
        "From lists or dictionaries, pandas.DataFrame(…) makes a frame."
    )


def read_file(path: Path, part: str | None) -> RawTable:
    """Return the file's table; raise `LoadError` if it cannot be read, `FileFormatError` if it holds none."""
    content = _unpack(_read_bytes(path), path.name)
    if content.startswith(SHAPEFILE):
        return read_shapefile(_read_neighbours(path), path.name)
    if content.startswith(_ZIP) and not _is_office(content):
        return read_archive(Archive(content, path.name), part, _read_member, read_shapefile)
    return _check_name(read_content(content, path.name, part), path, content)


def _read_member(content: bytes, name: str, part: str | None) -> RawTable:
    if content.startswith(_ZIP) and not _is_office(content):
        raise FileFormatError(f"{name} is an archive within an archive; unpack it and load the file inside.")
    return read_content(_unpack(content, name), name, part)


def read_content(content: bytes, name: str, part: str | None) -> RawTable:
    """Return the table that a file's content is, whatever the file is called."""
    if not content.strip():
        raise FileFormatError(f"{name} is empty. Check that the download or export has finished.")
    if _is_office(content):
        from urbanlab.loading.excel import read_excel

        return read_excel(content, name, part)
    if content.startswith(b"PAR1"):
        return read_parquet(content, name)
    if is_geopackage(content):
        return read_geopackage(content, name, part)
    _refuse_strangers(content, name)
    suffixes = Path(name.partition(" in ")[0]).suffixes[-2:]
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") or ".json" in suffixes:
        from urbanlab.loading.json_file import read_json

        return read_json(content, name)
    return read_csv(content, name)


def _is_office(content: bytes) -> bool:
    """Return whether the content is an Excel workbook, which is an archive too."""
    if not content.startswith(_ZIP):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError):
        return b"xl/" in content


def _read_neighbours(path: Path) -> dict[str, bytes]:
    """Return the parts of a shapefile that lie beside it."""
    stem = path.stem.lower()
    return {
        entry.suffix.lower(): _read_bytes(entry)
        for entry in path.parent.iterdir()
        if entry.stem.lower() == stem and entry.suffix.lower() in SHAPEFILE_PARTS and entry.stat().st_size
    }


def _read_bytes(path: Path) -> bytes:
    try:
        check_size(path.name, path.stat().st_size)
        content = path.read_bytes()
    except FileNotFoundError:
        raise LoadError(_say_absent(path)) from None
    except IsADirectoryError:
        raise LoadError(f"{path} is a folder; give the path of one file in it.") from None
    except PermissionError:
        raise LoadError(f"You may not read {path}.") from None
    except (OSError, ValueError):
        raise LoadError(f"{path} cannot be read; check the path.") from None
    return content


def _say_absent(path: Path) -> str:
    from urbanlab.errors import suggest

    folder = path.parent
    if not folder.is_dir():
        return f"There is no folder {folder}, so no {path.name} in it; relative paths begin at {Path.cwd()}."
    names = (entry.name for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    return f"There is no file {path}.{suggest(path.name, names)}"


def _unpack(content: bytes, name: str) -> bytes:
    if not content.startswith(b"\x1f\x8b"):
        return content
    parts, size, most = [], 0, find_most_bytes()
    try:
        while content:  # a gzip file may consist of several, one behind the other
            stream = zlib.decompressobj(wbits=31)
            parts.append(stream.decompress(content, most - size + 1))
            size += len(parts[-1])
            check_size(f"{name}, unpacked,", size, most=most)
            if not stream.eof:
                raise FileFormatError(f"{name} ends too early; download it again.")
            content = stream.unused_data.lstrip(b"\0")
    except zlib.error:
        raise FileFormatError(f"{name} is damaged (gzip); download it again.") from None
    return b"".join(parts)


def _refuse_strangers(content: bytes, name: str) -> None:
    if content.startswith(_OLD_EXCEL):
        raise FileFormatError(
            f"{name} is a workbook of an old Excel, or protected; save it as .xlsx and load it."
        )
    for magic, what in _KNOWN_AS.items():
        if content.startswith(magic):
            raise FileFormatError(f"{name} is {what}, not a table. {ADVICE}")


def _check_name(raw: RawTable, path: Path, content: bytes) -> RawTable:
    """Note where a file is called otherwise than it is."""
    what = "Excel" if _is_office(content) else "Parquet" if content.startswith(b"PAR1") else ""
    if what and path.suffix.lower() not in (*_ENDINGS[what], ".gz"):
        raw.notes.append(note("misnamed", name=path.name, what=what))
    return raw
