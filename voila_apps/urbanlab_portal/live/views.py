"""The seats that this portal has handed to visitors, and whether they are still there."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from urbanlab.contract.live import ENDED, HEARTBEAT_SECONDS, LEAVE_SECONDS, READY, LiveSeat
from urbanlab_portal.directory import Directory
from urbanlab_portal.live.errors import BusyError, EndedError
from urbanlab_portal.live.publisher import LiveClient

logger = logging.getLogger(__name__)

MAX_VIEWS = 500  # waiting and running
WAITING_SECONDS = 60.0  # who waits asks every few seconds; who has stopped to is forgotten
LOOK_SECONDS = 1.0


class Connection(Protocol):
    """A visitor's connection."""

    def end(self, reason: str) -> None:
        """Close it and say why."""


@dataclass
class View:
    """A visitor's seat for a page."""

    page: str
    seat: LiveSeat
    is_shown: bool = False  # whether somebody has had the page around it
    is_open: bool = False  # whether somebody has had the session's page
    seen_at: float = field(default_factory=time.monotonic)
    asked_at: float = field(default_factory=time.monotonic)
    connection: Connection | None = None


class Views:
    """All of them, in memory: a portal that starts anew knows of none, and its visitors start anew too."""

    def __init__(self, client: LiveClient, directory: Directory) -> None:
        self.client, self._directory = client, directory
        self._views: dict[str, View] = {}
        self._watch: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    async def start(self, page: str, variant: str) -> View:
        """Return a new view of a page; raise `BusyError`, `EndedError`."""
        if len(self._views) >= MAX_VIEWS:
            raise BusyError("full")
        tenant, _, slug = page.partition("/")
        view = View(page, await self.client.take(tenant, slug, variant))
        self._views[view.seat.id] = view
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look_after())
        return view

    async def renew(self, seat_id: str, page: str) -> View:
        """Return a view of that page as the publisher sees it now; raise `EndedError`, `BusyError`."""
        view = self._views.get(seat_id)
        if view is None or view.page != page:
            raise EndedError("ended")
        view.seen_at = time.monotonic()
        await self._ask(view)
        return view

    def find_by_ticket(self, ticket: str, page: str) -> View:
        """Return the view of that page and ticket; raise `EndedError` where there is none, or not of that page."""
        for view in self._views.values():
            if view.seat.state == READY and view.seat.ticket == ticket and view.page == page:
                return view
        raise EndedError("spent")

    def find_by_key(self, key: str, page: str) -> View | None:
        """Return the view of that page whose session has that key, or None."""
        for view in self._views.values():
            if view.is_open and view.seat.key == key and view.page == page:
                return view
        return None

    def connect(self, view: View, connection: Connection) -> None:
        """Note a connection; one that was there before is closed."""
        before, view.connection = view.connection, connection
        if before is not None:
            before.end("ended")

    def disconnect(self, view: View, connection: Connection, is_left: bool) -> None:
        """Forget a connection; the seat is free at once where the page was left."""
        if view.connection is connection:
            view.connection, view.seen_at = None, time.monotonic()
            if is_left:
                self.leave(view)

    def leave(self, view: View) -> None:
        """Give a seat up."""
        if self._views.pop(view.seat.id, None) is not None:
            task = asyncio.create_task(self._release(view))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _release(self, view: View) -> None:
        # Where nobody answers, the publisher forgets who is asked after no more.
        with suppress(BusyError):
            await self.client.release(view.seat.id)

    async def _ask(self, view: View) -> None:
        try:
            view.seat = await self.client.get(view.seat.id)
        except EndedError:
            self._end(view, "ended")
            raise
        view.asked_at = time.monotonic()
        if view.seat.state == ENDED:
            self._end(view, view.seat.reason)
            raise EndedError(view.seat.reason)

    def _end(self, view: View, reason: str) -> None:
        self._views.pop(view.seat.id, None)
        if view.connection is not None:
            view.connection.end(reason)

    def _end_closed(self) -> None:
        """End the views of pages that offer none any more, whether or not the publisher is there to say so."""
        for view in list(self._views.values()):
            if not self._directory.has_live_view(*view.page.split("/")):
                self.leave(view)
                self._end(view, "ended")

    async def _look_after(self) -> None:
        while self._views:
            await asyncio.sleep(LOOK_SECONDS)
            self._end_closed()
            now = time.monotonic()
            for view in list(self._views.values()):
                patience = LEAVE_SECONDS if view.is_shown else WAITING_SECONDS
                if view.connection is None and now - view.seen_at > patience:
                    self.leave(view)
                elif view.is_shown and now - view.asked_at > HEARTBEAT_SECONDS:
                    view.asked_at = now
                    # Away is not ended: who has a session keeps it while the publisher starts anew.
                    with suppress(BusyError, EndedError):
                        await self._ask(view)
