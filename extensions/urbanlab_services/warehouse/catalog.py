"""The datasets that somebody may read, with what their owners say about them and what the system knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from urbanlab.contract.naming import (
    FOREIGN_MARK,
    OPEN_DATABASE,
    SHARED_PREFIX,
    find_staging_begin,
    make_database,
    make_lab_database,
)
from urbanlab.contract.records import Feed, Tenant
from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.descriptions import find_feed, make_columns
from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.freshness import ROLE, Freshness, State, Wanted
from urbanlab_services.warehouse.inventory import Table, list_tables
from urbanlab_services.warehouse.lineage import Lineage
from urbanlab_services.warehouse.release_record import Release, find_release
from urbanlab_services.warehouse.releases import Releases
from urbanlab_services.warehouse.scopes import make_scope
from urbanlab_services.warehouse.table_notes import TableNotes, read_notes

ORDER = ("own", "lab", "shared", "open")


@dataclass(frozen=True)
class Found:
    """A table as a reader sees it, and all that is said of it."""

    table: Table
    owner: str
    kind: str
    name: str
    release: Release | None
    feed: Feed | None
    notes: TableNotes

    @property
    def full_name(self) -> str:
        """Its name in SQL."""
        return f"{self.table.database}.{self.table.name}"

    @property
    def time(self) -> str:
        """The column that says when, if it is there."""
        said = self.feed.time if self.feed else self.notes.time
        return said if said in self.table.columns else ""


class Catalog:
    """Brings together what the engine shows a role and what the records say."""

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
        self._freshness = Freshness(engine)

    async def list_datasets(self, identity: Identity) -> list[dict[str, Any]]:
        """Return the datasets of `identity`, own ones first."""
        tenants = self._tenants()
        readable = make_scope(identity, tenants).databases
        if not readable:
            return []
        # The engine answers as the role: what it may not read is not listed either.
        tables = await list_tables(self._engine, identity.role, readable)
        broken = await self._releases.find_broken(tables)
        everything = [find(table, identity.tenant, tenants) for table in tables]
        found = [each for each in everything if each.kind != "lab" or not find_staging_begin(each.table.name)]
        states = await self._freshness.find(
            {each.full_name: make_wanted(each) for each in found}, identity.role
        )
        links = await self._find_links(found)
        entries = [
            {
                **make_entry(each, tenants, states[each.full_name]),
                **links[each.full_name],
                "broken": each.full_name in broken,
            }
            for each in found
        ]
        return sorted(entries, key=lambda entry: (ORDER.index(entry["kind"]), entry["table"]))

    async def list_written(self) -> dict[str, str]:
        """Return when the tables behind the open data were last written, as far as the engine knows.

        Of several behind one view the latest counts. Nothing is read for it.
        """
        tables = await list_tables(self._engine, ROLE, {OPEN_DATABASE})
        behind = {f"{table.database}.{table.name}": await self._find_behind(table) for table in tables}
        modified = await self._freshness.list_modified(name for names in behind.values() for name in names)
        return {
            view: max(modified[name] for name in names if name in modified)
            for view, names in behind.items()
            if not names.isdisjoint(modified)
        }

    async def _find_behind(self, view: Table) -> set[str]:
        release = find_release(view)
        if release is None:
            return set()
        owned = {make_database(release.tenant), make_lab_database(release.tenant)}
        read = (await self._lineage.read(view.select)).tables
        return {name for name in read if name.partition(".")[0] in owned}

    async def list_open(self) -> list[dict[str, Any]]:
        """Return what everybody may read, as any tenant's publications see it."""
        tenant = next(iter(self._tenants()), "")
        return await self.list_datasets(Identity("publications", tenant, "publications")) if tenant else []

    async def _find_links(self, found: list[Found]) -> dict[str, dict[str, list[str]]]:
        """Return for each what it reads and which views read it, as far as the reader has both."""
        # What is behind others' data is nobody's business.
        own = {each.full_name: each.table.select for each in found if each.kind in ("own", "lab")}
        names = {each.full_name for each in found}
        sources = {
            name: (await self._lineage.read(select)).tables & names if select else frozenset()
            for name, select in own.items()
        }
        return {
            name: {
                "sources": sorted(sources.get(name, ())),
                "used_by": sorted(view for view, read in sources.items() if name in read),
            }
            for name in names
        }


def find(table: Table, reader: str, tenants: Mapping[str, Tenant]) -> Found:
    """Return what is said of a table that a tenant reads."""
    owner, kind, name = _find_owner(table, reader, tenants)
    release = find_release(table) if kind in ("shared", "open") else None
    described = release.feed if release else name if kind == "own" else ""
    notes = read_notes(release.notes if release else table.comment if kind in ("own", "lab") else "")
    return Found(table, owner, kind, name, release, find_feed(tenants.get(owner), described), notes)


def make_wanted(found: Found) -> Wanted:
    """Return where to look for how much there is; a filter's base would tell of rows that the reader never sees."""
    release = found.release
    whole = release.table if release and not release.where and not release.is_of_view else ""
    return Wanted(found.time, whole, is_feed=bool(found.feed and (found.kind == "own" or whole)))


def make_entry(found: Found, tenants: Mapping[str, Tenant], state: State) -> dict[str, Any]:
    """Return a table's entry for a reader's catalogue; `urbanlab.datasets` reads it."""
    release, feed, notes = found.release, found.feed, found.notes
    said = feed or notes
    owner = tenants.get(found.owner)
    return {
        "name": found.name,
        "owner": found.owner,
        "kind": found.kind,
        "table": found.full_name,
        "title": (release or said).title,
        "description": (release or said).description,
        "licence": (release or said).licence,
        "keywords": said.keywords,
        "theme": said.theme,
        "spatial": said.spatial or (owner.title if owner else ""),
        "publisher": owner.title if owner else found.owner,
        "contact": owner.contact if owner else "",
        "columns": make_columns(found.table, feed, notes),
        "time": found.time,
        "refresh": feed.refresh if feed else "",
        "feed": feed.name if feed and feed.time and found.kind == "own" else "",
        "simulated": bool(feed and feed.simulated),
        "rows": state.rows,
        "first": state.first,
        "last": state.last,
        "modified": state.modified,
        "released_at": release.released_at if release else "",
        "until": release.until if release else "",
        "workshop": bool(release and not release.feed),
    }


def _find_owner(table: Table, reader: str, tenants: Mapping[str, Tenant]) -> tuple[str, str, str]:
    shared = table.database.startswith(SHARED_PREFIX)
    if shared or table.database == OPEN_DATABASE:
        owner, _, dataset = table.name.partition(FOREIGN_MARK)
        return owner, "shared" if shared else "open", dataset or table.name
    for tenant in tenants:
        if table.database == make_lab_database(tenant):
            return tenant, "lab", table.name
    return table.database, "own" if table.database == reader or not reader else "shared", table.name
