"""What an analyst hands over, whatever it is, as a raw table; the content decides, not the file's name."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

from urbanlab.errors import FileFormatError, LoadError
from urbanlab.loading.csv_dialect import ADVICE
from urbanlab.loading.csv_file import read_csv
from urbanlab.loading.notes import note
from urbanlab.loading.raw import RawTable

# Files become several times larger in memory; above this the kernel would rather end.
MOST_BYTES = 1_000_000_000
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
        return _read_any_frame(source)
    if isinstance(source, str | os.PathLike):
        return read_file(Path(source).expanduser(), sheet)
    if hasattr(source, "to_pandas"):  # Arrow, polars
        return _read_any_frame(source.to_pandas())
    raise LoadError(
        f"A {type(source).__name__} cannot be loaded: give a frame (pandas, geopandas) or the path of a file. "
        "From lists or dictionaries, pandas.DataFrame(…) makes a frame."
    )


def _read_any_frame(frame: Any) -> RawTable:
    from urbanlab.loading.frames import read_frame, read_geo_frame

    return read_geo_frame(frame) if hasattr(frame, "active_geometry_name") else read_frame(frame)


def read_file(path: Path, sheet: str | None) -> RawTable:
    """Return the file's table; raise `LoadError` if it cannot be read, `FileFormatError` if it holds none."""
    content = _unpack(_read_bytes(path), path.name)
    if content.startswith(b"PK\x03\x04") and b"xl/" in content:
        from urbanlab.loading.excel import read_excel

        return _check_name(read_excel(content, path.name, sheet), path, "Excel")
    if content.startswith(b"PAR1"):
        from urbanlab.loading.frames import read_parquet

        return _check_name(read_parquet(content, path.name), path, "Parquet")
    _refuse_strangers(content, path.name)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") or ".json" in path.suffixes[-2:]:
        from urbanlab.loading.json_file import read_json

        return read_json(content, path.name)
    return read_csv(content, path.name)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise LoadError(
                f"{path.name} is larger than {MOST_BYTES // 10**9} GB; split it, or load it in parts."
            )
        content = path.read_bytes()
    except FileNotFoundError:
        raise LoadError(_say_absent(path)) from None
    except IsADirectoryError:
        raise LoadError(f"{path} is a folder; give the path of one file in it.") from None
    except PermissionError:
        raise LoadError(f"You may not read {path}.") from None
    except (OSError, ValueError):
        raise LoadError(f"{path} cannot be read; check the path.") from None
    if not content.strip():
        raise FileFormatError(f"{path.name} is empty. Check that the download or export has finished.")
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
    parts, size = [], 0
    try:
        while content:  # a gzip file may consist of several, one behind the other
            stream = zlib.decompressobj(wbits=31)
            parts.append(stream.decompress(content, MOST_BYTES - size + 1))
            size += len(parts[-1])
            if size > MOST_BYTES:
                raise LoadError(f"{name} unpacks to more than {MOST_BYTES // 10**9} GB; load it in parts.")
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
    if content.startswith(b"PK"):
        raise FileFormatError(f"{name} is an archive (ZIP); unpack it and load the file inside.")
    for magic, what in _KNOWN_AS.items():
        if content.startswith(magic):
            raise FileFormatError(f"{name} is {what}, not a table. {ADVICE}")


def _check_name(raw: RawTable, path: Path, what: str) -> RawTable:
    if path.suffix.lower() not in _ENDINGS[what] and path.suffix.lower() != ".gz":
        raw.notes.append(note("misnamed", name=path.name, what=what))
    return raw
