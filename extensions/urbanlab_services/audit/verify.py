"""Reads the whole log and says whether it is as written: ``python -m urbanlab_services.audit.verify FOLDER``.

It asks nobody, least of all the writer. What it needs is the folder that the service keeps.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from urbanlab.contract.audit import ENTRIES_EXPIRED
from urbanlab_services.audit.chain import GENESIS, ChainError, Line, decode_line
from urbanlab_services.audit.head import DamagedError, Head, load_head, load_key
from urbanlab_services.audit.log import list_files, read_lines
from urbanlab_services.audit.people import find_forged
from urbanlab_services.audit.places import LOG, PEOPLE, WRITER

PATIENCE_SECONDS = 3.0  # with a writer that is just at work


@dataclass
class _Walk:
    """What is known of the lines read so far."""

    seq: int = 0
    hash: str = GENESIS
    where: str = ""
    empty: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # tenant -> lines without a body
    through: dict[str, int] = field(default_factory=dict)  # tenant -> up to where that is permitted
    at_head: str | None = None  # the hash of the line that the head speaks of
    missing: str = ""  # the hash that is looked for


def verify(state: Path, contains: str = "") -> Head:
    """Return the head of a log in which every line is as it was written; raise `DamagedError` with the place.

    `state` is the folder of the audit service, as the writer has it; `contains` the hash of a line that somebody
    has noted, by which an older copy of the whole folder is known.
    """
    folder = state / LOG
    key = load_key(folder)
    head = load_head(folder, key)
    walk = _Walk(at_head=GENESIS if head.seq == 0 else None, missing=contains)
    for file in list_files(folder):
        for number, (_, raw) in enumerate(read_lines(folder / file), 1):
            walk.where = f"{file}, line {number}"
            _take(walk, raw, head)
    _check_end(walk, head)
    _check_empty(walk)
    if walk.missing:
        raise DamagedError(f"No entry has the hash {walk.missing}: this is another log, or an older copy.")
    if walk.seq > head.seq:
        _wait_for_head(folder, key, walk)
    try:
        forged = find_forged(state / PEOPLE)
    except sqlite3.DatabaseError as error:
        raise DamagedError(f"{state / PEOPLE} cannot be read: {error}.") from None
    if forged:
        raise DamagedError(
            f"Behind the pseudonym {forged} stands another name than the writer has put there."
        )
    return head


def _take(walk: _Walk, raw: bytes, head: Head) -> None:
    try:
        line = decode_line(raw)
    except ChainError as error:
        if walk.seq >= head.seq and not raw.endswith(b"\n"):
            return  # half a line that a writer is just writing, or that a crash left: nobody was told of it
        raise DamagedError(f"{walk.where}: {error}.") from None
    if line.seq != walk.seq + 1:
        raise DamagedError(
            f"{walk.where}: it is number {line.seq} where {walk.seq + 1} is due: lines are missing or moved."
        )
    if line.prev != walk.hash:
        raise DamagedError(f"{walk.where}: it does not follow from the line before.")
    walk.seq, walk.hash = line.seq, line.hash
    if walk.missing == line.hash:
        walk.missing = ""
    if line.seq == head.seq:
        walk.at_head = line.hash
    _note_expiry(walk, line)


def _note_expiry(walk: _Walk, line: Line) -> None:
    if line.body is None:
        walk.empty.setdefault(line.tenant, []).append((line.seq, walk.where))
    elif line.source == WRITER and line.event == ENTRIES_EXPIRED:
        # Only what came before an entry can have been taken away by it.
        through = min(int(line.body["data"]["through"]), line.seq - 1)
        walk.through[line.tenant] = max(through, walk.through.get(line.tenant, 0))


def _check_end(walk: _Walk, head: Head) -> None:
    if walk.at_head is None:
        raise DamagedError(
            f"The log ends with number {walk.seq}, but {head.seq} were written: {head.seq - walk.seq} are missing."
        )
    if walk.at_head != head.hash:
        raise DamagedError(f"Number {head.seq} is not the line that the writer has written there.")


def _check_empty(walk: _Walk) -> None:
    for tenant, lines in walk.empty.items():
        for seq, where in lines:
            if seq > walk.through.get(tenant, 0):
                raise DamagedError(
                    f"{where}: what it said is gone, and no entry says that its time was over."
                )


def _wait_for_head(folder: Path, key: bytes, walk: _Walk) -> None:
    """A writer at work puts a line before it moves the head; a line that stays without one is not the writer's."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while load_head(folder, key).seq < walk.seq:
        if time.monotonic() > deadline:
            raise DamagedError(
                f"{walk.where}: it stands behind the last line of which the writer speaks. If the writer was "
                "killed just now, its next start moves it aside; otherwise somebody else wrote it."
            )
        time.sleep(0.1)


def main(arguments: list[str]) -> int:
    """Print one sentence; return 0 for a log that is whole."""
    try:
        head = verify(Path(arguments[0]), *arguments[1:2])
    except DamagedError as error:
        sys.stdout.write(f"The audit log is damaged. {error}\n")
        return 1
    sys.stdout.write(f"The audit log is whole: {head.seq} entries, the last {head.hash}.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
