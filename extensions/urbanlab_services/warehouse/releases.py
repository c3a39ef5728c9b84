"""Releases datasets as open data and withdraws them: views that everybody may read, and nothing behind them.

A view of the open data is made with ``SQL SECURITY NONE``: it reads what is behind it whoever asks, while a
publication's role reaches the view alone. Not as a definer's view, because each role of this engine is worn by
one user: only making ``NONE`` needs a right of its own, which no tenant's role has.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from urbanlab.contract.naming import OPEN_DATABASE, make_database, make_lab_database
from urbanlab.contract.records import Tenant
from urbanlab_services.warehouse.descriptions import find_feed, make_columns
from urbanlab_services.warehouse.engine_client import EngineClient, EngineLostError
from urbanlab_services.warehouse.errors import (
    BAD_REQUEST,
    NETWORK_ERROR,
    WarehouseError,
    make_not_there,
    make_unavailable,
)
from urbanlab_services.warehouse.inventory import Table, list_tables
from urbanlab_services.warehouse.policy import check_statement
from urbanlab_services.warehouse.release_record import Release, find_release
from urbanlab_services.warehouse.scopes import NO_DATABASE, Scope
from urbanlab_services.warehouse.wire import Job

logger = logging.getLogger(__name__)

ROLE = "operator"
ATTEMPTS = 3  # of a change that can be made twice without harm


class Releases:
    """The one who makes and drops views of the open data."""

    def __init__(self, engine: EngineClient, tenants: Callable[[], Mapping[str, Tenant]]) -> None:
        self._engine = engine
        self._tenants = tenants

    async def list_releases(self) -> list[dict[str, Any]]:
        """Return what is released, as whoever looks after it sees it."""
        tables = await list_tables(self._engine, ROLE, {OPEN_DATABASE})
        broken = await self.find_broken(tables)
        return [
            self._describe(release, table) | {"broken": table.name in broken}
            for table in tables
            if (release := find_release(table))
        ]

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

    async def release(self, release: Release) -> dict[str, Any]:
        """Let everybody read a dataset, as it is described now; raise `WarehouseError` if that cannot be."""
        if release.tenant not in self._tenants():
            raise make_not_there(release.tenant)
        select = await self._make_select(release)
        columns = await self._describe_select(select)  # raises for what nobody could read
        await self._change(
            f"CREATE OR REPLACE VIEW {release.view} SQL SECURITY NONE AS {select} "
            f"COMMENT {_text(release.to_comment())}"
        )
        self._log("released", release.view, release.released_by)
        table = Table(OPEN_DATABASE, release.view.partition(".")[2], columns)
        return self._describe(release, table) | {"broken": False}

    async def withdraw(self, view: str, who: str) -> None:
        """Let nobody read it from now on; what is being read may end. Nothing happens if it is not there."""
        await self._change(f"DROP VIEW IF EXISTS {view}")
        self._log("withdrawn", view, who)

    async def find_broken(self, tables: Iterable[Table]) -> set[str]:
        """Return the names of those views of the open data whose tables were dropped or have changed."""
        views = [table for table in tables if table.database == OPEN_DATABASE and table.select]
        found = await asyncio.gather(*(self._is_broken(view) for view in views))
        return {view.name for view, broken in zip(views, found, strict=True) if broken}

    async def _is_broken(self, view: Table) -> bool:
        try:
            return list(await self._describe_select(view.select)) != list(view.columns)
        except WarehouseError as error:
            if error.number == NETWORK_ERROR:
                raise
            return True

    def _describe(self, release: Release, table: Table) -> dict[str, Any]:
        feed = find_feed(self._tenants().get(release.tenant), release.feed)
        return {
            "tenant": release.tenant,
            "dataset": release.dataset,
            "table": release.table,
            "view": release.view,
            "title": release.title,
            "description": release.description,
            "licence": release.licence,
            "columns": make_columns(table, feed),
            "time": feed.time if feed and feed.time in table.columns else "",
            "released_at": release.released_at,
            "released_by": release.released_by,
        }

    async def _make_select(self, release: Release) -> str:
        """Return what the view reads: the columns that the source has now, by their names."""
        databases = {make_database(release.tenant), make_lab_database(release.tenant)}
        tables = await list_tables(self._engine, ROLE, databases)
        source = next((each for each in tables if f"{each.database}.{each.name}" == release.table), None)
        if source is None or not source.columns:
            raise make_not_there(release.table)
        columns = ", ".join(map(_quote, source.columns))
        if not source.select:
            return f"SELECT {columns} FROM {_quote(source.database)}.{_quote(source.name)}"  # noqa: S608 - quoted
        await self._check_view(source, tables)
        # What the view says now, not the view: whoever writes in the workshop could change that later.
        return f"SELECT {columns} FROM ({source.select})"  # noqa: S608 - the engine's own text

    async def _check_view(self, view: Table, tables: Iterable[Table]) -> None:
        plain: dict[str, set[str]] = {}
        for table in tables:
            if not table.select:
                plain.setdefault(table.database, set()).add(table.name)
        scope = Scope(NO_DATABASE, tables={name: frozenset(each) for name, each in plain.items()})
        try:
            check_statement((await self._engine.parse(view.select)).tree, scope, {})
        except WarehouseError as error:
            raise WarehouseError(
                BAD_REQUEST,
                f"The view {view.database}.{view.name} cannot be released. It may read tables of the own data "
                f"and the workshop, no other views and nothing of partners: {error.message}",
            ) from None

    async def _describe_select(self, select: str) -> dict[str, str]:
        job = Job(ROLE, f"DESCRIBE TABLE ({select})", "show", "JSONCompactEachRow")
        rows = [json.loads(line) for line in (await self._engine.collect(job)).splitlines()]
        return {row[0]: row[1] for row in rows}

    async def _change(self, statement: str) -> None:
        for _ in range(ATTEMPTS):
            try:
                await self._engine.collect(Job(ROLE, statement, "change"))
            except EngineLostError:
                continue
            return
        raise make_unavailable()

    def _log(self, act: str, view: str, who: str) -> None:
        logger.info("open data", extra={"act": act, "view": view, "who": who})


def _quote(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
