"""Puts the publisher together."""

from __future__ import annotations

from tornado.web import Application

from urbanlab_services.audit_client import make_sender
from urbanlab_services.background import run_until_stop
from urbanlab_services.hub_api import HubApi
from urbanlab_services.mail import make_mail_server
from urbanlab_services.publisher.api import make_api_routes
from urbanlab_services.publisher.audit import Audit
from urbanlab_services.publisher.bundles import Bundles
from urbanlab_services.publisher.credentials import Authenticator
from urbanlab_services.publisher.data_changes import DataChanges
from urbanlab_services.publisher.data_desk import DataDesk
from urbanlab_services.publisher.demand.api import make_demand_routes
from urbanlab_services.publisher.deputies import Deputies
from urbanlab_services.publisher.desk import Desk
from urbanlab_services.publisher.erasure import make_erasure_routes
from urbanlab_services.publisher.harvest.listing import Listing
from urbanlab_services.publisher.life_span import Endings
from urbanlab_services.publisher.links import Links
from urbanlab_services.publisher.live.api import make_live_routes
from urbanlab_services.publisher.mail_queue import MailQueue
from urbanlab_services.publisher.notices import Notices
from urbanlab_services.publisher.open_data import OpenData
from urbanlab_services.publisher.pending import make_pending_routes
from urbanlab_services.publisher.reader_api import make_reader_routes
from urbanlab_services.publisher.readers import Readers
from urbanlab_services.publisher.refresh import Refreshes
from urbanlab_services.publisher.rendering import PAUSES, Rendering
from urbanlab_services.publisher.runner_client import RunnerClient
from urbanlab_services.publisher.shelf import Shelf
from urbanlab_services.publisher.shelving import Shelving
from urbanlab_services.publisher.store import Store
from urbanlab_services.publisher.submissions import Submissions
from urbanlab_services.publisher.web.routes import make_web_routes
from urbanlab_services.publisher.work import Work
from urbanlab_services.records_watcher import RecordsWatcher
from urbanlab_services.service import Missing, Route, ServiceSettings, make_application, serving

MAX_BODY_BYTES = 30_000_000  # a notebook with its outputs, which are stripped here


def make_desk(settings: ServiceSettings, pauses: tuple[float, ...] = PAUSES) -> Desk:
    """Return the service's acts; raise `ServiceSettingsError` if one of its secrets is not there.

    After each of `pauses` a runner that is gone is asked again.
    """
    records = RecordsWatcher(settings.records)
    store = Store(settings.state / "publisher.sqlite")
    bundles, shelf = Bundles(settings.state / "bundles"), Shelf(settings.public)
    audit = Audit(make_sender(settings))
    shelving = Shelving(store, shelf, records)
    runner = RunnerClient(settings.hub_api_url, settings.hub_url, settings.secret("service-publisher"))
    rendering = Rendering(runner, bundles, shelf, pauses)
    open_data = OpenData(settings.warehouse_url, settings.secret("warehouse-publisher"), store)
    data = DataDesk(store, open_data, audit, records)
    readers = Readers(store.engine)
    links = Links(settings.publisher_url, settings.portal_url)
    work = Work(
        Submissions(store, rendering, audit),
        Refreshes(store, rendering, shelving, audit),
        shelving,
        data,
        Endings(store, shelving, audit, records),
        Notices(store, MailQueue(store.engine, make_mail_server(settings)), readers, records, links),
        readers,
        DataChanges(store, shelf, open_data),
    )
    deputies = Deputies(store.engine, records, audit)
    return Desk(store, bundles, shelf, shelving, data, work, audit, records, links, deputies, readers)


def make_publisher_application(
    settings: ServiceSettings, desk: Desk, pages: list[Route] | None = None
) -> Application:
    """Return the service's routes: those for kernels, and `pages` for people."""
    hub = HubApi(settings.hub_api_url)
    authenticator = Authenticator(settings.secret("tokens-public-key").reveal())

    async def find_missing() -> Missing:
        missing = {}
        if not await hub.is_reachable():
            missing["hub"] = "The hub does not answer."
        if not await desk.data.open_data.is_reachable():
            missing["warehouse"] = "The warehouse does not answer."
        return missing

    return make_application([*make_api_routes(desk, authenticator), *(pages or [])], find_missing)


async def serve(settings: ServiceSettings, application: Application, desk: Desk) -> None:
    """Serve and work until somebody asks the process to end."""
    listing = Listing(desk.data.open_data, desk.shelf, desk.records, settings.portal_url)
    async with serving(application, settings, max_body_size=MAX_BODY_BYTES):
        await run_until_stop(desk.work.run(), listing.run())


def make_pages(settings: ServiceSettings, desk: Desk) -> list[Route]:
    """Return all other routes: for people, and for portal, hub and operator."""
    return [
        *make_pending_routes(settings, desk.store),
        *make_erasure_routes(settings, desk),
        *make_live_routes(settings, desk),
        *make_reader_routes(settings, desk),
        *make_demand_routes(settings, desk),
        *make_web_routes(settings, desk),
    ]


async def main(settings: ServiceSettings) -> None:
    """Run the service."""
    desk = make_desk(settings)
    await serve(settings, make_publisher_application(settings, desk, make_pages(settings, desk)), desk)
