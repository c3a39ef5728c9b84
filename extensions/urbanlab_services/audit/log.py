"""The log's files, one for each month: appended to by one process alone, and whole after any crash."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from urbanlab.contract.files import write_whole
from urbanlab_services.audit.chain import Body, ChainError, Line, decode_line, make_line
from urbanlab_services.audit.head import DamagedError, Head, ensure_key, load_head, write_head

ASIDE = "aside"  # the folder of what a crash, or somebody, left behind the last line


@dataclass(frozen=True)
class Draft:
    """What becomes a line."""

    event: str
    tenant: str
    source: str
    id: str
    body: Body


@dataclass(frozen=True)
class Place:
    """Where a line stands."""

    file: str
    offset: int
    length: int


class Log:
    """Appends lines; what it has returned is on disk. For one thread of one process at a time."""

    def __init__(self, folder: Path) -> None:
        """Open the log, or begin one; raise `DamagedError` where it is not as it was left.

        Lines after the head were never acknowledged to anybody: they go to the folder `aside`, and `moved_bytes`
        says how many bytes they had.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._lock = (folder / "lock").open("w")
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let another process write."""
        self._lock.close()

    def _open(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DamagedError(f"another process writes to {self.folder}") from None
        self._key = ensure_key(self.folder)
        self.head = load_head(self.folder, self._key)
        self._size = self._find_end()
        self.moved_bytes = self._move_aside()

    def append(self, drafts: Iterable[Draft], now: datetime | None = None) -> list[tuple[Line, Place]]:
        """Append lines, all or none; raise `OSError` where the disk does not take them."""
        at = now or datetime.now(UTC)
        file = max(f"{at:%Y-%m}.jsonl", self.head.file)  # also where the clock was put back
        offset = self._find_size(file)
        moment = to_moment(at)
        seq, prev = self.head.seq, self.head.hash
        written: list[tuple[Line, Place]] = []
        for draft in drafts:
            seq += 1
            line = make_line(seq, prev, moment, draft.event, draft.tenant, draft.source, draft.id, draft.body)
            prev, length = line.hash, len(line.encode())
            written.append((line, Place(file, offset, length)))
            offset += length
        if written:
            self._write(file, b"".join(line.encode() for line, _ in written))
            self._set_head(Head(seq, prev, file), offset)
        return written

    def check(self) -> None:
        """Raise `DamagedError` where somebody else has written to the file in use."""
        path = self.folder / self.head.file
        if self.head.seq and (not path.exists() or path.stat().st_size != self._size):
            raise DamagedError(f"somebody else wrote to {path}")

    def read(self, place: Place) -> Line:
        """Return the line at a place; raise `DamagedError` where it is another than was written."""
        with (self.folder / place.file).open("rb") as file:
            file.seek(place.offset)
            raw = file.read(place.length)
        try:
            return decode_line(raw)
        except ChainError as error:
            raise DamagedError(f"{place.file}, byte {place.offset}: {error}") from None

    def read_file(self, file: str) -> Iterator[tuple[Line, Place]]:
        """Yield the lines of a file with their places; raise `DamagedError` at what cannot be the writer's."""
        for offset, raw in read_lines(self.folder / file):
            try:
                line = decode_line(raw)
            except ChainError as error:
                raise DamagedError(f"{file}, byte {offset}: {error}") from None
            yield line, Place(file, offset, len(raw))

    def replace(self, file: str, lines: Iterable[Line]) -> None:
        """Put a file anew whose lines have lost what is over; raise `OSError`, and nothing has changed then."""
        content = b"".join(line.encode() for line in lines)
        write_whole(self.folder / file, content)
        if file == self.head.file:
            self._size = len(content)

    def list_files(self) -> list[str]:
        """Return the names of the files, the oldest first."""
        return list_files(self.folder)

    def _write(self, file: str, content: bytes) -> None:
        path, known = self.folder / file, self._find_size(file)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            if os.fstat(descriptor).st_size != known:
                raise DamagedError(f"somebody else wrote to {path}")
            try:
                if os.write(descriptor, content) != len(content):
                    raise OSError(errno.ENOSPC, "the disk is full")
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, known)
                raise
        finally:
            os.close(descriptor)

    def _set_head(self, head: Head, size: int) -> None:
        try:
            write_head(self.folder, self._key, head)
        except OSError:
            os.truncate(self.folder / head.file, self._find_size(head.file))
            raise
        self.head, self._size = head, size

    def _find_size(self, file: str) -> int:
        return self._size if file == self.head.file else 0

    def _move_aside(self) -> int:
        """Move away what stands behind the last line; return how much."""
        moved = 0
        for file in self.list_files():
            kept = self._size if file == self.head.file else 0
            if file >= self.head.file and (content := (self.folder / file).read_bytes()[kept:]):
                aside = self.folder / ASIDE
                aside.mkdir(mode=0o700, exist_ok=True)
                write_whole(aside / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{file}", content)
                os.truncate(self.folder / file, kept)
                moved += len(content)
        return moved

    def _find_end(self) -> int:
        """Return where the last line ends; raise `DamagedError` where it is not in its file."""
        if not self.head.seq:
            return 0
        path = self.folder / self.head.file
        content = path.read_bytes() if path.exists() else b""
        end = len(content)
        for raw in reversed(content.splitlines(keepends=True)):
            with suppress(ChainError):
                line = decode_line(raw)
                if (line.seq, line.hash) == (self.head.seq, self.head.hash):
                    return end
            end -= len(raw)
        raise DamagedError(f"line {self.head.seq}, which was written last, is not in {path} any more")


def to_moment(at: datetime) -> str:
    """Return a moment as lines have it, so that texts can be compared; one without a zone is in UTC."""
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="milliseconds")


def list_files(folder: Path) -> list[str]:
    """Return the names of a log's files, the oldest first."""
    return sorted(path.name for path in folder.glob("*.jsonl"))


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file with their offsets."""
    offset = 0
    with path.open("rb") as file:
        for raw in file:
            yield offset, raw
            offset += len(raw)
