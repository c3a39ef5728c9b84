"""Puts the warehouse gateway together."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tornado.web import Application

from urbanlab_services.audit_client import Refusals, make_sender
from urbanlab_services.background import run_until_stop
from urbanlab_services.errors import ServiceError
from urbanlab_services.records_watcher import RecordsWatcher
from urbanlab_services.service import (
    Missing,
    Route,
    ServiceSettings,
    make_application,
    serving,
)
from urbanlab_services.warehouse.backups import Backups
from urbanlab_services.warehouse.base_guard import BaseGuard
from urbanlab_services.warehouse.catalog import Catalog
from urbanlab_services.warehouse.client_sessions import ClientSessions
from urbanlab_services.warehouse.cluster import ClusterEngine
from urbanlab_services.warehouse.credentials import Authenticator
from urbanlab_services.warehouse.damages import Damages
from urbanlab_services.warehouse.embedded import EmbeddedEngine
from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.handlers import (
    CatalogHandler,
    Gateway,
    PingHandler,
    ProgressHandler,
    QueryHandler,
)
from urbanlab_services.warehouse.holdings import Holdings
from urbanlab_services.warehouse.housekeeping import keep_house, tidy
from urbanlab_services.warehouse.intake import Readings
from urbanlab_services.warehouse.lineage import Lineage
from urbanlab_services.warehouse.operator_handlers import (
    ApplyHandler,
    BackupHandler,
    BackupsHandler,
    LoadHandler,
    TenantHandler,
)
from urbanlab_services.warehouse.reconciler import Reconciler
from urbanlab_services.warehouse.refusals import QueryRefusals
from urbanlab_services.warehouse.release_handlers import (
    OpenCatalogHandler,
    ReleaseHandler,
    ReleasesHandler,
    UsesHandler,
    WrittenHandler,
)
from urbanlab_services.warehouse.releases import Releases
from urbanlab_services.warehouse.revocation_handlers import RevocationHandler
from urbanlab_services.warehouse.revocations import Revocations
from urbanlab_services.warehouse.running import Running
from urbanlab_services.warehouse.slots import Slots
from urbanlab_services.warehouse.statements import Statements
from urbanlab_services.warehouse.uses import Uses
from urbanlab_services.warehouse.vocabulary import FunctionsHandler

LAST_SECONDS = 3.0  # for what was counted and not kept yet
MAX_BODY_BYTES = 16 << 20  # of what does not stream, like the operator's tenants in a dry run
MAX_HEADER_BYTES = 1 << 20  # a statement and its parameters may stand in the address
SERVICES = ("operator", "ingest", "publisher", "hub")


def make_engine(settings: ServiceSettings) -> EngineClient:
    """Return the engine: a ClickHouse server where one is named, else the one on this machine."""
    if settings.warehouse_cluster:
        secret = settings.secret("warehouse-cluster")
        return ClusterEngine(settings.warehouse_cluster, secret, settings.records, settings.state)
    return EmbeddedEngine(settings.engine_socket)


def make_gateway(settings: ServiceSettings) -> Gateway:
    """Return what the service needs; raise `FileNotFoundError` if one of its secrets is not there."""
    engine = make_engine(settings)
    records = RecordsWatcher(settings.records, interval=0.5)
    authenticator = Authenticator(
        settings.secret("tokens-public-key").reveal(),
        {name: settings.secret(f"warehouse-{name}") for name in SERVICES},
    )
    running = Running()
    lineage = Lineage(engine)
    releases = Releases(engine, records.tenants, running, lineage)
    return Gateway(
        authenticator=authenticator,
        engine=engine,
        statements=Statements(engine, records.tenants, BaseGuard(engine, records.tenants, releases, lineage)),
        slots=Slots(records.tenants),
        readings=Readings(),
        catalog=Catalog(engine, records.tenants, releases, lineage),
        reconciler=Reconciler(engine, settings.records, records),
        releases=releases,
        uses=Uses(settings.state / "uses.sqlite", engine, records.tenants, lineage),
        holdings=Holdings(engine, settings.records),
        revocations=Revocations(running),
        running=running,
        sessions=ClientSessions(engine),
        spool=settings.state,
        backups=Backups(engine),
        damages=Damages(engine),
        refusals=QueryRefusals(Refusals(make_sender(settings)), records.tenants),
    )


def make_warehouse_application(gateway: Gateway) -> Application:
    """Return the service's routes."""

    async def find_missing() -> Missing:
        problem = await gateway.engine.find_problem()
        return {"engine": problem} if problem else {}

    routes: list[Route] = [
        ("/", QueryHandler, {"gateway": gateway}),
        ("/ping", PingHandler),
        ("/queries/([^/]+)", ProgressHandler, {"gateway": gateway}),
        ("/catalog", CatalogHandler, {"gateway": gateway}),
        ("/catalog/open", OpenCatalogHandler, {"gateway": gateway}),
        ("/functions", FunctionsHandler, {"gateway": gateway}),
        ("/releases", ReleasesHandler, {"gateway": gateway}),
        ("/written", WrittenHandler, {"gateway": gateway}),
        ("/releases/([^/]+)/([^/]+)(?:/([^/]+))?", ReleaseHandler, {"gateway": gateway}),
        ("/uses/([^/]+)", UsesHandler, {"gateway": gateway}),
        ("/operator/apply", ApplyHandler, {"gateway": gateway}),
        ("/operator/backups", BackupsHandler, {"gateway": gateway}),
        ("/operator/backups/([^/]+)", BackupHandler, {"gateway": gateway}),
        ("/operator/load", LoadHandler, {"gateway": gateway}),
        ("/operator/tenants/([^/]+)", TenantHandler, {"gateway": gateway}),
        ("/operator/revocations", RevocationHandler, {"gateway": gateway}),
    ]
    return make_application(routes, find_missing)


async def main(settings: ServiceSettings) -> None:
    """Serve until somebody asks the process to end."""
    gateway = make_gateway(settings)
    application = make_warehouse_application(gateway)
    options = {"max_body_size": MAX_BODY_BYTES, "max_header_size": MAX_HEADER_BYTES, "chunk_size": 1 << 18}
    # Before anybody is served: what came to its end meanwhile.
    await tidy(gateway.releases, gateway.uses)
    async with serving(application, settings, **options):
        await run_until_stop(keep_house(gateway.releases, gateway.uses))
    # An engine that has ended before this cannot say what was behind a view.
    with suppress(ServiceError, TimeoutError):
        async with asyncio.timeout(LAST_SECONDS):
            await gateway.uses.keep()
