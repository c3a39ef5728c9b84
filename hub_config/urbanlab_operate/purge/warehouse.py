"""The warehouse's databases of the tenant, and the views in which others see its data."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from rich.filesize import decimal

from urbanlab.contract.secrets import read_secret
from urbanlab_hub.settings import Settings
from urbanlab_operate.purge.remnants import Remnant
from urbanlab_operate.rest_api import RestApi


def find(settings: Settings, tenant: str) -> list[Remnant]:
    """Return each; the gateway deletes all of them at the first's turn."""
    token = read_secret(settings.master_secrets, "warehouse-operator")
    api = RestApi("The warehouse gateway", settings.warehouse_url, token)
    path = f"/operator/tenants/{tenant}"
    delete = cache(partial(api.request, "DELETE", path))
    return [Remnant(_describe(each), delete) for each in api.request("GET", path)["holdings"]]


def _describe(holding: dict[str, Any]) -> str:
    if holding["kind"] != "database":
        return f"the view {holding['name']}, which shows others its data"
    size = decimal(holding["bytes"])
    return f"the database {holding['name']} with {holding['tables']} tables and views ({size})"
