"""Keeps what others read from breaking: a change of the table behind a release is refused with who holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from urbanlab.contract.naming import OPEN_DATABASE, SHARED_PREFIX, make_database, make_lab_database
from urbanlab.contract.records import Tenant
from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.errors import ACCESS_DENIED, WarehouseError
from urbanlab_services.warehouse.inventory import Table, list_tables, list_views, quote_name
from urbanlab_services.warehouse.lineage import Lineage, Reading
from urbanlab_services.warehouse.policy_expressions import refuse
from urbanlab_services.warehouse.release_record import Release
from urbanlab_services.warehouse.releases import Releases

ROLE = "operator"
_CHANGING_COLUMNS = frozenset({"DROP_COLUMN", "RENAME_COLUMN", "MODIFY_COLUMN"})
# What the engine tells of a query besides its own text: the tables behind a view, its filter, how much lies there.
_TELLING = frozenset({"EXPLAIN", "EXPLAIN PIPELINE", "EXPLAIN ESTIMATE"})

Node = Mapping[str, Any]


@dataclass(frozen=True)
class Damage:
    """What a statement does to a table: columns that go or change, all of them where `columns` is None."""

    table: str
    columns: frozenset[str] | None = None
    # Where it is made anew: name -> the node of its type, for each column that it will have.
    declared: Mapping[str, Node] = field(default_factory=dict)


class BaseGuard:
    """Looks at statements that were admitted already."""

    def __init__(
        self,
        engine: EngineClient,
        tenants: Callable[[], Mapping[str, Tenant]],
        releases: Releases,
        lineage: Lineage,
    ) -> None:
        self._engine = engine
        self._tenants = tenants
        self._releases = releases
        self._lineage = lineage

    async def check(self, tree: Node, default_database: str, tables: Iterable[str]) -> None:
        """Raise `WarehouseError` for what would break a release, or tell what is behind one.

        The policy has seen to it that what is changed is named in the statement itself.
        """
        if tree["type"] == "ExplainQuery" and tree.get("kind") in _TELLING:
            await self._check_explained(tables)
        damages = list(find_damages(tree, default_database))
        if damages:
            held = await self._releases.list_held()
            for damage in damages:
                await self._check_damage(damage, held)

    async def _check_explained(self, tables: Iterable[str]) -> None:
        databases = {
            make(tenant) for tenant in self._tenants() for make in (make_lab_database, make_database)
        }
        views = await list_views(self._engine, ROLE, databases)
        for name in sorted(await self._lineage.find_sources(tables, views)):
            if name.startswith((f"{OPEN_DATABASE}.", SHARED_PREFIX)):
                raise refuse(f"EXPLAIN shows what is behind a table, so for {name} it")

    async def _check_damage(self, damage: Damage, held: Iterable[tuple[Release, Table]]) -> None:
        holders: list[Release] = []
        needed: set[str] = set()
        for release, view in held:
            reading = await self._lineage.read(view.select)
            if damage.table in reading.tables and _is_hit(damage, reading):
                holders.append(release)
                needed |= reading.columns
        if not holders or (damage.declared and await self._stays(damage, needed)):
            return
        raise WarehouseError(ACCESS_DENIED, _make_sentence(damage, holders))

    async def _stays(self, damage: Damage, needed: set[str]) -> bool:
        """Whether a table that is made anew has the columns that are read, each of its type."""
        database = damage.table.partition(".")[0]
        tables = await list_tables(self._engine, ROLE, {database})
        old = next((each for each in tables if f"{each.database}.{each.name}" == damage.table), None)
        kept = {name: kind for name, kind in old.columns.items() if name in needed} if old else {}
        if not kept:
            return True
        columns = ", ".join(f"{quote_name(name)} {kind}" for name, kind in kept.items())
        parsed = await self._engine.parse(f"CREATE TABLE t ({columns}) ENGINE = Null")
        return all(damage.declared.get(name) == node for name, node in _list_declared(parsed.tree).items())


def find_damages(tree: Node, default_database: str) -> Iterator[Damage]:
    """Yield what a statement does to tables that somebody may hold; emptying and adding harm nobody."""
    kind, find_target = tree["type"], partial(_find_target, default=default_database)
    if kind == "DropQuery" and tree.get("kind") == "Drop":
        yield Damage(find_target(tree))
    elif kind == "CreateQuery" and (tree.get("create_or_replace") or tree.get("replace_view")):
        # A view in a table's place would read as whoever reads it.
        yield Damage(find_target(tree), None, {} if tree.get("is_ordinary_view") else _list_declared(tree))
    elif kind == "AlterQuery":
        commands = (tree.get("command_list") or {}).get("children", ())
        columns = {name for command in commands for name in _list_changed(command)}
        if columns:
            yield Damage(find_target(tree), frozenset(columns))
    elif kind == "RenameQuery":
        for element in tree.get("elements", ()):
            yield from (Damage(find_target(element, end)) for end in ("from_", "to_"))


def _find_target(tree: Node, end: str = "", *, default: str) -> str:
    return f"{tree.get(f'{end}database') or default}.{tree.get(f'{end}table', '')}"


def _list_changed(command: Node) -> Iterator[str]:
    if command.get("command_type") in _CHANGING_COLUMNS:
        column = command.get("column") or command.get("col_decl") or {}
        yield str(column.get("name", ""))


def _list_declared(tree: Node) -> dict[str, Node]:
    columns = ((tree.get("columns_list") or {}).get("columns") or {}).get("children", ())
    return {column["name"]: column.get("data_type") for column in columns}


def _is_hit(damage: Damage, reading: Reading) -> bool:
    return damage.columns is None or reading.whole or not damage.columns.isdisjoint(reading.columns)


def _make_sentence(damage: Damage, holders: Iterable[Release]) -> str:
    readers = [
        f"shared with {each.partner} as {each.dataset}" if each.partner else f"open data as {each.view}"
        for each in holders
    ]
    what = "its columns cannot be changed" if damage.columns or damage.declared else "it cannot be taken away"
    return (
        f"{damage.table} is {' and '.join(sorted(readers))}, so {what}: a gatekeeper withdraws that first on the "
        "publisher's page. Rows may be added and replaced while the columns stay as they are, and columns added"
    )
