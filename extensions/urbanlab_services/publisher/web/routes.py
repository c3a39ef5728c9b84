"""Puts the pages together: which address shows what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from urbanlab_services.hub_api import HubApi
from urbanlab_services.publisher.desk import Desk
from urbanlab_services.publisher.web import (
    data_handlers,
    deputy_handlers,
    handlers,
    login_handlers,
    reader_handlers,
)
from urbanlab_services.publisher.web.login import HubLogin
from urbanlab_services.publisher.web.pages import PageHandler, Site, UnknownPageHandler
from urbanlab_services.publisher.web.security import Origins, to_origin
from urbanlab_services.service import BaseHandler, Route, ServiceSettings

_STATIC = Path(__file__).parent / "static"
_TYPES = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
_ID = "([0-9a-f]{32})"


class StaticHandler(BaseHandler):
    """The style sheet and the icon; nothing else lies there."""

    def get(self, name: str) -> None:
        """Write a file; a browser that has it is told so."""
        self.set_header("Content-Type", _TYPES[name])
        self.set_header("Cache-Control", "no-cache")
        self.write((_STATIC / name).read_bytes())


def make_site(settings: ServiceSettings, desk: Desk) -> Site:
    """Return what the pages need; raise `ServiceSettingsError` without the service's token."""
    login = HubLogin(
        hub=HubApi(settings.hub_api_url),
        hub_api_url=settings.hub_api_url,
        hub_url=settings.hub_url,
        publisher_url=settings.publisher_url,
        secret=settings.secret("service-publisher"),
        records=desk.records,
    )
    addresses = (settings.publisher_url, settings.hub_url, settings.portal_url)
    return Site(desk, login, Origins(*map(to_origin, addresses)))


def make_web_routes(settings: ServiceSettings, desk: Desk) -> list[Route]:
    """Return the routes of all pages; whatever begins otherwise than they and the API shows a page that says so."""
    site = make_site(settings, desk)
    pages: list[tuple[str, type[PageHandler]]] = [
        ("/", handlers.OverviewHandler),
        ("/publish", handlers.PublishHandler),
        (f"/submissions/{_ID}", handlers.SubmissionHandler),
        (f"/submissions/{_ID}/difference", handlers.DifferenceHandler),
        (f"/submissions/{_ID}/difference/pictures/([0-9a-f]{{64}})", handlers.PictureHandler),
        (f"/submissions/{_ID}/([a-z_]+)", handlers.SubmissionActHandler),
        ("/publications/([a-z0-9-]+)", handlers.PublicationHandler),
        ("/publications/([a-z0-9-]+)/(hand_over|take_over)", handlers.ChargeHandler),
        ("/readers", reader_handlers.ReadersHandler),
        ("/readers/([a-z0-9-]{1,60})", reader_handlers.PageReadersHandler),
        (f"/readers/reports/{_ID}/settle", reader_handlers.ReportActHandler),
        ("/deputies", deputy_handlers.DeputiesHandler),
        ("/deputies/act_for", deputy_handlers.ActForHandler),
        (f"/deputies/{_ID}/end", deputy_handlers.DeputyActHandler),
        ("/data-releases", data_handlers.DataHandler),
        (f"/data-releases/{_ID}", data_handlers.DataRequestHandler),
        (f"/data-releases/{_ID}/([a-z_]+)", data_handlers.DataActHandler),
        (f"/data-offers/{_ID}", data_handlers.OfferHandler),
        (f"/data-offers/{_ID}/([a-z_]+)", data_handlers.OfferActHandler),
        ("/login", login_handlers.LoginHandler),
        (login_handlers.CALLBACK, login_handlers.CallbackHandler),
        ("/logout", login_handlers.LogoutHandler),
        ("/(?!api/|portal/|livez$|readyz$|metrics$).*", UnknownPageHandler),
    ]
    options: dict[str, Any] = {"site": site}
    return [
        ("/static/(style.css|icon.svg)", StaticHandler),
        *((pattern, handler, options) for pattern, handler in pages),
    ]
