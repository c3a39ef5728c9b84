"""Puts the publisher together."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tornado.web import Application

from urbanlab_services.audit_client import make_sender
from urbanlab_services.hub_api import HubApi
from urbanlab_services.publisher.api import make_api_routes
from urbanlab_services.publisher.audit import Audit
from urbanlab_services.publisher.bundles import Bundles
from urbanlab_services.publisher.credentials import Authenticator
from urbanlab_services.publisher.desk import Desk
from urbanlab_services.publisher.erasure import make_erasure_routes
from urbanlab_services.publisher.links import Links
from urbanlab_services.publisher.live.api import make_live_routes
from urbanlab_services.publisher.open_data import OpenData
from urbanlab_services.publisher.pending import make_pending_routes
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
from urbanlab_services.service import (
    Missing,
    Route,
    ServiceSettings,
    make_application,
    serving,
    wait_for_stop,
)

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
    work = Work(
        Submissions(store, rendering, audit),
        Refreshes(store, rendering, shelving, audit),
        shelving,
        open_data,
    )
    links = Links(settings.publisher_url, settings.portal_url)
    return Desk(store, bundles, shelf, shelving, open_data, work, audit, records, links)


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
        if not await desk.open_data.is_reachable():
            missing["warehouse"] = "The warehouse does not answer."
        return missing

    return make_application([*make_api_routes(desk, authenticator), *(pages or [])], find_missing)


async def serve(settings: ServiceSettings, application: Application, desk: Desk) -> None:
    """Serve and work until somebody asks the process to end."""
    async with serving(application, settings, max_body_size=MAX_BODY_BYTES):
        work = asyncio.create_task(desk.work.run())
        await wait_for_stop()
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


def make_pages(settings: ServiceSettings, desk: Desk) -> list[Route]:
    """Return all other routes: for people, and for portal, hub and operator."""
    return [
        *make_pending_routes(settings, desk.store),
        *make_erasure_routes(settings, desk),
        *make_live_routes(settings, desk),
        *make_web_routes(settings, desk),
    ]


async def main(settings: ServiceSettings) -> None:
    """Run the service."""
    desk = make_desk(settings)
    await serve(settings, make_publisher_application(settings, desk, make_pages(settings, desk)), desk)
