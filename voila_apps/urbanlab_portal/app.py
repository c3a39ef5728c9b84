"""Puts the portal together and serves until somebody asks it to end."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.web import Application

from urbanlab.contract.page_data import FORMATS
from urbanlab.contract.publications import CATALOG_TYPES
from urbanlab_portal import (
    catalog_handlers,
    data_handlers,
    list_handlers,
    machine_handlers,
    metrics,
    page_handlers,
    report_handlers,
)
from urbanlab_portal.base_handler import BaseHandler, Portal
from urbanlab_portal.compression import Contents
from urbanlab_portal.counts import ReaderCounts
from urbanlab_portal.directory import Directory
from urbanlab_portal.dispatch import Dispatch
from urbanlab_portal.homes import Homes
from urbanlab_portal.layout import Layout
from urbanlab_portal.live.routes import make_live_routes, make_views
from urbanlab_portal.live.views import Views
from urbanlab_portal.pages import STATEMENTS, Pages
from urbanlab_portal.previews import Previews
from urbanlab_portal.refusals import Refusals
from urbanlab_portal.reports import Reports
from urbanlab_portal.settings import PortalSettings, PortalSettingsError
from urbanlab_portal.statics import Statics
from urbanlab_portal.variants import Variants

logger = logging.getLogger(__name__)

KEPT_BYTES = 24_000_000  # contents in memory
MAX_CONNECTIONS = 2000
STOP_SECONDS = 5

# A connection that sends nothing, or its request drop by drop, ends by itself; a body stands in a report alone.
LIMITS: dict[str, Any] = {
    "idle_connection_timeout": 20,
    "body_timeout": 5,
    "max_header_size": 16_384,
    "max_body_size": 1_000,
    "max_buffer_size": 200_000,
}

_TENANT, _SLUG = r"([a-z][a-z0-9]*)", r"([a-z0-9-]+)"
_FILE = r"files/([0-9a-f]{64})\.([a-z0-9]{2,7})"
_DATA = rf"([a-z0-9-]+)\.({'|'.join(FORMATS)})"
_CATALOG = rf"catalog\.({'|'.join(CATALOG_TYPES)})"
_STATEMENT = rf"({'|'.join(STATEMENTS)})"
ROUTES = [
    ("/", list_handlers.StartHandler),
    ("/livez", machine_handlers.LivezHandler),
    ("/readyz", machine_handlers.ReadyzHandler),
    ("/metrics", machine_handlers.MetricsHandler),
    (r"/robots\.txt", machine_handlers.RobotsHandler),
    (r"/sitemap\.xml", list_handlers.SitemapHandler),
    (r"/feed\.xml", list_handlers.FeedHandler),
    (rf"/{_CATALOG}", catalog_handlers.CatalogHandler),
    (r"/static/([A-Za-z0-9/._@-]+)", machine_handlers.StaticHandler),
    (rf"/{_STATEMENT}/", list_handlers.StatementHandler),
    (rf"/preview/([A-Za-z0-9_-]+)/{_FILE}", page_handlers.PreviewFileHandler),
    (r"/preview/([A-Za-z0-9_-]+)/", page_handlers.PreviewHandler),
    (rf"/{_TENANT}/", list_handlers.TenantHandler),
    (rf"/{_TENANT}/{_CATALOG}", catalog_handlers.CatalogHandler),
    (rf"/{_TENANT}/feed\.xml", list_handlers.FeedHandler),
    (rf"/{_TENANT}/logo\.([0-9a-f]{{64}})\.(svg|png)", list_handlers.LogoHandler),
    (rf"/{_TENANT}/{_STATEMENT}/", list_handlers.StatementHandler),
    (rf"/{_TENANT}/{_SLUG}/", page_handlers.PublicationHandler),
    (rf"/{_TENANT}/{_SLUG}/embed", page_handlers.EmbeddedHandler),
    (rf"/{_TENANT}/{_SLUG}/report/", report_handlers.ReportHandler),
    (rf"/{_TENANT}/{_SLUG}/report/thanks/", report_handlers.ThanksHandler),
    (rf"/{_TENANT}/{_SLUG}/data/{_DATA}", data_handlers.DataHandler),
    (rf"/{_TENANT}/{_SLUG}/data/([a-z0-9-]+)\.csv-metadata\.json", data_handlers.DataWordsHandler),
    (rf"/{_TENANT}/{_SLUG}/{_FILE}", page_handlers.PublicationFileHandler),
    (rf"/{_TENANT}", machine_handlers.SlashHandler),
    (rf"/{_TENANT}/{_SLUG}", machine_handlers.SlashHandler),
]


class BoundedServer(HTTPServer):
    """Refuses connections beyond a number, so that those who hold theirs cost us no more than that."""

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Take a connection, or close it."""
        if len(self._connections) >= MAX_CONNECTIONS:
            stream.close()
            return
        super().handle_stream(stream, address)
        metrics.CONNECTIONS.set(len(self._connections))


def make_portal(settings: PortalSettings) -> Portal:
    """Return what the handlers need; raise `PortalSettingsError` if the state folder cannot be used."""
    directory, contents = Directory(settings.public), Contents(KEPT_BYTES)
    statics = Statics(settings.snapshot, settings.assets, settings.jupyter)
    try:
        previews, counts = Previews(directory, settings.state), ReaderCounts(settings.state)
        dispatch, variants = _make_publisher_clients(settings, counts)
    except OSError as error:
        raise PortalSettingsError(f"the portal cannot write in its state folder: {error.strerror}") from error
    homes = Homes(directory, settings.portal_url)
    pages = Pages(directory, contents, Layout(statics, homes, takes_reports=dispatch is not None))
    return Portal(directory, contents, pages, previews, statics, homes, counts, dispatch, variants)


def _make_publisher_clients(
    settings: PortalSettings, counts: ReaderCounts
) -> tuple[Dispatch, Variants] | tuple[None, None]:
    url, secret = settings.publisher_url, settings.publisher_secret
    if not url or secret is None:
        return None, None
    return Dispatch(url, secret, counts, Reports(settings.state)), Variants(url, secret)


def make_application(portal: Portal, views: Views | None = None) -> Application:
    """Return the portal's routes; without `views` every interactive view is said to be away."""
    options = {"portal": portal}
    return Application(
        [
            *((pattern, handler, options) for pattern, handler in ROUTES),
            *make_live_routes(f"/{_TENANT}/{_SLUG}", portal, views),
        ],
        default_handler_class=BaseHandler,
        default_handler_args=options,
        log_function=Refusals().note_answer,  # who reads what is nobody's business; see metrics
    )


async def main(settings: PortalSettings) -> None:
    """Serve until somebody asks the process to end."""
    os.umask(0o077)
    _allow_connections()
    portal = make_portal(settings)
    server = BoundedServer(make_application(portal, make_views(settings, portal.directory)), **LIMITS)
    try:
        server.listen(settings.port, settings.bind)
    except OSError as error:
        raise PortalSettingsError(
            f"the portal cannot listen at {settings.bind}:{settings.port}: {error.strerror}"
        ) from error
    logger.info("listening", extra={"bind": settings.bind, "port": settings.port})
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    sending = asyncio.create_task(portal.dispatch.run()) if portal.dispatch else None
    await asked.wait()
    logger.info("stopping")
    server.stop()
    await asyncio.wait_for(server.close_all_connections(), STOP_SECONDS)
    if sending is not None:
        sending.cancel()
        await portal.counts.save()


def _allow_connections() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
