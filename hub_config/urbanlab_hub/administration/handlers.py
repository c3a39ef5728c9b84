"""The pages: an overview, and the question before a server is stopped. Cookies alone open them, never a token."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import url_path_join
from tornado import locale
from tornado.httputil import url_concat
from tornado.locale import Locale
from tornado.web import HTTPError, authenticated

from urbanlab.contract.records import Tenant
from urbanlab_hub import audit
from urbanlab_hub.administration import access, events, people, servers
from urbanlab_hub.administration.languages import DEFAULT, LANGUAGES, Words
from urbanlab_hub.administration.pending import Publisher
from urbanlab_hub.administration.quotas import list_quotas
from urbanlab_hub.administration.servers import Server
from urbanlab_hub.known_tenants import KnownTenants

CONFIRMATION = "urbanlab-stop"
CONFIRMATION_DAYS = 1 / 24
NOTICES = ("stopped", "stops", "absent")


@dataclass(frozen=True)
class Site:
    """What the pages are made from."""

    tenants: KnownTenants
    publisher: Publisher
    publisher_url: str  # as browsers see it


class AdministrationHandler(BaseHandler):  # type: ignore[misc]
    """A page for those who administer the tenant of their own hub user, and for nobody else."""

    tenant: Tenant

    def initialize(self, site: Site) -> None:
        """Take what the pages are made from."""
        self.site = site

    def set_default_headers(self) -> None:
        """Pages are kept nowhere."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "same-origin")

    def get_content_type(self) -> str:
        """Return what the pages are, with the letters they are written in."""
        return "text/html; charset=utf-8"

    async def prepare(self) -> None:
        """Let nobody in but an administrator who looks at the page itself."""
        await super().prepare()
        self.admit()

    @authenticated
    def admit(self) -> None:
        """Find the tenant; the same refusal for everybody else, whatever was asked for."""
        fetch = self.request.headers.get
        if (
            fetch("Sec-Fetch-Mode", "navigate") != "navigate"
            or fetch("Sec-Fetch-Dest", "document") != "document"
        ):
            raise HTTPError(403, "This page is not for scripts and frames.")
        tenant = access.find_administered_tenant(self.current_user, self.site.tenants.load_tenants())
        if tenant is None:
            raise HTTPError(403, "This page is for a municipality's administrators.")
        self.tenant = tenant

    # --- language ---

    def get_user_locale(self) -> Locale | None:
        """Return the language of the address, if it names one of ours."""
        return locale.get(self.lang) if self.lang else None

    def get_browser_locale(self, default: str = DEFAULT) -> Locale:
        """Return the language that the browser prefers."""
        preferred: Locale = super().get_browser_locale(default)
        return preferred

    @property
    def lang(self) -> str:
        """The language that the address names, or an empty string."""
        asked = self.get_query_argument("lang", "")
        return asked if asked in LANGUAGES else ""

    # --- pages ---

    async def show(self, template: str, status: int = 200, **values: Any) -> None:
        """Write a page."""
        words = Words(self.locale)
        self.set_status(status)
        self.set_header("Content-Language", words.code)
        page = await self.render_template(
            template,
            words=words,
            t=words.t,
            n=words.n,
            tenant=self.tenant,
            path=self.request.path,
            link=self.make_link,
            **values,
        )
        self.finish(page)

    def make_link(self, path: str = "", **query: str) -> str:
        """Return an address of these pages, in the language that the present one names."""
        given = {**({"lang": self.lang} if self.lang else {}), **query}
        return str(url_concat(url_path_join(self.hub.base_url, "tenant", path).rstrip("/"), given))


class OverviewHandler(AdministrationHandler):
    """/hub/tenant: servers, people, quotas, what waits, and what was done."""

    async def get(self) -> None:
        """Show it."""
        now, zone = datetime.now(UTC), ZoneInfo(self.tenant.time_zone)
        members = access.list_members(self.db, self.tenant.id)
        users = [self._user_from_orm(user) for user in members if user.id in self.users]
        active = servers.list_servers(users, now)
        known = people.list_people(members, self.tenant.id, now, zone)
        notice = self.get_query_argument("done", "")
        found, log, pending = await asyncio.gather(
            asyncio.to_thread(servers.measure_servers, active),
            events.find_events(self.tenant.id),
            self.site.publisher.find_pending(self.tenant.id),
        )
        await self.show(
            "tenant.html",
            zone=zone,
            servers=found,
            people=known,
            quotas=list_quotas(self.tenant.quotas, found),
            pending=pending,
            publisher_url=self.site.publisher_url,
            events=log,
            notice=notice if notice in NOTICES else "",
        )


class StopHandler(AdministrationHandler):
    """/hub/tenant/servers/PERSON/stop: asks, and then stops that server and no later one."""

    async def get(self, owner: str) -> None:
        """Ask."""
        await self._ask(self._find_user(owner))

    async def post(self, owner: str) -> None:
        """Stop the server that was asked about."""
        user = self._find_user(owner)
        server = self._find_server(user)
        if server is None or not server.can_stop:
            self._leave("stops" if server else "absent")
        elif not self._is_confirmed(server):
            await self._ask(user, is_changed=True)
        else:
            await self._stop(user)
            self._leave("stops" if user.spawner.pending else "stopped")

    async def _stop(self, user: Any) -> None:
        # One that has ended by itself is noticed here, and needs no stopping.
        if await user.spawner.poll_and_notify() is None and not user.spawner.pending:
            self.log.info("%s stops the server of %s", self.current_user.name, user.name)
            audit.record_admin_act(self.current_user.name, "stop-server", user.name)
            await self.stop_single_user(user)

    def _find_user(self, owner: str) -> Any:
        found = access.find_member(self.db, owner, self.tenant.id)
        if found is None:
            raise HTTPError(404)
        return self._user_from_orm(found)

    def _find_server(self, user: Any) -> Server | None:
        return servers.make_server(user, datetime.now(UTC)) if user.spawner.active else None

    async def _ask(self, user: Any, is_changed: bool = False) -> None:
        server = self._find_server(user)
        if server is None or not server.can_stop:
            self._leave("stops" if server else "absent")
            return
        confirmation = self.create_signed_value(CONFIRMATION, self._describe(server)).decode()
        await self.show(
            "stop_server.html",
            409 if is_changed else 200,
            server=server,
            confirmation=confirmation,
            is_changed=is_changed,
        )

    def _is_confirmed(self, server: Server) -> bool:
        given = self.get_body_argument("confirmation", "")
        asked: bytes | None = self.get_signed_cookie(CONFIRMATION, given, CONFIRMATION_DAYS)
        return asked == self._describe(server).encode()

    def _describe(self, server: Server) -> str:
        return f"{self.current_user.name} {self.get_session_cookie()} {server.owner} {server.started}"

    def _leave(self, notice: str) -> None:
        self.redirect(self.make_link(done=notice), status=303)
