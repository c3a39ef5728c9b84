"""Sessions of chDB: for a single statement, or kept by a client with its temporary tables and settings."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from chdb._exceptions import ChdbError
from chdb.state.sqlitelike import Connection

from urbanlab_services.warehouse.engine.profiles import Profiles
from urbanlab_services.warehouse.engine.spares import Spares
from urbanlab_services.warehouse.wire import PLAIN_VALUES, Job

MOST_SESSIONS = 200
IDLE_SECONDS = 3600  # the gateway ends them earlier, unless it was killed
# What the temporary tables of a session hold together; they lie in memory.
MOST_BYTES = 256 << 20
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIZE = "SELECT sum(total_bytes) FROM system.tables WHERE is_temporary"


@dataclass
class _Kept:
    """What lasts between the statements of one client."""

    connection: Connection
    settings: dict[str, str] = field(default_factory=dict)
    # What settings were before a statement changed them: for limits, the engine's own defaults would be none.
    former: dict[str, str] = field(default_factory=dict)
    used_at: float = field(default_factory=time.monotonic)


class Sessions:
    """The sessions that clients keep, by the names that the gateway gives them; any thread may ask."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self.profiles: Profiles = {}
        self.spares = Spares()
        self._connect = connect
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    @contextmanager
    def prepared(
        self, job: Job, load: Callable[[Connection], None], *, readonly: bool
    ) -> Iterator[Connection]:
        """Give a session with the job's role, database and settings, after `load` has filled its external tables.

        Raises `ChdbError` for a session that is no longer there.
        """
        if job.session:
            with self._keep(job, load) as connection:
                yield connection
            return
        connection = self.spares.take(_find_kind(job), lambda: self._make_ready(job))
        try:
            load(connection)
            # Under readonly=2 a read may set what the profile lets it, and change nothing.
            change_settings(
                connection, _list_settings(job) | ({"readonly": "2"} if readonly else PLAIN_VALUES)
            )
            yield connection
        finally:
            connection.close()

    def make_spare(self, job: Job) -> None:
        """Make ready what another statement like this one needs, if there are too few."""
        kind = _find_kind(job)
        if not job.session and self.spares.has_room(kind):
            self.spares.put(kind, self._make_ready(job))

    def _make_ready(self, job: Job) -> Connection:
        connection = self._connect()
        try:
            self._take_limits(connection, job)
            _take_role(connection, job)
        except ChdbError:
            connection.close()
            raise
        return connection

    def remember(self, job: Job) -> None:
        """Let the settings of a job hold for the later statements of its session."""
        self._kept[job.session].settings |= job.settings

    def end(self, name: str) -> None:
        """End a session, if it is there."""
        with self._lock:
            kept = self._kept.pop(name, None)
        if kept is not None:
            kept.connection.close()

    def end_all(self) -> None:
        """End all: the database is being closed."""
        self.spares.close()
        for name in list(self._kept):
            self.end(name)

    @contextmanager
    def _keep(self, job: Job, load: Callable[[Connection], None]) -> Iterator[Connection]:
        kept = self._kept.get(job.session) or self._begin(job)
        kept.used_at = time.monotonic()
        try:
            _take_role(kept.connection, job)
            load(kept.connection)
            _note_former(kept, job.settings)
            change_settings(kept.connection, kept.settings | _list_settings(job) | PLAIN_VALUES)
            yield kept.connection
            if job.kind in ("insert", "change", "temporary"):
                self._check_size(job.session, kept.connection)
        finally:
            self._restore(kept, job)
            kept.used_at = time.monotonic()

    def _begin(self, job: Job) -> _Kept:
        if not job.begins_session:
            raise ChdbError("Code: 372. DB::Exception: The session has ended. (SESSION_NOT_FOUND)")
        self._end_idle()
        with self._lock:
            if len(self._kept) >= MOST_SESSIONS:
                raise ChdbError(
                    "Code: 202. DB::Exception: Too many sessions are open. (TOO_MANY_SIMULTANEOUS_QUERIES)"
                )
            kept = self._kept[job.session] = _Kept(self._connect())
        self._take_limits(kept.connection, job)
        return kept

    def _take_limits(self, connection: Connection, job: Job) -> None:
        """Let the tenant's limits hold, whatever is set later: a profile brings its ceilings, not its values."""
        if job.profile:
            values = {name: str(value) for name, value in self.profiles.get(job.profile, {}).items()}
            change_settings(connection, {"profile": job.profile} | values)

    def _end_idle(self) -> None:
        oldest = time.monotonic() - IDLE_SECONDS
        for name in [name for name, kept in list(self._kept.items()) if kept.used_at < oldest]:
            self.end(name)

    def _check_size(self, name: str, connection: Connection) -> None:
        used = int(connection.query(_SIZE, "TSV").bytes() or 0)
        if used > MOST_BYTES:
            self.end(name)
            raise ChdbError(
                f"Code: 191. DB::Exception: The temporary tables of a session hold {MOST_BYTES >> 20} MiB at most, "
                "and the session has ended; make a table in the workshop instead. (SET_SIZE_LIMIT_EXCEEDED)"
            )

    @staticmethod
    def _restore(kept: _Kept, job: Job) -> None:
        """Take back what holds for one statement only; the next one begins with limits and settings of its own."""
        drops = [f"DROP TEMPORARY TABLE IF EXISTS {external.name}" for external in job.externals]
        changed = [name for name in job.settings if name in kept.former and name not in kept.settings]
        for statement in [*drops, *(f"SET {name} = {quote(kept.former[name])}" for name in changed)]:
            # A session that has ended meanwhile has no connection.
            with suppress(ChdbError, AttributeError):
                kept.connection.query(statement)


def change_settings(connection: Connection, settings: Mapping[str, str]) -> None:
    """Set them all in one statement."""
    changes = ", ".join(f"{check_name(name)} = {quote(value)}" for name, value in settings.items())
    connection.query(f"SET {changes}")


def check_name(name: str) -> str:
    """Return a name that needs no quotes; raise `ChdbError` for any other."""
    if not _PLAIN_NAME.fullmatch(name):
        raise ChdbError("Code: 36. DB::Exception: A name is not plain. (BAD_ARGUMENTS)")
    return name


def quote(value: str) -> str:
    """Return a text as SQL writes it."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _note_former(kept: _Kept, names: Iterable[str]) -> None:
    missing = [name for name in names if name not in kept.former]
    if missing:
        asked = ", ".join(f"toString(getSetting({quote(name)}))" for name in missing)
        values = kept.connection.query(f"SELECT {asked}", "JSONCompactEachRow").bytes()
        kept.former |= dict(zip(missing, json.loads(values), strict=True))


def _take_role(connection: Connection, job: Job) -> None:
    connection.query(f"SET ROLE {check_name(job.role)}")
    if job.database:
        connection.query(f"USE {check_name(job.database)}")


def _find_kind(job: Job) -> tuple[str, ...]:
    return job.role, job.profile, job.database


def _list_settings(job: Job) -> dict[str, str]:
    return {**job.settings, "log_comment": job.tag}
