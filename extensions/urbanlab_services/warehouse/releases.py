"""Releases datasets, to everybody or to one partner, and withdraws them: views, and nothing behind them.

A view is made with ``SQL SECURITY NONE``: it reads what is behind it whoever asks, while its readers' roles reach
the view alone. Not as a definer's view, because each role of this engine is worn by one user: only making ``NONE``
needs a right of its own, which no tenant's role has.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from urbanlab.contract.naming import (
    OPEN_DATABASE,
    make_database,
    make_lab_database,
    make_shared_database,
)
from urbanlab.contract.records import Tenant
from urbanlab_services.warehouse.descriptions import find_feed, make_columns
from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.errors import (
    NETWORK_ERROR,
    UNKNOWN_TABLE,
    WarehouseError,
    make_not_there,
    make_unavailable,
)
from urbanlab_services.warehouse.exchange import EngineLostError
from urbanlab_services.warehouse.inventory import Table, list_tables, list_views
from urbanlab_services.warehouse.lineage import Lineage
from urbanlab_services.warehouse.release_record import Release, find_release
from urbanlab_services.warehouse.release_select import Selects
from urbanlab_services.warehouse.running import CutError, Running, Work
from urbanlab_services.warehouse.table_notes import read_notes
from urbanlab_services.warehouse.wire import Job

logger = logging.getLogger(__name__)

ROLE = "operator"
ATTEMPTS = 3  # of a change that can be made twice without harm
_SAID = ("tenant", "dataset", "partner", "table", "view", "title", "description", "licence", "where", "until")


class Releases:
    """The one who makes and drops the views that others read."""

    def __init__(
        self,
        engine: EngineClient,
        tenants: Callable[[], Mapping[str, Tenant]],
        running: Running,
        lineage: Lineage,
    ) -> None:
        self._engine = engine
        self._tenants = tenants
        self._running = running
        self._lineage = lineage
        self._selects = Selects(engine, ROLE)
        # Between a look at what is over and its end nobody prolongs it.
        self._turn = asyncio.Lock()
        self.changed = asyncio.Event()  # what ends next may be another one than before

    async def list_releases(self, tenant: str = "") -> list[dict[str, Any]]:
        """Return what everybody may read, or what a tenant lets others read, as whoever looks after it sees it."""
        databases = self._list_foreign_databases() if tenant else {OPEN_DATABASE}
        tables = await list_tables(self._engine, ROLE, databases)
        broken = await self.find_broken(tables)
        return [
            self._describe(release, table) | {"broken": release.view in broken}
            for table in tables
            if (release := find_release(table)) and tenant in ("", release.tenant)
        ]

    async def list_held(self) -> list[tuple[Release, Table]]:
        """Return everything that somebody else may read, with its view."""
        tables = await list_tables(self._engine, ROLE, self._list_foreign_databases())
        return [(release, table) for table in tables if (release := find_release(table))]

    async def find_source(self, tenant: str, name: str) -> str:
        """Return the table that a name means for its tenant: one of the own data, else of the workshop.

        Raises `WarehouseError` where there is neither.
        """
        databases = (make_database(tenant), make_lab_database(tenant))
        tables = await list_tables(self._engine, ROLE, set(databases))
        named = {table.database for table in tables if table.name == name}
        for database in databases:
            if database in named:
                return f"{database}.{name}"
        raise make_not_there(name)

    async def check(self, release: Release) -> dict[str, Any]:
        """Return what a release would be; raise `WarehouseError` if it cannot be. Nothing is made."""
        release, _, columns = await self._prepare(release)
        return self._describe(release, self._make_table(release, columns))

    async def release(self, release: Release) -> dict[str, Any]:
        """Let its readers read a dataset, as it is described now; raise `WarehouseError` if that cannot be."""
        if release.tenant not in self._tenants():
            raise make_not_there(release.tenant)
        if release.partner and release.partner not in self._tenants():
            raise make_not_there(release.partner)
        release, select, columns = await self._prepare(release)
        async with self._turn:
            await self._change(
                f"CREATE OR REPLACE VIEW {release.view} SQL SECURITY NONE AS {select} "
                f"COMMENT {_text(release.to_comment())}"
            )
        self.changed.set()
        self._log("released", release.view, release.released_by)
        return self._describe(release, self._make_table(release, columns)) | {"broken": False}

    async def withdraw(self, view: str, who: str) -> None:
        """Let nobody read it from now on, and end what is reading it. Nothing happens if it is not there."""
        async with self._turn:
            await self._withdraw(view, who)

    async def end_over(self, now: datetime) -> float | None:
        """Withdraw what has come to its end, and return in how many seconds the next one does, if any."""
        async with self._turn:
            ends = {
                release.view: datetime.fromisoformat(release.until)
                for release, _ in await self.list_held()
                if release.until
            }
            for view, end in ends.items():
                if end <= now:
                    await self._withdraw(view, "")
        left = [(end - now).total_seconds() for end in ends.values() if end > now]
        return min(left, default=None)

    async def find_broken(self, tables: Iterable[Table]) -> set[str]:
        """Return the views that show others' data whose tables were dropped or have changed."""
        foreign = self._list_foreign_databases()
        views = [table for table in tables if table.database in foreign and table.select]
        found = await asyncio.gather(*(self._is_broken(view) for view in views))
        return {f"{view.database}.{view.name}" for view, broken in zip(views, found, strict=True) if broken}

    async def _withdraw(self, view: str, who: str) -> None:
        await self._change(f"DROP VIEW IF EXISTS {view}")
        cut = await self._cut(view)
        self._log("withdrawn", view, who, cut)

    async def _is_broken(self, view: Table) -> bool:
        try:
            return list(await self._selects.describe(view.select)) != list(view.columns)
        except WarehouseError as error:
            if error.number == NETWORK_ERROR:
                raise
            return True

    async def _prepare(self, release: Release) -> tuple[Release, str, dict[str, str]]:
        release, select = await self._selects.make(release)
        return release, select, await self._selects.describe(select)

    async def _cut(self, view: str) -> int:
        databases = {
            make(tenant) for tenant in self._tenants() for make in (make_lab_database, make_database)
        }
        views = await list_views(self._engine, ROLE, databases)
        names = {view, *await self._lineage.find_readers(view, views)}

        def is_meant(work: Work) -> bool:
            return not names.isdisjoint(work.tables)

        return self._running.cut(is_meant, lambda: CutError(UNKNOWN_TABLE, make_not_there(view).message))

    def _list_foreign_databases(self) -> set[str]:
        return {OPEN_DATABASE, *map(make_shared_database, self._tenants())}

    def _make_table(self, release: Release, columns: dict[str, str]) -> Table:
        database, _, name = release.view.partition(".")
        return Table(database, name, columns)

    def _describe(self, release: Release, table: Table) -> dict[str, Any]:
        feed = find_feed(self._tenants().get(release.tenant), release.feed)
        notes = read_notes(release.notes)
        said = asdict(release) | {"view": release.view}
        return {
            **{name: said[name] for name in _SAID},
            "columns": make_columns(table, feed, notes),
            "time": feed.time if feed and feed.time in table.columns else "",
            "released_at": release.released_at,
            "released_by": release.released_by,
        }

    async def _change(self, statement: str) -> None:
        for _ in range(ATTEMPTS):
            try:
                await self._engine.collect(Job(ROLE, statement, "change"))
            except EngineLostError:
                continue
            return
        raise make_unavailable()

    def _log(self, act: str, view: str, who: str, cut: int = 0) -> None:
        logger.info("release", extra={"act": act, "view": view, "who": who, "cut": cut})


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
