"""Sessions that clients name: temporary tables and settings that last from one statement to the next.

Most clients give each connection a session and never use it. So the engine has none until a statement needs one.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from urbanlab_services.warehouse.arguments import Arguments
from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.errors import (
    SESSION_IS_LOCKED,
    SESSION_NOT_FOUND,
    TOO_MANY_QUERIES,
    WarehouseError,
)
from urbanlab_services.warehouse.wire import Job

MOST_OF_ONE = 8  # that one account keeps in the engine
MOST_IDLE = 200  # of one account that the engine has not: names without anything behind them
Key = tuple[str, str, str]  # whose, with which access, under which name


@dataclass(eq=False)
class ClientSession:
    """A client's session; the engine has it from the first statement that begins it."""

    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    is_begun: bool = False
    holders: int = 0  # requests that name it now
    is_closing: bool = False
    tables: set[str] = field(default_factory=set)
    ends_at: float = 0.0

    def note(self, job: Job) -> None:
        """Remember which temporary tables there are after a statement."""
        if job.kind != "temporary":
            return
        if job.text.startswith("CREATE"):
            self.tables.add(job.changes_table)
        else:
            self.tables.discard(job.changes_table)


class ClientSessions:
    """The sessions of all accounts: nobody reaches another's, whatever name they give."""

    def __init__(self, engine: EngineClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._sessions: dict[Key, ClientSession] = {}

    @asynccontextmanager
    async def hold(self, identity: Identity, arguments: Arguments) -> AsyncIterator[ClientSession | None]:
        """Give the session that a request names, or none; raise `WarehouseError` for one that is in use."""
        await self._end_late()
        if not arguments.session_id:
            yield None
            return
        key = (identity.subject, identity.role, arguments.session_id)
        session = self._find(key, must_be_there=arguments.checks_session)
        if session.holders and session.is_begun:
            raise _make_locked()
        session.holders += 1
        try:
            yield session
        except WarehouseError as error:
            if error.number == SESSION_NOT_FOUND:
                session.is_begun = False
                self._forget(key, session)
            raise
        finally:
            session.holders -= 1
            session.is_closing |= arguments.closes_session
            session.ends_at = self._clock() + arguments.session_seconds
            is_over = session.is_closing or self._sessions.get(key) is not session
            if is_over and not session.holders:
                await self._end({key: session})

    def enter(self, identity: Identity, session: ClientSession | None, job: Job) -> Job:
        """Return the job as it runs in the session, which begins with the first statement that leaves something."""
        if session is None or not (session.is_begun or job.kind in ("set", "temporary")):
            return job
        if session.is_begun and session.holders > 1:
            raise _make_locked()  # another request has begun it since this one came
        is_new = not session.is_begun
        if is_new:
            self._check_number(identity)
        session.is_begun = True
        return replace(job, session=session.name, begins_session=is_new)

    def _check_number(self, identity: Identity) -> None:
        own = [key for key, other in self._sessions.items() if key[0] == identity.subject and other.is_begun]
        if len(own) >= MOST_OF_ONE:
            raise WarehouseError(
                TOO_MANY_QUERIES,
                f"You have {MOST_OF_ONE} sessions with temporary tables or settings; close one",
            )

    async def end_of(self, hub_user: str) -> None:
        """End all sessions of an account."""
        await self._end({key: session for key, session in self._sessions.items() if key[0] == hub_user})

    def __len__(self) -> int:
        """Return how many sessions the engine keeps."""
        return sum(session.is_begun for session in self._sessions.values())

    def _find(self, key: Key, *, must_be_there: bool) -> ClientSession:
        session = self._sessions.get(key)
        if session is None and must_be_there:
            raise WarehouseError(SESSION_NOT_FOUND, "There is no such session (any more)")
        if session is None:
            self._make_room(key[0])
            session = self._sessions[key] = ClientSession()
        return session

    def _make_room(self, subject: str) -> None:
        """Forget the oldest names of an account that has too many without anything behind them."""
        idle = [
            (key, session)
            for key, session in self._sessions.items()
            if key[0] == subject and not session.is_begun and not session.holders
        ]
        for key, session in idle[: len(idle) - MOST_IDLE + 1] if len(idle) >= MOST_IDLE else ():
            self._forget(key, session)

    def _forget(self, key: Key, session: ClientSession) -> None:
        if self._sessions.get(key) is session:  # the name may be another session's by now
            del self._sessions[key]

    def _list_late(self) -> Iterator[tuple[Key, ClientSession]]:
        now = self._clock()
        return (
            (key, session)
            for key, session in self._sessions.items()
            if not session.holders and session.ends_at and session.ends_at < now
        )

    async def _end_late(self) -> None:
        await self._end(dict(self._list_late()))

    async def _end(self, ended: Mapping[Key, ClientSession]) -> None:
        for key, session in ended.items():
            self._forget(key, session)
        if names := [session.name for session in ended.values() if session.is_begun]:
            await self._engine.end_sessions(names)


def _make_locked() -> WarehouseError:
    return WarehouseError(
        SESSION_IS_LOCKED,
        "The session is in use; send its statements one after another, or take another",
    )
