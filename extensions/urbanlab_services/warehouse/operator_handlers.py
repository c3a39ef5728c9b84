"""The gateway's addresses for the operator's command: bring in line, look what a tenant has, delete it."""

from __future__ import annotations

import json
from dataclasses import asdict

from urbanlab.contract.naming import NamingError, check_tenant_id
from urbanlab.contract.records import Tenant, tenant_from_dict
from urbanlab_services.warehouse.errors import ACCESS_DENIED, BAD_REQUEST, WarehouseError
from urbanlab_services.warehouse.handlers import WarehouseHandler
from urbanlab_services.warehouse.inventory import measure_databases


class _OperatorHandler(WarehouseHandler):
    def prepare(self) -> None:
        """Let nobody in but the operator."""
        if self.identify().access != "operator":
            raise WarehouseError(ACCESS_DENIED, "Only the operator may do this")


class ApplyHandler(_OperatorHandler):
    """``POST /operator/apply``: databases, tables and roles in line with the tenants' records.

    A dry run may bring the records as they will be, as ``{"tenants": [...]}``.
    """

    async def post(self) -> None:
        """Answer with a sentence for each change, made or, in a dry run, to be made."""
        if self.get_query_argument("dry_run", "0") == "1":
            changes = await self.gateway.reconciler.foretell(_parse_tenants(self.request.body))
        else:
            changes = await self.gateway.reconciler.apply()
        self.write_json({"changes": changes})


class LoadHandler(_OperatorHandler):
    """``GET /operator/load``: of each tenant what runs, waits and is stored; and which tables are damaged."""

    async def get(self) -> None:
        """Answer with it."""
        sizes = await measure_databases(self.gateway.engine, "operator")
        damaged = await self.gateway.damages.list_all()
        self.write_json({"tenants": self.gateway.slots.list_load(sizes), "damaged": damaged})


class BackupsHandler(_OperatorHandler):
    """``POST /operator/backups``: begin to copy all databases into a file in the engine's own folder."""

    async def post(self) -> None:
        """Answer at once with its id."""
        self.write_json(asdict(await self.gateway.backups.start()))


class BackupHandler(_OperatorHandler):
    """``GET /operator/backups/ID``: how far a copy is."""

    async def get(self, backup_id: str) -> None:
        """Answer with it."""
        self.write_json(asdict(await self.gateway.backups.get(backup_id)))


class TenantHandler(_OperatorHandler):
    """``/operator/tenants/TENANT``: what the warehouse still has of a tenant that left."""

    async def get(self, tenant: str) -> None:
        """Answer with it."""
        self.write_json({"holdings": await self.gateway.holdings.list_all(_check(tenant))})

    async def delete(self, tenant: str) -> None:
        """Answer once it is deleted; as often as one likes."""
        await self.gateway.holdings.delete(_check(tenant))
        self.write_json({"holdings": []})


def _parse_tenants(body: bytes) -> list[Tenant] | None:
    if not body:
        return None
    try:
        return [tenant_from_dict(values) for values in json.loads(body)["tenants"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise WarehouseError(BAD_REQUEST, "The body is no list of tenants") from None


def _check(tenant: str) -> str:
    try:
        return check_tenant_id(tenant)
    except NamingError as error:
        raise WarehouseError(BAD_REQUEST, str(error)) from None
