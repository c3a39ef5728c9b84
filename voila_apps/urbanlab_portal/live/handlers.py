"""The addresses of interactive views: headers are made anew in both directions, and nobody gets a cookie."""

from __future__ import annotations

import asyncio

from urbanlab.contract.live import READY, WAITING, make_page_name
from urbanlab.contract.publications import make_variant
from urbanlab_portal import policies
from urbanlab_portal.base_handler import BaseHandler, Portal
from urbanlab_portal.compression import make_content
from urbanlab_portal.errors import NotPublicError
from urbanlab_portal.live.errors import BusyError, EndedError, LivePrefetchError
from urbanlab_portal.live.runner import fetch_kernel
from urbanlab_portal.live.views import View, Views
from urbanlab_portal.pages import HTML
from urbanlab_portal.parameters import choose, make_query

SOON, LATER = 1, 3  # seconds until a waiting page asks again
LOOKS, PAUSE = 10, 0.12  # how often a page is held back for a session that is nearly there


class LiveHandler(BaseHandler):
    """What all have in common: the page, which must offer a view now, and the views."""

    kind = "live"

    def initialize(self, portal: Portal, views: Views | None) -> None:  # type: ignore[override]
        """Take what all handlers share, and the views, where this portal has any."""
        super().initialize(portal)
        self._views = views

    @property
    def views(self) -> Views:
        """The views; raise `BusyError` where this portal has none."""
        if self._views is None:
            raise BusyError
        return self._views

    def find_page(self, tenant: str, slug: str) -> str:
        """Return the name of a page that offers a view; raise `NotPublicError`."""
        self.edition = self.portal.directory.find_edition(tenant, slug)
        if self.edition is None or not self.edition.publication.live:
            raise NotPublicError
        return make_page_name(tenant, slug)

    def check_wanted(self) -> None:
        """Raise `LivePrefetchError` where a browser asks ahead of its user."""
        if self.is_ahead():
            raise LivePrefetchError


class StartHandler(LiveHandler):
    """…/live/: asks for a seat."""

    async def head(self, *names: str) -> None:
        """Say that it is there; a look at the headers alone takes no seat."""
        self.find_page(names[0], names[1])
        self.set_header("Cache-Control", policies.NEVER)

    async def get(self, *names: str) -> None:
        """Take a seat and lead to it."""
        page = self.find_page(names[0], names[1])
        assert self.edition is not None
        self.check_wanted()
        question = self.parse_question()
        values = choose(self.edition.publication, question.values)
        view = await self.views.start(page, make_variant(values))
        self.count("live")
        if view.seat.position:
            self.count("waiting")
        self.set_header("Cache-Control", policies.NEVER)
        query = make_query(values, question.language)
        self.redirect(f"/{page}/live/seat/{view.seat.id}/{query}", status=303)


class SeatHandler(LiveHandler):
    """…/live/seat/ID/: the place in the queue, then the view in the portal's frame."""

    async def get(self, *names: str) -> None:
        """Show it."""
        tenant, slug, seat_id = names
        page = self.find_page(tenant, slug)
        assert self.edition is not None
        question = self.parse_question()
        values = choose(self.edition.publication, question.values)
        view = await self.renew(seat_id, page)
        is_ready = view.seat.state == READY
        if is_ready:
            if view.is_shown:
                raise EndedError("spent")
            view.is_shown = self.request.method != "HEAD"
        language = self.find_language(question.language)
        content = self.portal.pages.make_live(self.edition, language, question.language, values, view.seat)
        seconds = SOON if view.seat.position == 0 else LATER
        headers = {} if is_ready else {"Refresh": str(seconds)}
        await self.send_page(content, {**policies.PAGE, **headers}, policies.NEVER)

    async def renew(self, seat_id: str, page: str) -> View:
        """Return a view as it is now, or as it is in a moment where its session is being prepared."""
        view = await self.views.renew(seat_id, page)
        for _ in range(LOOKS):
            if view.seat.state != WAITING or view.seat.position:
                break
            await asyncio.sleep(PAUSE)
            view = await self.views.renew(seat_id, page)
        return view


class ViewHandler(LiveHandler):
    """…/live/view/TICKET/: the session's page, once."""

    async def head(self, *names: str) -> None:
        """Refuse: there is nothing to look at without spending the ticket."""
        raise NotPublicError

    async def get(self, *names: str) -> None:
        """Send it."""
        tenant, slug, ticket = names
        page = self.find_page(tenant, slug)
        self.check_wanted()
        view = self.views.find_by_ticket(ticket, page)
        content = await self.views.client.open_page(view.seat, page)
        view.is_open = True
        await self.send(make_content(content, HTML), policies.LIVE, policies.NEVER)


class SessionHandler(LiveHandler):
    """What a session's page asks for."""

    def find_view(self, *names: str) -> View:
        """Return the view of a page and a key; raise `NotPublicError`."""
        view = self.views.find_by_key(names[2], self.find_page(names[0], names[1]))
        if view is None:
            raise NotPublicError
        return view


class KernelHandler(SessionHandler):
    """…/live/session/KEY/api/kernels/ID: whether the kernel is there."""

    async def get(self, *names: str) -> None:
        """Ask the runner."""
        view = self.find_view(*names)
        body = await fetch_kernel(self.views.client, view.seat, names[3])
        if body is None:
            raise NotPublicError
        await self.send(make_content(body, "application/json"), policies.FILE, policies.NEVER)


class LeaveHandler(SessionHandler):
    """…/live/session/KEY/voila/api/shutdown/ID: what Voilà's page sends when it is left."""

    SUPPORTED_METHODS = ("POST",)  # type: ignore[assignment]

    async def post(self, *names: str) -> None:
        """Free the seat."""
        self.views.leave(self.find_view(*names))
        self.set_status(204)


class FilesHandler(SessionHandler):
    """…/live/session/KEY/voila/files/static/…: how Voilà's page spells the address of one of our files."""

    async def get(self, *names: str) -> None:
        """Lead there."""
        self.redirect(f"/static/{names[3]}", status=308)
