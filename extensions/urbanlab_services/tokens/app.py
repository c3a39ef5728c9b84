"""Puts the tokens service together."""

from __future__ import annotations

from tornado.web import Application

from urbanlab_services.audit_client import Refusals, make_sender
from urbanlab_services.hub_api import HubApi
from urbanlab_services.records_watcher import RecordsWatcher
from urbanlab_services.service import ServiceSettings, make_application, serving, wait_for_stop
from urbanlab_services.tokens.handlers import KafkaHandler, PublisherHandler, WarehouseHandler
from urbanlab_services.tokens.issuer import Issuer
from urbanlab_services.tokens.keycloak import KafkaTokens
from urbanlab_services.tokens.rate_limit import RateLimit

REQUESTS_PER_MINUTE = 120
MAX_BODY_BYTES = 10_000


def make_issuer(settings: ServiceSettings) -> Issuer:
    """Return what the service needs; raise `ServiceSettingsError` without the signing key."""
    return Issuer(
        hub=HubApi(settings.hub_api_url),
        kafka_tokens=KafkaTokens(settings.keycloak_realm_url, settings.secrets),
        records=RecordsWatcher(settings.records),
        limit=RateLimit(REQUESTS_PER_MINUTE),
        signing_key=settings.secret("tokens-signing-key"),
        refusals=Refusals(make_sender(settings)),
    )


def make_tokens_application(issuer: Issuer) -> Application:
    """Return the service's routes."""
    routes = [
        ("/warehouse", WarehouseHandler, {"issuer": issuer}),
        ("/kafka", KafkaHandler, {"issuer": issuer}),
        ("/publisher", PublisherHandler, {"issuer": issuer}),
    ]
    return make_application([*routes], issuer.find_missing)


async def main(settings: ServiceSettings) -> None:
    """Serve until somebody asks the process to end."""
    application = make_tokens_application(make_issuer(settings))
    async with serving(application, settings, max_body_size=MAX_BODY_BYTES):
        await wait_for_stop()
