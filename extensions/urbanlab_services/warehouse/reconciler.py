"""Brings databases, tables and roles in line with the tenants' records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path

from urbanlab.contract.naming import SENSORS_TABLE, make_database
from urbanlab.contract.records import Sensor, Tenant, read_tenants
from urbanlab_services.records_watcher import RecordsWatcher
from urbanlab_services.warehouse import changes
from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.inventory import list_databases, list_tables
from urbanlab_services.warehouse.wire import Job

ROLE = "operator"
ROLES_SENTENCE = "renew the roles of the warehouse"


class Reconciler:
    """One run at a time, each from what the engine holds then."""

    def __init__(self, engine: EngineClient, records: Path, watcher: RecordsWatcher) -> None:
        """Work from `records`; `watcher` is who answers from them elsewhere in the gateway."""
        self._engine = engine
        self._records = records
        self._watcher = watcher
        self._running = asyncio.Lock()

    async def apply(self) -> list[str]:
        """Return a sentence for each change that was made."""
        async with self._running:
            self._watcher.look_again()
            tenants = await self._read_tenants()
            sentences = await self._make(await self._find_databases(tenants))
            sentences += await self._make(await self._find_tables(tenants))
            # Last: only then do the roles let anybody at what has just been made.
            if await self._engine.reopen():
                sentences.append(ROLES_SENTENCE)
            return sentences

    async def foretell(self, tenants: list[Tenant] | None = None) -> list[str]:
        """Return what `apply` would say if the records were those of `tenants`, or as they are."""
        async with self._running:
            wanted = await self._read_tenants() if tenants is None else tenants
            changes = [*await self._find_databases(wanted), *await self._find_tables(wanted)]
            sentences = [change.sentence for change in changes]
            if not await self._engine.has_roles_of(wanted):
                sentences.append(ROLES_SENTENCE)
            return sentences

    async def _read_tenants(self) -> list[Tenant]:
        return list((await asyncio.to_thread(read_tenants, self._records)).values())

    async def _make(self, wanted: Iterable[changes.Change]) -> list[str]:
        sentences = []
        for change in wanted:
            await self._engine.collect(Job(ROLE, change.statement, "change"))
            sentences.append(change.sentence)
        return sentences

    async def _find_databases(self, tenants: list[Tenant]) -> list[changes.Change]:
        return list(changes.find_database_changes(tenants, await list_databases(self._engine, ROLE)))

    async def _find_tables(self, tenants: list[Tenant]) -> list[changes.Change]:
        tables = await list_tables(self._engine, ROLE, changes.list_databases(tenants))
        existing = {(table.database, table.name): table for table in tables}
        sensors = {
            tenant.id: await self._read_sensors(tenant)
            for tenant in tenants
            if (make_database(tenant.id), SENSORS_TABLE) in existing
        }
        return [
            *changes.find_table_changes(tenants, existing),
            *changes.find_sensor_changes(tenants, sensors),
        ]

    async def _read_sensors(self, tenant: Tenant) -> list[Sensor]:
        names = ", ".join(changes.SENSOR_COLUMNS)
        text = f"SELECT {names} FROM {make_database(tenant.id)}.{SENSORS_TABLE} ORDER BY id"  # noqa: S608
        answer = await self._engine.collect(Job(ROLE, text, "read", "JSONCompactEachRow"))
        rows = [json.loads(line) for line in answer.splitlines()]
        return [Sensor(id_, name, kind, float(lon), float(lat)) for id_, name, kind, lon, lat in rows]
