"""Where each line stands, by what is asked for; made from the log, and made again where it does not fit it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from urbanlab.contract.audit import ENTRIES_EXPIRED
from urbanlab_services.audit.chain import Line
from urbanlab_services.audit.log import Log, Place

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS lines (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, source TEXT NOT NULL, at TEXT NOT NULL, event TEXT NOT NULL,
    tenant TEXT NOT NULL, object TEXT NOT NULL, outcome TEXT NOT NULL, has_body INTEGER NOT NULL,
    file TEXT NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL, UNIQUE (source, id)
) STRICT;
CREATE TABLE IF NOT EXISTS people (
    pseudonym TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (pseudonym, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_tenant ON lines (tenant, seq);
CREATE INDEX IF NOT EXISTS by_object ON lines (tenant, object, seq);
"""
_BATCH = 5000


@dataclass(frozen=True)
class Question:
    """What is asked for: of one tenant or, with None, of all; what is empty or None does not matter."""

    tenant: str | None
    events: Collection[str]
    object: str = ""  # what the object's name begins with
    outcome: str = ""
    pseudonym: str | None = None
    since: str = ""
    until: str = ""
    before: int | None = None  # lines with a smaller number only, to turn pages
    limit: int = 100


class Index:
    """Answers questions by places; it holds nothing that the log does not hold."""

    def __init__(self, path: Path, log: Log) -> None:
        """Open the index of a log and bring it up to the log's last line; raise `DamagedError` for a spoilt log."""
        self._path = path
        self._forgotten: set[str] = set()  # files whose lines are to be taken up again
        if not self._is_usable(log):
            for each in (path, *(path.with_name(path.name + ending) for ending in ("-wal", "-shm"))):
                each.unlink(missing_ok=True)
        self._database = self._open()
        self.catch_up(log)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def add(self, written: Iterable[tuple[Line, Place]]) -> None:
        """Take lines up."""
        rows = [(line, place) for line, place in written]
        with self._database:
            self._database.executemany(
                "INSERT OR REPLACE INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_make_row(line, place) for line, place in rows],
            )
            self._database.executemany(
                "INSERT OR REPLACE INTO people VALUES (?, ?)",
                [(name, line.seq) for line, _ in rows for name in find_pseudonyms(line)],
            )

    def has(self, source: str, id_: str) -> bool:
        """Return whether a sender's entry is in the log."""
        question = "SELECT 1 FROM lines WHERE source = ? AND id = ?"
        return self._database.execute(question, (source, id_)).fetchone() is not None

    def find(self, question: Question) -> list[Place]:
        """Return the places of the lines asked for, the newest first."""
        conditions, values = _make_conditions(question)
        statement = f"SELECT file, offset, length FROM lines WHERE {conditions} ORDER BY seq DESC LIMIT ?"  # noqa: S608
        return [Place(*row) for row in self._database.execute(statement, [*values, question.limit])]

    def list_expired(self, tenant: str, before: str) -> list[tuple[str, int]]:
        """Return file and number of a tenant's lines from before a moment that still say something.

        What permits lines to be empty is not among them: the chain's proof needs it.
        """
        conditions = "tenant = ? AND at < ? AND has_body = 1 AND event <> ?"
        statement = f"SELECT file, seq FROM lines WHERE {conditions} ORDER BY seq"  # noqa: S608
        rows = self._database.execute(statement, (tenant, before, ENTRIES_EXPIRED))
        return [(str(file), int(seq)) for file, seq in rows]

    def list_tenants(self) -> list[str]:
        """Return all tenants that the log knows."""
        return [str(row[0]) for row in self._database.execute("SELECT DISTINCT tenant FROM lines")]

    def list_pseudonyms(self) -> set[str]:
        """Return those of all persons whom a line names that still says something."""
        return {str(row[0]) for row in self._database.execute("SELECT DISTINCT pseudonym FROM people")}

    def is_whole(self, log: Log) -> bool:
        """Return whether there is nothing in the log that is not here."""
        return self._count() == (log.head.seq, log.head.seq)

    def forget(self, file: str) -> None:
        """Leave out the lines of a file that is about to be put anew, until they are taken up again."""
        self._forgotten.add(file)
        with self._database:
            self._database.execute(
                "DELETE FROM people WHERE seq IN (SELECT seq FROM lines WHERE file = ?)", (file,)
            )
            self._database.execute("DELETE FROM lines WHERE file = ?", (file,))

    def take_file(self, log: Log, file: str, after: int = 0) -> None:
        """Take up the lines of a file from behind a number on."""
        batch: list[tuple[Line, Place]] = []
        for line, place in log.read_file(file):
            if line.seq > after:
                batch.append((line, place))
            if len(batch) == _BATCH:
                self.add(batch)
                batch = []
        self.add(batch)
        self._forgotten.discard(file)

    def catch_up(self, log: Log) -> None:
        """Take up what is in the log and not here, as after a failure in between."""
        for file in sorted(self._forgotten):
            self.take_file(log, file)
        last = self._find_last()
        if last == log.head.seq:
            return
        row = self._database.execute("SELECT file FROM lines WHERE seq = ?", (last,)).fetchone()
        for file in log.list_files():
            if row is None or file >= row[0]:
                self.take_file(log, file, last)

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, check_same_thread=False)
        database.executescript(_SCHEMA)
        return database

    def _is_usable(self, log: Log) -> bool:
        """Return whether what lies there is the beginning of this log's index, or nothing."""
        try:
            self._database = self._open()
            try:
                count, last = self._count()
            finally:
                self._database.close()
        except sqlite3.DatabaseError:
            return False
        return count == last <= log.head.seq

    def _count(self) -> tuple[int, int]:
        """Return how many lines there are, and the number of the last."""
        row = self._database.execute("SELECT count(*), coalesce(max(seq), 0) FROM lines").fetchone()
        return int(row[0]), int(row[1])

    def _find_last(self) -> int:
        return int(self._database.execute("SELECT coalesce(max(seq), 0) FROM lines").fetchone()[0])


def find_pseudonyms(line: Line) -> set[str]:
    """Return the pseudonyms in a line."""
    body: dict[str, Any] = line.body or {}
    return set((body.get("people") or {}).values())


def _make_row(line: Line, place: Place) -> tuple[object, ...]:
    data: dict[str, Any] = (line.body or {}).get("data", {})
    return (
        *(line.seq, line.id, line.source, line.at, line.event, line.tenant),
        *(str(data.get("object", "")), str(data.get("outcome", "")), int(line.body is not None)),
        *(place.file, place.offset, place.length),
    )


def _make_conditions(question: Question) -> tuple[str, list[object]]:
    parts = [f"event IN ({','.join('?' * len(question.events))})", "has_body = 1"]
    values: list[object] = [*question.events]
    candidates: list[tuple[str, object]] = [
        ("tenant = ?", question.tenant),
        ("outcome = ?", question.outcome or None),
        ("at >= ?", question.since or None),
        ("at < ?", question.until or None),
        ("seq < ?", question.before),
        ("seq IN (SELECT seq FROM people WHERE pseudonym = ?)", question.pseudonym),
    ]
    for part, value in candidates:
        if value is not None:
            parts.append(part)
            values.append(value)
    if question.object:
        parts.append("object >= ? AND object < ?")
        values += [question.object, question.object + "\U0010ffff"]
    return " AND ".join(parts), values
