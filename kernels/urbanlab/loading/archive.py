"""ZIP archives: a shapefile in its parts, one table, or many files of one kind that make one table."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

import pyarrow as pa

from urbanlab.errors import FileFormatError, LoadError
from urbanlab.loading.excel_cells import to_column
from urbanlab.loading.notes import Note, note
from urbanlab.loading.raw import RawTable
from urbanlab.loading.room import check_size
from urbanlab.loading.second_headings import leave_out_second_headings

MOST_FILES = 2000
MOST_REMARKS = 20
TABLES = (
    ".csv",
    ".txt",
    ".tsv",
    ".json",
    ".geojson",
    ".ndjson",
    ".jsonl",
    ".xlsx",
    ".xlsm",
    ".parquet",
    ".gpkg",
)
SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")

ReadContent = Callable[[bytes, str, str | None], RawTable]
ReadShapefile = Callable[[dict[str, bytes], str], RawTable]


class Archive:
    """The files of an archive, by their names in it; nothing is ever written where a name says."""

    def __init__(self, content: bytes, name: str) -> None:
        self.name = name
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, OSError):
            raise FileFormatError(f"{name} is a damaged archive (ZIP); download it again.") from None
        self._files = {info.filename: info for info in self._zip.infolist() if _is_shown(info)}
        size = sum(info.file_size for info in self._zip.infolist())
        check_size(f"{name}, unpacked,", size)

    @property
    def names(self) -> list[str]:
        """The names of its files."""
        return list(self._files)

    def read(self, name: str) -> bytes:
        """Return the content of one file; never more than the archive says it is."""
        if self._files[name].flag_bits & 1:
            raise FileFormatError(
                f"{self.name} is protected by a password; unpack it and load the file inside."
            )
        try:
            return self._zip.read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError):
            raise FileFormatError(f"{name} in {self.name} is damaged; download the archive again.") from None

    def find_shapefiles(self) -> list[str]:
        """Return the names of its shapefiles, each by its main part."""
        return [name for name in self._files if name.lower().endswith(".shp")]

    def read_parts(self, shapefile: str) -> dict[str, bytes]:
        """Return the parts of a shapefile by their endings."""
        stem = shapefile[:-4].lower()
        parts = {name: name.lower()[len(stem) :] for name in self._files if name.lower().startswith(stem)}
        return {ending: self.read(name) for name, ending in parts.items() if ending in SHAPEFILE_PARTS}


def _is_shown(info: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(info.filename)
    return not info.is_dir() and not path.name.startswith(".") and "__MACOSX" not in path.parts


def read_archive(
    archive: Archive, part: str | None, read_content: ReadContent, read_shapefile: ReadShapefile
) -> RawTable:
    """Return the table in the archive; raise `LoadError` if it holds none, or several that are not one."""
    shapefiles = archive.find_shapefiles()
    chosen = [name for name in archive.names if part in (name, PurePosixPath(name).name)] if part else []
    if part and len(chosen) != 1:
        raise LoadError(f"{archive.name} has no file {part!r}; its files are {_list(archive.names)}.")
    if shapefiles and (not chosen or chosen[0] in shapefiles):
        name = (chosen or _choose_one(shapefiles, archive))[0]
        return read_shapefile(archive.read_parts(name), f"{PurePosixPath(name).name} in {archive.name}")
    tables = chosen or _list_tables(archive)
    if len(tables) == 1:
        raw = _read_one(archive, tables[0], read_content)
        raw.notes.insert(0, note("from_archive", file=tables[0]))
        return raw
    parts = [(name, _read_one(archive, name, read_content)) for name in tables]
    for _, raw in parts:
        if raw.parse:
            leave_out_second_headings(raw)
    return _join(parts, archive)


def _list_tables(archive: Archive) -> list[str]:
    tables = [name for name in archive.names if name.lower().endswith(TABLES)]
    if not tables:
        raise FileFormatError(
            f"{archive.name} is an archive (ZIP) without a table in it; it holds {_list(archive.names)}."
        )
    if len({PurePosixPath(name).suffix.lower() for name in tables}) > 1:
        return _choose_one(tables, archive)
    if len(tables) > MOST_FILES:
        raise LoadError(
            f"{archive.name} has {len(tables)} files; at most {MOST_FILES} can be loaded at once."
        )
    return sorted(tables)


def _choose_one(names: Sequence[str], archive: Archive) -> list[str]:
    if len(names) > 1:
        raise LoadError(
            f"{archive.name} holds several tables: {_list(names)}. "
            f"Choose one, for example with sheet={PurePosixPath(names[0]).name!r}."
        )
    return list(names)


def _read_one(archive: Archive, name: str, read_content: ReadContent) -> RawTable:
    return read_content(archive.read(name), f"{PurePosixPath(name).name} in {archive.name}", None)


def _join(parts: list[tuple[str, RawTable]], archive: Archive) -> RawTable:
    """Return one table of all files, with a column that says from which each row comes."""
    empty = [PurePosixPath(name).name for name, raw in parts if not len(raw.lines)]
    parts = [part for part in parts if len(part[1].lines)]
    if not parts:
        raise FileFormatError(f"No file in {archive.name} has any rows.")
    first_name, first = parts[0]
    for name, raw in parts:
        if raw.names != first.names:
            raise LoadError(
                f"The files in {archive.name} have different columns: {first_name} has {_list(first.names)}; "
                f"{name} has {_list(raw.names)}. Load one with sheet={PurePosixPath(name).name!r}, or unpack the "
                'archive and load those that belong together one after the other with mode="append".'
            )
    rows = [len(raw.lines) for _, raw in parts]
    names = [PurePosixPath(name).name for name, _ in parts]
    columns = [_concatenate([raw.columns[place] for _, raw in parts]) for place in range(len(first.names))]
    files = pa.array(
        [name for name, count in zip(names, rows, strict=True) for _ in range(count)], pa.string()
    )
    notes = [note("joined", count=len(parts), first=names[0], last=names[-1])]
    notes += _collect_remarks([(name, raw.notes) for name, (_, raw) in zip(names, parts, strict=True)])
    notes += [note("without_rows", files=_list(empty, MOST_REMARKS))] if empty else []
    heading = next(word for word in ("file", "file_name", "from_file", "file_1") if word not in first.names)
    return RawTable(
        [*first.names, heading], [*columns, files], range(1, sum(rows) + 1), notes, first.parse, first.comma
    )


def _collect_remarks(parts: list[tuple[str, list[Note]]]) -> list[Note]:
    """Return what is said of all files once, and of single ones with their names."""
    common = [remark for remark in parts[0][1] if all(remark in notes for _, notes in parts)]
    single = [
        note("in_file", file=name, remark=remark)
        for name, notes in parts
        for remark in notes
        if remark not in common
    ]
    more = [note("more_remarks", count=len(single) - MOST_REMARKS)] if len(single) > MOST_REMARKS else []
    return [*common, *single[:MOST_REMARKS], *more]


def _concatenate(columns: list[pa.Array]) -> pa.Array:
    plain = [column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column for column in columns]
    if len({column.type for column in plain}) > 1:
        return to_column([cell for column in plain for cell in column.to_pylist()])
    return pa.concat_arrays(plain)


def _list(names: Sequence[str], most: int = 8) -> str:
    return ", ".join([*names[:most], *(["…"] if len(names) > most else [])])
