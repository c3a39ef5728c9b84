"""The publisher's pages, notebooks and requests, and with them what the public folder shows."""

from __future__ import annotations

from functools import partial

from urbanlab.contract.secrets import read_secret
from urbanlab_hub.settings import Settings
from urbanlab_operate.purge.remnants import Remnant
from urbanlab_operate.rest_api import RestApi


def find(settings: Settings, tenant: str) -> list[Remnant]:
    """Return all of it as one thing, because pages, files and requests hang together."""
    url = f"http://{settings.publisher_bind}:{settings.publisher_port}"
    api = RestApi("The publisher", url, read_secret(settings.master_secrets, "publisher-operator"))
    path = f"/operator/tenants/{tenant}"
    count = api.request("GET", path)
    if not any(count.values()):
        return []
    shown = "{submissions} submissions with {pages} pages, {requests} requests to release data".format(
        **count
    )
    return [Remnant(f"the publications: {shown}", partial(api.request, "DELETE", path))]
