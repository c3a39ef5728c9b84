"""What the view of a release reads: its columns and rows of a table, and nothing that lets anybody look behind."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from urbanlab.contract.naming import make_database, make_lab_database
from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.errors import BAD_REQUEST, WarehouseError, make_not_there
from urbanlab_services.warehouse.inventory import Table, list_tables, quote_name
from urbanlab_services.warehouse.policy import check_statement
from urbanlab_services.warehouse.release_record import Release
from urbanlab_services.warehouse.row_filter import parse_filter
from urbanlab_services.warehouse.scopes import NO_DATABASE, Scope
from urbanlab_services.warehouse.wire import Job

# The engine moves a reader's conditions into the view and may apply them before the view's own: whoever asks for
# `intDiv(1, persons - 7)` would learn by the error that a row is there which the view hides. It moves nothing
# past a limit, also one that is never reached.
_BARRIER = f"LIMIT {2**63 - 1}"


class Selects:
    """Makes the texts of views."""

    def __init__(self, engine: EngineClient, role: str) -> None:
        self._engine = engine
        self._role = role

    async def make(self, release: Release) -> tuple[Release, str]:
        """Return the release with its filter as the engine writes it and what is noted, and what its view reads.

        The columns are those that the source has now, by their names. Raises `WarehouseError` where the source or
        a column is not there, or the filter is none.
        """
        databases = {make_database(release.tenant), make_lab_database(release.tenant)}
        tables = await list_tables(self._engine, self._role, databases)
        source = next((each for each in tables if f"{each.database}.{each.name}" == release.table), None)
        if source is None or not source.columns:
            raise make_not_there(release.table)
        columns = _choose_columns(release, source)
        if source.select:
            await self._check_view(source, tables)
        where = (
            await parse_filter(self._engine, release.where, source.columns) if release.where.strip() else ""
        )
        said = replace(release, where=where, notes=source.comment, is_of_view=bool(source.select))
        return said, _make_select(source, columns, where)

    async def describe(self, select: str) -> dict[str, str]:
        """Return the columns with their types; raise `WarehouseError` for what nobody could read."""
        job = Job(self._role, f"DESCRIBE TABLE ({select})", "show", "JSONCompactEachRow")
        rows = [json.loads(line) for line in (await self._engine.collect(job)).splitlines()]
        return {row[0]: row[1] for row in rows}

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


def _choose_columns(release: Release, source: Table) -> Sequence[str]:
    unknown = [name for name in release.columns if name not in source.columns]
    if unknown:
        raise WarehouseError(
            BAD_REQUEST,
            f"{release.table} has no column {', '.join(unknown)}; it has {', '.join(source.columns)}",
        )
    return release.columns or tuple(source.columns)


def _make_select(source: Table, columns: Sequence[str], where: str) -> str:
    chosen = ", ".join(map(quote_name, columns))
    table = f"{quote_name(source.database)}.{quote_name(source.name)}"
    if not source.select and not where:
        return f"SELECT {chosen} FROM {table}"  # noqa: S608 - quoted
    # What a view says now, not the view: whoever writes in the workshop could change that later.
    inner = f"({source.select})" if source.select else table
    rows = f" WHERE {where}" if where else ""
    return f"SELECT {chosen} FROM {inner}{rows} {_BARRIER}"  # noqa: S608 - the engine's own texts
