"""What the portal carries between a visitor's browser and the session in the runner."""

from __future__ import annotations

import asyncio
import time

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError
from tornado.websocket import (
    WebSocketClientConnection,
    WebSocketClosedError,
    WebSocketError,
    WebSocketHandler,
    websocket_connect,
)

from urbanlab.contract.live import CLOSED_BY_US, MAX_TOGETHER, REASONS, LiveSeat, make_page_name
from urbanlab_portal import metrics
from urbanlab_portal.base_handler import Portal
from urbanlab_portal.live.publisher import SECONDS, LiveClient
from urbanlab_portal.live.views import View, Views

PROTOCOL = "v1.kernel.websocket.jupyter.org"
MAX_FROM_BROWSER = 1_000_000  # bytes of a message
MAX_FROM_RUNNER = 20_000_000
MAX_RATE = 100  # messages of a browser within a second
WRITE_SECONDS = 20.0
GONE_AWAY = 1001  # a browser closes with it when its page is left


async def fetch_kernel(client: LiveClient, seat: LiveSeat, kernel_id: str) -> bytes | None:
    """Return what the runner says about a kernel, or None where it is gone."""
    url = f"{seat.runner}live/session/{seat.key}/api/kernels/{kernel_id}"
    request = HTTPRequest(url, request_timeout=SECONDS, follow_redirects=False)
    answer = await client.fetch(request)
    return answer.body if answer.code == 200 else None


class ChannelsHandler(WebSocketHandler):
    """…/live/session/KEY/api/kernels/ID/channels: carries messages both ways, none of them kept."""

    _open_connections = 0

    def initialize(self, portal: Portal, views: Views | None) -> None:
        """Take the directory of pages and the views."""
        self._portal, self._views = portal, views
        self._view: View | None = None
        self._runner: WebSocketClientConnection | None = None
        self._carrying: asyncio.Task[None] | None = None
        self._second, self._count = 0, 0

    @property
    def max_message_size(self) -> int:
        """How large a browser's message may be."""
        return MAX_FROM_BROWSER

    @property
    def ping_interval(self) -> float:
        """How often the connection is tried, so that one that broke unheard ends."""
        return 15.0

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Speak what the runner speaks."""
        return PROTOCOL if PROTOCOL in subprotocols else None

    async def get(self, *names: str) -> None:
        """Connect to the runner, then let the browser in."""
        tenant, slug, key, kernel_id = names
        if self._views is None or not self._portal.directory.has_live_view(tenant, slug):
            raise HTTPError(404)
        view = self._views.find_by_key(key, make_page_name(tenant, slug))
        if view is None:
            raise HTTPError(404)
        if ChannelsHandler._open_connections >= MAX_TOGETHER:
            raise HTTPError(503)
        url = f"{view.seat.runner}live/session/{key}/api/kernels/{kernel_id}/channels"
        self._runner = await _connect("ws" + url.removeprefix("http"))
        self._view = view
        await super().get(*names)
        if self.ws_connection is None:  # what the browser sent was no opening of a connection
            self._runner.close()

    async def open(self, *names: str, **options: str) -> None:
        """Begin to carry."""
        assert self._view is not None and self._views is not None
        ChannelsHandler._open_connections += 1
        metrics.LIVE.set(ChannelsHandler._open_connections)
        self._views.connect(self._view, self)
        self._carrying = asyncio.create_task(self._carry())

    async def on_message(self, message: str | bytes) -> None:
        """Carry a browser's message; close where there are too many."""
        second = int(time.monotonic())
        self._second, self._count = second, self._count + 1 if second == self._second else 1
        if self._count > MAX_RATE:
            self.close(1008)
        elif self._runner is not None and isinstance(message, bytes):
            try:
                await self._runner.write_message(message, binary=True)
            except (WebSocketClosedError, StreamClosedError):
                self.close(1011)

    async def _carry(self) -> None:
        assert self._runner is not None
        try:
            while (message := await self._runner.read_message()) is not None:
                # One at a time: a slow browser holds the runner up, not our memory.
                await asyncio.wait_for(
                    self.write_message(message, binary=isinstance(message, bytes)), WRITE_SECONDS
                )
        except (TimeoutError, WebSocketClosedError, StreamClosedError):
            self.close()
            return
        reason = self._runner.close_reason or ""
        if self._runner.close_code == CLOSED_BY_US and reason in REASONS:
            self.end(reason)
        else:
            self.close(1011)

    def end(self, reason: str) -> None:
        """Close and say why."""
        self._ended = True
        self.close(CLOSED_BY_US, reason)

    def on_close(self) -> None:
        """Close the other end too; the seat is free where the page was left or the session has ended."""
        if self._carrying is None or self._view is None or self._views is None:
            return
        ChannelsHandler._open_connections -= 1
        metrics.LIVE.set(ChannelsHandler._open_connections)
        self._carrying.cancel()
        is_left = self.close_code == GONE_AWAY or getattr(self, "_ended", False)
        if self._runner is not None:
            self._runner.close(GONE_AWAY if is_left else None)
        self._views.disconnect(self._view, self, is_left)


async def _connect(url: str) -> WebSocketClientConnection:
    request = HTTPRequest(url, connect_timeout=SECONDS, request_timeout=SECONDS)
    try:
        return await websocket_connect(
            request, subprotocols=[PROTOCOL], max_message_size=MAX_FROM_RUNNER, ping_interval=15.0
        )
    except HTTPClientError as error:
        raise HTTPError(404 if error.code == 404 else 502) from None
    except (OSError, WebSocketError, StreamClosedError):
        raise HTTPError(502) from None
