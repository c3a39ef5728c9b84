"""The sessions of interactive views: prepared when the publisher asks, had once for a ticket, ended when left."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from jinja2 import TemplateError
from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from urbanlab.contract.live import LEAVE_SECONDS, MAX_SESSIONS, SPARE_SECONDS
from urbanlab_runner.attachments import write_attachments
from urbanlab_runner.families import StillRunningError
from urbanlab_runner.live.kernel import SessionKernel
from urbanlab_runner.live.rendering import render
from urbanlab_runner.notebook_client import OutputLimitError
from urbanlab_runner.page_execute import parameterize, read_notebook
from urbanlab_runner.page_process import MAX_PAGE_BYTES, PageProcesses

logger = logging.getLogger(__name__)

PREPARING, READY, ENDED = "preparing", "ready", "ended"


@dataclass(frozen=True)
class Limits:
    """What a session may take, in seconds, and how many there may be; the publisher keeps to fewer."""

    sessions: int = MAX_SESSIONS
    prepare: float = 120.0
    unvisited: float = 30.0  # from ready to the first connection
    spare: float = SPARE_SECONDS  # from ready until it is handed out
    left: float = LEAVE_SECONDS
    idle: float = 600.0  # since the visitor last did something
    life: float = 1800.0
    ended: float = 120.0  # how long it is still told why one has ended
    look: float = 1.0


@dataclass(frozen=True)
class LiveTask:
    """What is to be shown: a page's notebook with values for its parameters."""

    page: str
    notebook: dict[str, Any]
    parameters: dict[str, Any]
    title: str
    language: str
    spare: bool  # made ahead: for nobody before it is handed out


class Connection(Protocol):
    """The connection of a visitor's browser."""

    def end(self, reason: str) -> None:
        """Close it and say why."""


@dataclass
class Session:
    """One visitor's session; its `ticket` is good for the page, its `key` for what the page asks for.

    While it `is_spare` it is nobody's yet, and neither is good for anything nor told to anybody.
    """

    page: str
    kernel: SessionKernel
    is_spare: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    kernel_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    state: str = PREPARING
    reason: str = ""
    html: str | None = None  # None also once somebody has had it
    began_at: float = field(default_factory=time.monotonic)
    changed_at: float = field(default_factory=time.monotonic)  # of its state or its connection
    used_at: float = 0.0
    connection: Connection | None = None

    def find_end(self, limits: Limits) -> str:
        """Return why a session that is ready has to end now, or an empty text."""
        now = time.monotonic()
        if self.is_spare:
            return "left" if now - self.changed_at > limits.spare else ""
        if now - self.began_at > limits.life:
            return "over"
        if self.connection is not None:
            return "idle" if now - self.used_at > limits.idle else ""
        patience = limits.left if self.used_at else limits.unvisited
        return "left" if now - self.changed_at > patience else ""


class TooManySessionsError(Exception):
    """No session can be begun before another has ended."""


class SessionGoneError(Exception):
    """There is no such session, or none for this ticket, page or key."""


def find_displaced(living: list[Session], limit: int, is_spare: bool) -> Session | None:
    """Return the spare that has to end for a new session, or None; raise `TooManySessionsError`."""
    if len(living) < limit:
        return None
    spare = next((session for session in living if session.is_spare), None)
    if spare is None or is_spare:
        raise TooManySessionsError
    return spare


class Sessions:
    """The sessions of one runner; `home` has room for working folders, `runtime` for sockets."""

    def __init__(
        self, processes: PageProcesses, home: Path, runtime: Path, limits: Limits | None = None
    ) -> None:
        self._processes, self._runtime = processes, runtime
        self._work = home / "live"
        self.limits = limits or Limits()
        self._sessions: dict[str, Session] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start_session(self, task: LiveTask) -> Session:
        """Begin to prepare a session; raise `TooManySessionsError`, or `FailedError` for what is no notebook.

        A visitor's session takes the place of a spare where there is no other.
        """
        notebook = parameterize(read_notebook(task.notebook), task.parameters)
        living = [session for session in self._sessions.values() if session.state != ENDED]
        displaced = find_displaced(living, self.limits.sessions, task.spare)
        if displaced is not None:
            self.end_session(displaced, "ended")
        name = uuid.uuid4().hex
        session = Session(
            task.page,
            SessionKernel(self._processes.environ, self._work / name, self._runtime / name[:8]),
            task.spare,
        )
        self._sessions[session.id] = session
        self._tasks[session.id] = asyncio.create_task(self._follow(session, notebook, task))
        return session

    def hand_out(self, session: Session) -> None:
        """Make a spare a visitor's, whose time begins now; raise `SessionGoneError` if it is none any more."""
        if session.state == ENDED or not session.is_spare:
            raise SessionGoneError
        session.is_spare = False
        session.began_at = session.changed_at = time.monotonic()

    def find_session(self, session_id: str) -> Session | None:
        """Return a session by its id, or None."""
        return self._sessions.get(session_id)

    def open_page(self, ticket: str, page: str) -> str:
        """Return the page for a ticket, which is good no more; raise `SessionGoneError`."""
        session = self._find(ticket=ticket)
        if session.page != page or session.html is None:
            raise SessionGoneError
        html, session.html = session.html, None
        return html

    def get_by_key(self, key: str) -> Session:
        """Return the session whose page has been had; raise `SessionGoneError`."""
        session = self._find(key=key)
        if session.html is not None:
            raise SessionGoneError
        return session

    def connect(self, session: Session, connection: Connection) -> None:
        """Take a connection; one that was there before is closed."""
        before, session.connection = session.connection, connection
        session.used_at = session.changed_at = time.monotonic()
        if before is not None:
            before.end("ended")

    def disconnect(self, session: Session, connection: Connection, is_left: bool) -> None:
        """Forget a connection; the session ends at once where its page was left."""
        if session.connection is connection:
            session.connection, session.changed_at = None, time.monotonic()
            if is_left:
                self.end_session(session, "left")

    def touch(self, session: Session) -> None:
        """Note that the visitor has done something."""
        session.used_at = time.monotonic()

    def end_session(self, session: Session, reason: str) -> None:
        """End a session."""
        if session.state == ENDED:
            return
        session.state, session.reason, session.html = ENDED, reason, None
        if session.connection is not None:
            session.connection.end(reason)
        self._tasks[session.id].cancel()

    def list_pids(self) -> list[int]:
        """Return the process numbers of the kernels."""
        return [session.kernel.pid for session in self._sessions.values() if session.kernel.pid is not None]

    def _find(self, ticket: str = "", key: str = "") -> Session:
        for session in self._sessions.values():
            if (session.state == READY and not session.is_spare) and (
                secrets.compare_digest(session.ticket.encode(), ticket.encode())
                or secrets.compare_digest(session.key.encode(), key.encode())
            ):
                return session
        raise SessionGoneError

    async def _follow(self, session: Session, notebook: NotebookNode, task: LiveTask) -> None:
        began = time.time()
        try:
            await asyncio.wait_for(self._prepare(session, notebook, task), self.limits.prepare)
            reason = await self._watch(session)
        except (CellExecutionError, CellTimeoutError, DeadKernelError, NoSuchKernel, OutputLimitError):
            reason = "failed"
        except (
            TimeoutError,
            RuntimeError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            OSError,
            TemplateError,
        ):
            # A kernel sends what its notebook likes, and Voilà takes each message for what it should be.
            logger.exception("A session could not be prepared")
            reason = "failed"
        finally:
            await asyncio.shield(self._end_kernel(session, began))
            asyncio.get_running_loop().call_later(self.limits.ended, self._forget, session.id)
        self.end_session(session, reason)

    async def _end_kernel(self, session: Session, began: float) -> None:
        await session.kernel.end()
        try:
            await self._processes.end_strays(began)
        except StillRunningError:
            logger.exception("A session could not be ended wholly")

    async def _prepare(self, session: Session, notebook: NotebookNode, task: LiveTask) -> None:
        await session.kernel.start()
        write_attachments(task.notebook, session.kernel.folder)
        html = await render(
            notebook,
            session.kernel,
            page=task.page,
            key=session.key,
            kernel_id=session.kernel_id,
            title=task.title,
            language=task.language,
        )
        if len(html) > MAX_PAGE_BYTES:
            raise ValueError("the page is too large")
        session.html, session.state, session.changed_at = html, READY, time.monotonic()

    async def _watch(self, session: Session) -> str:
        """Return why a session has to end, once it has to."""
        while not (reason := session.find_end(self.limits)):
            await asyncio.sleep(self.limits.look)
            if not await session.kernel.is_alive():
                return "gone"
        return reason

    def _forget(self, session_id: str) -> None:
        self._sessions.pop(session_id, None)
        with suppress(KeyError):
            self._tasks.pop(session_id)
