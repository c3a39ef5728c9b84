"""The one chDB database of this process: opened, shared by sessions, and reopened for new roles."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from chdb._exceptions import ChdbError
from chdb.state.sqlitelike import Connection

from urbanlab.contract.records import Tenant
from urbanlab_services.warehouse.engine import roles
from urbanlab_services.warehouse.engine.profiles import make_profiles
from urbanlab_services.warehouse.engine.room import Room
from urbanlab_services.warehouse.engine.sessions import Sessions
from urbanlab_services.warehouse.engine.shares import Shares
from urbanlab_services.warehouse.wire import Job

Result = TypeVar("Result")
DRAIN_SECONDS = 20.0
CLOSE_SECONDS = 2.0


class Database:
    """Sessions come and go; `reopen` lets them end, keeps new ones waiting, and takes new roles."""

    def __init__(self, state: Path, executor: ThreadPoolExecutor) -> None:
        """Keep data below `state`, work in threads of `executor`."""
        self.executor = executor
        self.spool = state / "spool"
        self._backups = state / "backups"
        self._config = state / "config"
        self._data = state / "data"
        self._keeper: Connection | None = None
        self._open = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._sessions: dict[object, Callable[[], None]] = {}
        self._reopening = asyncio.Lock()
        # Whoever connects without `session` meanwhile would keep the folder loaded, with the roles of before.
        self._loading = threading.Lock()
        self.sessions = Sessions(self.connect)
        self.room = Room(self.ask, self.kill)
        self.shares = Shares(self.ask)

    async def open(self, tenants: Iterable[Tenant]) -> None:
        """Open with the roles of `tenants`, as this version of the product makes them."""
        for folder in (self.spool, self._backups, self._config, self._data):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left_over in (*self.spool.iterdir(), *self._backups.iterdir()):
            left_over.unlink()
        self._write_roles(tenants)
        _write(self._config / "config.xml", roles.render_config(self._users_path, self._backups))
        await self._connect()

    async def reopen(self, tenants: Iterable[Tenant]) -> bool:
        """Bring the roles in line with `tenants`; return whether anything had to change."""
        async with self._reopening:
            if self.has_roles_of(tenants):
                return False
            self._open.clear()
            try:
                await self._drain(DRAIN_SECONDS)
                await self._in_thread(self._change_roles, tenants)
            finally:
                await self._connect()
        return True

    def has_roles_of(self, tenants: Iterable[Tenant]) -> bool:
        """Whether the roles and limits are those of `tenants` already."""
        return _render_users(tenants) == self._users_path.read_text(encoding="utf-8")

    def is_open(self) -> bool:
        """Whether statements can run now."""
        return self._open.is_set()

    async def close(self) -> None:
        """End running statements and close."""
        self._open.clear()
        await self._drain(CLOSE_SECONDS)
        await self._in_thread(self._close_keeper)

    @asynccontextmanager
    async def session(self, evict: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
        """Hold the database open for one statement; wait while it is being reopened.

        `evict` is called when the statement has had its time to end: it may wait for a client that does nothing.
        """
        await self._open.wait()
        session = object()
        self._sessions[session] = evict
        self._idle.clear()
        try:
            yield
        finally:
            del self._sessions[session]
            if not self._sessions:
                self._idle.set()

    def connect(self) -> Connection:
        """Return a new session of chDB; costs a third of a millisecond and shares nothing with others."""
        return Connection(f"{self._data}?config-file={self._config / 'config.xml'}")

    async def make_spare(self, job: Job) -> None:
        """Make ready what another statement like this one needs."""
        async with self.session():
            with suppress(ChdbError):
                await asyncio.get_running_loop().run_in_executor(self.executor, self.sessions.make_spare, job)

    async def end_session(self, name: str) -> None:
        """End a session that a client keeps, when the statement that runs in it has ended."""
        await asyncio.get_running_loop().run_in_executor(self.executor, self.sessions.end, name)

    async def kill(self, tag: str) -> None:
        """Cancel the statement that runs with this tag, if it does."""
        condition = f"Settings['log_comment'] = '{tag}'" if tag else "1"
        # What has ended meanwhile cannot be killed any more.
        with suppress(ChdbError):
            await self._in_thread(self._run_as_operator, f"KILL QUERY WHERE {condition} ASYNC")

    async def ask(self, question: str) -> list[list[Any]]:
        """Return the rows that a question of the engine's own has."""
        return await self._in_thread(self._ask_as_operator, question)

    @property
    def _users_path(self) -> Path:
        return self._config / "users.xml"

    async def _in_thread(self, function: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)

    def _run_as_operator(self, statement: str) -> None:
        self._ask_as_operator(statement)

    def _ask_as_operator(self, question: str) -> list[list[Any]]:
        with self._loading, closing(self.connect()) as connection:
            connection.query(f"SET ROLE {roles.OPERATOR_ROLE}")
            answer = connection.query(question, "JSONCompactEachRow").bytes()
        return [json.loads(line) for line in answer.splitlines()]

    async def _drain(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            for evict in list(self._sessions.values()):
                evict()
            await self.kill("")
            await self._idle.wait()

    async def _connect(self) -> None:
        # While one connection stays open, chDB keeps the folder loaded between statements.
        self._keeper = await self._in_thread(self.connect)
        self._open.set()

    def _close_keeper(self) -> None:
        self.sessions.end_all()
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None

    def _change_roles(self, tenants: Iterable[Tenant]) -> None:
        with self._loading:
            self._close_keeper()
            self._write_roles(tenants)

    def _write_roles(self, tenants: Iterable[Tenant]) -> None:
        tenants = list(tenants)
        self.sessions.profiles = make_profiles(tenants)
        _write(self._users_path, _render_users(tenants))


def _render_users(tenants: Iterable[Tenant]) -> str:
    tenants = list(tenants)
    return roles.render_users(roles.make_roles(tenants), make_profiles(tenants))


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
