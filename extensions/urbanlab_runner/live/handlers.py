"""Addresses of interactive views.

The publisher prepares and ends sessions, let in by the server's own login (a token of the hub). Visitors have no
login: the portal comes for them with a ticket, then with the key of the session, and no cookie counts or is set.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import APIHandler
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler, authenticated
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from urbanlab.contract.live import CLOSED_BY_US
from urbanlab_runner.live import messages
from urbanlab_runner.live.bridge import Bridge
from urbanlab_runner.live.sessions import (
    READY,
    LiveTask,
    Session,
    SessionGoneError,
    Sessions,
    TooManySessionsError,
)
from urbanlab_runner.notebook_client import KERNEL_NAME
from urbanlab_runner.page_execute import FailedError
from urbanlab_runner.page_handlers import MAX_BODY_BYTES
from urbanlab_runner.runs import RunError, check_parameters

_FIELDS = {"page": str, "notebook": dict, "parameters": dict, "title": str, "language": str, "spare": bool}
MAX_MESSAGE_BYTES = 1_000_000
GONE_AWAY = 1001  # a browser closes with it when its page is left
WRITE_SECONDS = 20.0


class _PublisherHandler(APIHandler):  # type: ignore[misc]
    def initialize(self, sessions: Sessions) -> None:
        """Take the sessions."""
        self.sessions = sessions

    def find_session(self, session_id: str) -> Session:
        """Return the session or answer 404."""
        session = self.sessions.find_session(session_id)
        if session is None:
            raise HTTPError(404, "there is no such session")
        return session


class SessionsHandler(_PublisherHandler):
    """…/live: prepare a session."""

    @authenticated
    async def post(self) -> None:
        """Begin."""
        if len(self.request.body) > MAX_BODY_BYTES:
            raise HTTPError(413, "the notebook is too large")
        try:
            session = self.sessions.start_session(parse_live_task(self.get_json_body()))
        except (RunError, FailedError) as error:
            raise HTTPError(400, str(error)) from error
        except TooManySessionsError:
            raise HTTPError(429, "too many sessions; try again in a moment") from None
        self.set_status(202)
        self.finish(json.dumps({"id": session.id}))


class SessionHandler(_PublisherHandler):
    """…/live/ID: how a session goes."""

    @authenticated
    async def get(self, session_id: str) -> None:
        """Show it, with ticket and key while it is ready and for a visitor."""
        session = self.find_session(session_id)
        model = {"state": session.state, "reason": session.reason}
        if session.state == READY and not session.is_spare:
            model |= {"ticket": session.ticket, "key": session.key}
        self.finish(model)

    @authenticated
    async def post(self, session_id: str) -> None:
        """Hand a spare out."""
        try:
            self.sessions.hand_out(self.find_session(session_id))
        except SessionGoneError:
            raise HTTPError(410, "it is no spare any more") from None
        self.set_status(204)
        self.finish()

    @authenticated
    async def delete(self, session_id: str) -> None:
        """End it."""
        self.sessions.end_session(self.find_session(session_id), "ended")
        self.set_status(204)
        self.finish()


class _VisitorHandler(RequestHandler):
    def initialize(self, sessions: Sessions) -> None:
        """Take the sessions."""
        self.sessions = sessions

    def set_default_headers(self) -> None:
        """Say nothing about the program, and let nobody keep an answer."""
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say no more than the status; the portal has the words."""
        self.finish()

    def check_xsrf_cookie(self) -> None:
        """Leave it out: no cookie gives a right here, so no other page can use one."""


class PageHandler(_VisitorHandler):
    """…/live/open/TICKET?page=TENANT/SLUG: the page of a session, once."""

    @allow_unauthenticated  # type: ignore[untyped-decorator]
    async def get(self, ticket: str) -> None:
        """Send it and spend the ticket."""
        try:
            html = self.sessions.open_page(ticket, self.get_query_argument("page", ""))
        except SessionGoneError:
            raise HTTPError(410) from None
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(html)


class KernelHandler(_VisitorHandler):
    """…/live/session/KEY/api/kernels/ID: what Voilà's page asks about its kernel."""

    @allow_unauthenticated  # type: ignore[untyped-decorator]
    async def get(self, key: str, kernel_id: str) -> None:
        """Say that it is there."""
        session = get_session(self.sessions, key, kernel_id)
        now = datetime.now(UTC).isoformat()
        connections = int(session.connection is not None)
        model = {"id": kernel_id, "name": KERNEL_NAME, "execution_state": "idle"}
        self.finish({**model, "connections": connections, "last_activity": now})


class ChannelsHandler(WebSocketHandler):
    """…/live/session/KEY/api/kernels/ID/channels: the messages of widgets, both ways."""

    def initialize(self, sessions: Sessions) -> None:
        """Take the sessions."""
        self.sessions = sessions
        self.session: Session | None = None

    @property
    def max_message_size(self) -> int:
        """How large a browser's message may be."""
        return MAX_MESSAGE_BYTES

    @property
    def ping_interval(self) -> float:
        """How often the connection is tried, so that one that broke unheard ends."""
        return 15.0

    def check_origin(self, origin: str) -> bool:
        """Let every origin in: the portal has looked at it, and the key is what counts."""
        return True

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Speak the one protocol whose messages `messages` can take apart."""
        return messages.PROTOCOL if messages.PROTOCOL in subprotocols else None

    @allow_unauthenticated  # type: ignore[untyped-decorator]
    async def get(self, key: str, kernel_id: str) -> None:
        """Connect."""
        self.session = get_session(self.sessions, key, kernel_id)
        if messages.PROTOCOL not in self.request.headers.get("Sec-WebSocket-Protocol", ""):
            raise HTTPError(400)
        self.bridge = Bridge(self.session.kernel.manager)
        await self.bridge.wait_until_heard()
        await super().get(key, kernel_id)
        if self.ws_connection is None:  # it was no opening of a connection
            self.bridge.close()

    async def open(self, *names: str, **options: str) -> None:
        """Begin to carry messages."""
        assert self.session is not None
        self.sessions.connect(self.session, self)
        self._pumps = [asyncio.create_task(self._pump(channel)) for channel in ("iopub", "shell")]

    async def on_message(self, message: str | bytes) -> None:
        """Carry a message to the kernel, if it is one that may."""
        parts = messages.read_from_browser(message)
        if parts is None or self.session is None:
            return
        if messages.is_use(parts):
            self.sessions.touch(self.session)
        await self.bridge.send(parts)

    async def _pump(self, channel: str) -> None:
        try:
            while True:
                packed = messages.write_to_browser(await self.bridge.receive(channel), channel)
                if packed is not None:
                    # One at a time: a slow browser holds the kernel's messages up, not our memory.
                    await asyncio.wait_for(self.write_message(packed, binary=True), WRITE_SECONDS)
        except (TimeoutError, WebSocketClosedError, StreamClosedError):
            self.close()

    def on_close(self) -> None:
        """End the session where the page was left; otherwise it may be taken up again for a while."""
        if self.session is None:
            return
        for pump in self._pumps:
            pump.cancel()
        self.bridge.close()
        self.sessions.disconnect(self.session, self, self.close_code == GONE_AWAY)

    def end(self, reason: str) -> None:
        """Close and say why."""
        self.close(CLOSED_BY_US, reason)


def get_session(sessions: Sessions, key: str, kernel_id: str) -> Session:
    """Return the session of a key and its kernel or answer 404."""
    try:
        session = sessions.get_by_key(key)
    except SessionGoneError:
        raise HTTPError(404) from None
    if session.kernel_id != kernel_id:
        raise HTTPError(404)
    return session


def parse_live_task(body: Any) -> LiveTask:
    """Return the task of a request; raise `RunError` where it is of another form."""
    if not isinstance(body, dict) or set(body) != set(_FIELDS):
        raise RunError(f"send an object with {', '.join(sorted(_FIELDS))}")
    for name, kind in _FIELDS.items():
        if not isinstance(body[name], kind):
            raise RunError(f"`{name}` is of the wrong type")
    check_parameters(body["parameters"])
    return LiveTask(**body)
