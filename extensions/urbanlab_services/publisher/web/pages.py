"""What all pages share: who is there, in which language, what a form must prove, and errors in plain words."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from tornado.httputil import HTTPServerRequest

from urbanlab.contract.naming import ROLES, split_hub_user
from urbanlab.contract.publications import TOPICS
from urbanlab_services.errors import ForbiddenError, NotFoundError, ServiceError, UnauthenticatedError
from urbanlab_services.publisher.actors import Actor
from urbanlab_services.publisher.data_desk import make_view
from urbanlab_services.publisher.desk import Desk
from urbanlab_services.publisher.web.languages import Language, choose_language, load_languages
from urbanlab_services.publisher.web.login import HubLogin
from urbanlab_services.publisher.web.security import Origins, check_origin, check_xsrf, make_headers
from urbanlab_services.publisher.web.sessions import Session, Sessions
from urbanlab_services.service import BaseHandler

_TEMPLATES = Path(__file__).parent / "templates"
_MAX_QUERY = 400


def make_templates() -> Environment:
    """Return the templates; whatever is put into them is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["topics"] = TOPICS
    return environment


@dataclass(frozen=True)
class Site:
    """What the pages are made from."""

    desk: Desk
    login: HubLogin
    origins: Origins
    sessions: Sessions = field(default_factory=Sessions)
    languages: dict[str, Language] = field(default_factory=load_languages)
    templates: Environment = field(default_factory=make_templates)

    @property
    def cookie_name(self) -> str:
        """The session's cookie; with TLS no other host or path can set one of this name."""
        return "__Host-urbanlab-publisher" if self.origins.is_https else "urbanlab-publisher"


class PageHandler(BaseHandler):
    """A page for somebody who is logged in; a form that is sent to it proves that it is ours."""

    is_open = False  # whether it is for those too who are not logged in
    site: Site

    def initialize(self, site: Site) -> None:
        """Take what the pages are made from."""
        self.site = site
        self._actor: Actor | None = None
        self._own_actor: Actor | None = None
        self.session: Session | None = None
        self.set_default_headers()

    def set_default_headers(self) -> None:
        """Pages are for the one who asked, show nothing foreign and stand in no frame."""
        super().set_default_headers()
        # Tornado asks once before `initialize`, and again for the page of an error.
        if hasattr(self, "site"):
            for name, value in make_headers(self.site.origins).items():
                self.set_header(name, value)

    async def prepare(self) -> None:
        """Find out who is there; send those who are not logged in to the login."""
        self.session = self.site.sessions.find(self.get_cookie(self.site.cookie_name) or "")
        asked = self.read_query("lang")
        if self.session and asked in self.site.languages:
            self.session.language = asked
        if self.request.method == "POST":
            check_origin(self.request, self.site.origins)
        if self.session is None:
            self._ask_for_login()
            return
        if self.request.method == "POST":
            check_xsrf(self.session.xsrf, self.get_body_argument("xsrf", ""))
        try:
            self._own_actor = await self.site.login.identify(self.session)
            self._actor = self.site.desk.deputies.extend(self._own_actor, self.session.acting_for)
        except UnauthenticatedError:
            self.end_session()
            self._ask_for_login()
        except ServiceError:
            if not self.is_open:
                raise

    @property
    def actor(self) -> Actor:
        """Who acts; there is always somebody but on open pages."""
        if self._actor is None:
            raise ForbiddenError("Log in first.", code="login_needed")
        return self._actor

    @property
    def own_actor(self) -> Actor:
        """Who acts, in the own tenant and with nobody else's rights."""
        if self._own_actor is None:
            raise ForbiddenError("Log in first.", code="login_needed")
        return self._own_actor

    @property
    def language(self) -> Language:
        """The language to answer in."""
        remembered = self.session.language if self.session else ""
        code = choose_language(
            self.read_query("lang"), remembered, self.request.headers.get("Accept-Language", "")
        )
        return self.site.languages[code]

    @property
    def time_zone(self) -> str:
        """The time zone of the actor's town."""
        tenant = self.site.login.records.tenants().get(self._actor.tenant) if self._actor else None
        return tenant.time_zone if tenant else "Europe/Berlin"

    def read_query(self, name: str) -> str:
        """Return a value of the address, whatever bytes it is made of."""
        return self.request.query_arguments.get(name, [b""])[-1].decode("utf-8", "replace")

    def end_session(self) -> None:
        """End this browser's session."""
        self.site.sessions.end(self.get_cookie(self.site.cookie_name) or "")
        self.session = None
        self.clear_cookie(self.site.cookie_name, path="/", secure=self.site.origins.is_https)

    def show(self, template: str, **values: Any) -> None:
        """Write a page."""
        language = self.language
        text = self.site.templates.get_template(template).render(
            **self._make_frame(language), t=language.t, translate=language.translate, **values
        )
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Language", language.code)
        self.finish(text)

    def go_to(self, path: str, **query: str) -> None:
        """Lead the browser from a form to a page of ours."""
        self.redirect(f"{path}?{urlencode(query)}" if query else path, status=303)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Show the error as a page in plain words."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        known = error if isinstance(error, ServiceError) else None
        if known and known.retry_after:
            self.set_header("Retry-After", str(known.retry_after))
        self.show(
            "error.html",
            status=self.get_status(),
            code=known.code if known else "",
            message=known.message if known else "",
        )

    def _ask_for_login(self) -> None:
        if self.is_open:
            return
        if self.request.method == "POST":
            raise ForbiddenError(
                "You are no longer logged in, so nothing has been done. Log in and do it again.",
                code="session_over",
            )
        path = self.request.path
        query = self.request.query
        # An overlong query is none of ours; after the login the page without it is good enough.
        self.go_to("/login", next=f"{path}?{query}" if 0 < len(query) <= _MAX_QUERY else path)

    def _make_frame(self, language: Language) -> dict[str, Any]:
        actor = self._actor
        tenant = self.site.login.records.tenants().get(actor.tenant) if actor else None
        zone = self.time_zone
        return {
            "language": language.code,
            "other_language": "en" if language.code == "de" else "de",
            "actor": actor,
            "acts_for_other": bool(actor and self._own_actor and actor.tenant != self._own_actor.tenant),
            "person": split_hub_user(actor.hub_user)[0] if actor else "",
            "town": tenant.title if tenant else (actor.tenant if actor else ""),
            "roles": [role for role in ROLES if actor and role in actor.roles],
            "xsrf": self.session.xsrf if self.session else "",
            "path": _find_page(self.request),
            "hub_url": self.site.login.hub_url,
            "instant": lambda text: language.instant(text, zone),
            "age": language.age,
            "day": language.day,
            "name_of": _name_person,
            "view_of": make_view,
            "links": self.site.desk.links,
            "notice": self.read_query("done"),
            "waiting_count": self.site.desk.count_waiting(actor) if actor and actor.is_gatekeeper else 0,
        }


class UnknownPageHandler(PageHandler):
    """Whatever has no page."""

    is_open = True

    async def prepare(self) -> None:
        """Refuse, in the words of a page."""
        await super().prepare()
        raise NotFoundError("There is nothing at this address.")


def _find_page(request: HTTPServerRequest) -> str:
    """Return the path at which what is shown can be opened again: an act has none, but what it is done with has."""
    path = request.path
    return path.rpartition("/")[0] if request.method == "POST" and path.count("/") > 1 else path


def _name_person(hub_user: str) -> str:
    """Return the person of a hub user of the own tenant."""
    return split_hub_user(hub_user)[0]
