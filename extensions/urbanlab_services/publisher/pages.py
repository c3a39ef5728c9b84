"""Takes a page from the runner as a stranger's parcel: nothing is believed, everything is measured again.

The runner executes what somebody wrote, so its answer may be a bomb, a path out of the folder, a file of a type
that we do not serve, or a digest that belongs to other bytes. What passes here can be kept and served as it is.
"""

from __future__ import annotations

import dataclasses
import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from urbanlab.contract.publications import (
    BODY,
    FILE_TYPES,
    STATE,
    Page,
    PageFile,
    decode_page,
    make_digest,
)
from urbanlab_services.publisher.page_body import BodyError, check_body
from urbanlab_services.publisher.page_data import PageDataError, check_page_data

MAX_ZIP_BYTES = 60_000_000
MAX_PAGE_BYTES = 60_000_000  # all files together, unpacked
MAX_FILE_BYTES = 25_000_000
MAX_FILES = 400
MAX_RECORD_BYTES = 500_000
RECORD = "page.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,100}\.([a-z0-9]{2,7})")
_DATASET = re.compile(r"[A-Za-z0-9_.]{1,130}")
_TEXT_ENDINGS = {"html", "css", "mjs", "json", "svg", "csv", "geojson"}
# The first bytes of the others, so that a file is what its ending says.
_BEGINNINGS: dict[str, bytes | tuple[bytes, ...]] = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpg": b"\xff\xd8\xff",
    "gif": b"GIF8",
    "webp": b"RIFF",
    "woff2": b"wOF2",
    "wav": b"RIFF",
    "mp3": (b"ID3", b"\xff"),
    "ogg": b"OggS",
    "flac": b"fLaC",
    "mp4": b"\0\0\0",
    "webm": b"\x1a\x45\xdf\xa3",
    "xlsx": b"PK\x03\x04",
    "parquet": b"PAR1",
}


class PageError(ValueError):
    """The runner's answer is no page that can be kept; the message says why."""


@dataclass(frozen=True)
class CheckedPage:
    """A page that may be kept: `contents` holds its files by their digests."""

    page: Page
    contents: Mapping[str, bytes]


def read_page(parcel: bytes, *, title: str, language: str, now: str) -> CheckedPage:
    """Return the page in a ZIP of the runner's; raise `PageError` for anything that is none.

    `title` and `language` are the application's, whatever the parcel says; `now` is the latest time, ISO 8601, at
    which it can have been made.
    """
    members = _unpack(parcel)
    try:
        page = decode_page(members.pop(RECORD))
        files = tuple(_check_file(file, members) for file in page.files)
        made_at = _check_time(page.made_at, now)
        data_until = _check_time(page.data_until, now) if page.data_until else ""
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise PageError("the page's record does not fit its files") from None
    if {file.name for file in files} != members.keys() or len(files) != len(members):
        raise PageError("the page's record does not name exactly its files")
    if not (isinstance(page.live, bool) and isinstance(page.simulated, bool)) or not all(
        isinstance(name, str) and _DATASET.fullmatch(name) for name in page.datasets
    ):
        raise PageError("the page's record has values of the wrong kind")
    _check_contents(members, files)
    try:
        check_page_data(page.data, members)
    except PageDataError as error:
        raise PageError(f"it {error}") from None
    checked = dataclasses.replace(
        page, title=title, language=language, made_at=made_at, data_until=data_until, files=files
    )
    return CheckedPage(checked, {make_digest(content): content for content in members.values()})


def _unpack(parcel: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(parcel)) as archive:
            return _read_members(archive)
    except PageError:
        raise
    # Encrypted, of an unknown kind, cut off, or with a directory that leads nowhere.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError):
        raise PageError("it is no ZIP file") from None


def _read_members(archive: zipfile.ZipFile) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    left = MAX_PAGE_BYTES
    if len(archive.infolist()) > MAX_FILES:
        raise PageError(f"it has more than {MAX_FILES} files")
    for info in archive.infolist():
        hit = _NAME.fullmatch(info.filename)
        # The name as it stands in the file, too: the library cuts it at a zero byte.
        if hit is None or hit[1] not in FILE_TYPES or info.orig_filename != info.filename:
            raise PageError("it has a file whose name or type is not allowed")
        if info.filename in members:
            raise PageError("it has a file twice")
        most = min(left, MAX_RECORD_BYTES if info.filename == RECORD else MAX_FILE_BYTES)
        # Not what the directory says: that may be a lie. One byte more than allowed is read at most.
        with archive.open(info) as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise PageError("it is too large")
        left -= len(content)
        members[info.filename] = content
    return members


def _check_file(file: PageFile, members: Mapping[str, bytes]) -> PageFile:
    content = members[file.name]
    if file.digest != make_digest(content) or file.size != len(content):
        raise ValueError(file.name)
    return file


def _check_time(text: str, now: str) -> str:
    moment, latest = datetime.fromisoformat(text), datetime.fromisoformat(now)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return min(moment, latest).isoformat()


def _check_contents(members: Mapping[str, bytes], files: tuple[PageFile, ...]) -> None:
    if BODY not in members:
        raise PageError("it has no body")
    for name, content in members.items():
        ending = name.rpartition(".")[2]
        if ending in _TEXT_ENDINGS:
            _check_text(name, content)
        elif not content.startswith(_BEGINNINGS[ending]):
            raise PageError(f"{name} is not what its ending says")
    try:
        check_body(
            members[BODY].decode(), {f"{file.digest}.{file.name.rpartition('.')[2]}" for file in files}
        )
    except BodyError as error:
        raise PageError(f"its body {error}") from None


def _check_text(name: str, content: bytes) -> None:
    try:
        text = content.decode()
        if name == STATE and not isinstance(json.loads(text), dict):
            raise ValueError(name)
    except (ValueError, RecursionError):
        raise PageError(f"{name} is not what its ending says") from None
