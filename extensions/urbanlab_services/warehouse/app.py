"""Puts the warehouse gateway together."""

from __future__ import annotations

from tornado.web import Application

from urbanlab_services.audit_client import Refusals, make_sender
from urbanlab_services.records_watcher import RecordsWatcher
from urbanlab_services.service import (
    Missing,
    Route,
    ServiceSettings,
    make_application,
    serving,
    wait_for_stop,
)
from urbanlab_services.warehouse.catalog import Catalog
from urbanlab_services.warehouse.credentials import Authenticator
from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.handlers import (
    CatalogHandler,
    Gateway,
    PingHandler,
    QueryHandler,
)
from urbanlab_services.warehouse.holdings import Holdings
from urbanlab_services.warehouse.operator_handlers import ApplyHandler, TenantHandler
from urbanlab_services.warehouse.reconciler import Reconciler
from urbanlab_services.warehouse.refusals import QueryRefusals
from urbanlab_services.warehouse.release_handlers import ReleaseHandler, ReleasesHandler
from urbanlab_services.warehouse.releases import Releases
from urbanlab_services.warehouse.revocation_handlers import RevocationHandler
from urbanlab_services.warehouse.revocations import Revocations
from urbanlab_services.warehouse.slots import Slots
from urbanlab_services.warehouse.statements import Statements

MAX_BODY_BYTES = 16 << 20  # of what does not stream, like the operator's tenants in a dry run
MAX_HEADER_BYTES = 1 << 20  # a statement and its parameters may stand in the address
SERVICES = ("operator", "ingest", "publisher", "hub")


def make_gateway(settings: ServiceSettings) -> Gateway:
    """Return what the service needs; raise `FileNotFoundError` if one of its secrets is not there."""
    engine = EngineClient(settings.engine_socket)
    records = RecordsWatcher(settings.records, interval=0.5)
    authenticator = Authenticator(
        settings.secret("tokens-public-key").reveal(),
        {name: settings.secret(f"warehouse-{name}") for name in SERVICES},
    )
    releases = Releases(engine, records.tenants)
    return Gateway(
        authenticator=authenticator,
        engine=engine,
        statements=Statements(engine, records.tenants),
        slots=Slots(),
        catalog=Catalog(engine, records.tenants, releases),
        reconciler=Reconciler(engine, settings.records, records),
        releases=releases,
        holdings=Holdings(engine, records.tenants),
        revocations=Revocations(),
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
        ("/catalog", CatalogHandler, {"gateway": gateway}),
        ("/releases", ReleasesHandler, {"gateway": gateway}),
        ("/releases/([^/]+)/([^/]+)", ReleaseHandler, {"gateway": gateway}),
        ("/operator/apply", ApplyHandler, {"gateway": gateway}),
        ("/operator/tenants/([^/]+)", TenantHandler, {"gateway": gateway}),
        ("/operator/revocations", RevocationHandler, {"gateway": gateway}),
    ]
    return make_application(routes, find_missing)


async def main(settings: ServiceSettings) -> None:
    """Serve until somebody asks the process to end."""
    application = make_warehouse_application(make_gateway(settings))
    options = {"max_body_size": MAX_BODY_BYTES, "max_header_size": MAX_HEADER_BYTES, "chunk_size": 1 << 18}
    async with serving(application, settings, **options):
        await wait_for_stop()
