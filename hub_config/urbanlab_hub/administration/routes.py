"""Puts the pages together."""

from __future__ import annotations

from typing import Any

from tornado.web import RequestHandler

from urbanlab.contract.secrets import read_secret
from urbanlab_hub.administration.handlers import OverviewHandler, Site, StopHandler
from urbanlab_hub.administration.languages import load_languages
from urbanlab_hub.administration.pending import SECRET, Publisher
from urbanlab_hub.known_tenants import get_known_tenants
from urbanlab_hub.settings import Settings

Route = tuple[str, type[RequestHandler], dict[str, Any]]


def make_administration_routes(settings: Settings) -> list[Route]:
    """Return the addresses below the hub's; needs the secret that the hub shows at the publisher."""
    load_languages()
    url = settings.publisher_url
    publisher = Publisher(url, read_secret(settings.service_secrets("hub"), SECRET))
    options = {"site": Site(get_known_tenants(settings.records), publisher, url)}
    return [
        (r"/tenant", OverviewHandler, options),
        (r"/tenant/servers/([^/]+)/stop", StopHandler, options),
    ]
