"""What the warehouse has of one tenant, and its end: databases, and what others see of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from urbanlab.contract.naming import (
    FOREIGN_MARK,
    OPEN_DATABASE,
    SHARED_PREFIX,
    make_database,
    make_lab_database,
    make_shared_database,
)
from urbanlab.contract.records import has_tenant
from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.errors import BAD_REQUEST, NETWORK_ERROR, WarehouseError
from urbanlab_services.warehouse.inventory import ask, list_databases, quote_name
from urbanlab_services.warehouse.wire import Job

logger = logging.getLogger(__name__)

ROLE = "operator"


@dataclass(frozen=True)
class Holding:
    """A database of the tenant, or a table of another database that shows its data to others."""

    kind: str
    name: str
    tables: int
    bytes: int
    statement: str


class Holdings:
    """Looks for what belongs to a tenant, and deletes it once there is no such tenant any more."""

    def __init__(self, engine: EngineClient, records: Path) -> None:
        self._engine = engine
        self._records = records

    async def list_all(self, tenant: str) -> list[dict[str, Any]]:
        """Return what there is; nothing of a tenant that never was."""
        return [
            {name: getattr(holding, name) for name in ("kind", "name", "tables", "bytes")}
            for holding in await self._find(tenant)
        ]

    async def delete(self, tenant: str) -> None:
        """Delete it for good; raise `WarehouseError` while the tenant has a record, or nobody can tell."""
        self._check_left(tenant)
        for holding in await self._find(tenant):
            # At once: what is dropped would else lie on the disk for some minutes more.
            await self._engine.collect(Job(ROLE, f"{holding.statement} SYNC", "change"))
            logger.info("deleted", extra={"tenant": tenant, "object": holding.name})

    def _check_left(self, tenant: str) -> None:
        # Not what the gateway knows of tenants: it answers from memory, and knows none until it could read them.
        try:
            is_there = has_tenant(self._records, tenant)
        except OSError as error:
            message = f"Nothing is deleted: whether {tenant} is a tenant cannot be told ({error.strerror})"
            raise WarehouseError(NETWORK_ERROR, message, status=503) from None
        if is_there:
            raise WarehouseError(BAD_REQUEST, f"{tenant} is a tenant: only what is left of one is deleted")

    async def _find(self, tenant: str) -> list[Holding]:
        """Return the tables that others see first: they would break where their source is gone."""
        own = [make(tenant) for make in (make_lab_database, make_shared_database, make_database)]
        databases = await list_databases(self._engine, ROLE)
        foreign = {name for name in databases if name.startswith(SHARED_PREFIX) or name == OPEN_DATABASE}
        return [
            *await self._find_shown(tenant, foreign - {*own}),
            *[await self._describe(name) for name in own if name in databases],
        ]

    async def _find_shown(self, tenant: str, databases: set[str]) -> list[Holding]:
        wanted = f"database IN ({_list(databases)}) AND startsWith(name, '{tenant}{FOREIGN_MARK}')"
        text = f"SELECT database, name FROM system.tables WHERE {wanted} ORDER BY 1, 2"  # noqa: S608 - checked names
        rows = await ask(self._engine, ROLE, text)
        drop = "DROP TABLE IF EXISTS"
        return [
            Holding("view", f"{database}.{name}", 1, 0, f"{drop} {quote_name(database)}.{quote_name(name)}")
            for database, name in rows
        ]

    async def _describe(self, database: str) -> Holding:
        columns = "count(), toUInt64(sum(coalesce(total_bytes, 0)))"
        text = f"SELECT {columns} FROM system.tables WHERE database = '{database}'"  # noqa: S608 - a checked name
        ((tables, size),) = await ask(self._engine, ROLE, text)
        return Holding(
            "database", database, int(tables), int(size), f"DROP DATABASE IF EXISTS {quote_name(database)}"
        )


def _list(names: set[str]) -> str:
    # Names come from `urbanlab.contract.naming`, which lets no quote through; nothing is in an empty list.
    return ", ".join(f"'{name}'" for name in sorted(names)) or "''"
