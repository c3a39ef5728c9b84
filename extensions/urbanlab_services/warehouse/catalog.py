"""The datasets that somebody may read, with what their owners say about them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from urbanlab.contract.naming import OPEN_DATABASE, make_lab_database
from urbanlab.contract.records import Tenant
from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.descriptions import find_feed, make_columns
from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.inventory import Table, list_tables
from urbanlab_services.warehouse.release_record import find_release
from urbanlab_services.warehouse.releases import Releases
from urbanlab_services.warehouse.scopes import make_scope


class Catalog:
    """Brings together what the engine shows a role and what the records say."""

    def __init__(
        self, engine: EngineClient, tenants: Callable[[], Mapping[str, Tenant]], releases: Releases
    ) -> None:
        self._engine = engine
        self._tenants = tenants
        self._releases = releases

    async def list_datasets(self, identity: Identity) -> list[dict[str, Any]]:
        """Return the datasets of `identity`, own ones first."""
        tenants = self._tenants()
        readable = make_scope(identity, tenants).readable
        if not readable:
            return []
        # The engine answers as the role: what it may not read is not listed either.
        tables = await list_tables(self._engine, identity.role, readable)
        broken = await self._releases.find_broken(tables)
        entries = [make_entry(table, identity.tenant, tenants, broken) for table in tables]
        order = ("own", "lab", "shared", "open")
        return sorted(entries, key=lambda entry: (order.index(entry["kind"]), entry["table"]))


def make_entry(
    table: Table, reader: str, tenants: Mapping[str, Tenant], broken: Collection[str] = ()
) -> dict[str, Any]:
    """Return a table's entry for a reader's catalogue; `urbanlab.datasets` reads it.

    `broken` names the views of the open data that cannot be read at the moment.
    """
    owner, kind, name = _find_owner(table, reader, tenants)
    release = find_release(table) if kind == "open" else None
    described = {"own": name, "shared": name, "open": release.feed if release else ""}
    feed = find_feed(tenants.get(owner), described.get(kind, ""))
    said = release or feed
    return {
        "name": name,
        "owner": owner,
        "kind": kind,
        "table": f"{table.database}.{table.name}",
        "title": said.title if said else {},
        "description": said.description if said else {"de": table.comment, "en": table.comment},
        "licence": said.licence if said else "",
        "columns": make_columns(table, feed),
        "time": feed.time if feed and feed.time in table.columns else "",
        "refresh": feed.refresh if feed else "",
        "simulated": bool(feed and feed.simulated),
        "rows": table.rows,
        "released_at": release.released_at if release else "",
        "broken": kind == "open" and table.name in broken,
    }


def _find_owner(table: Table, reader: str, tenants: Mapping[str, Tenant]) -> tuple[str, str, str]:
    shared = table.database.startswith("shared_with_")
    if shared or table.database == OPEN_DATABASE:
        owner, _, dataset = table.name.partition("__")
        return owner, "shared" if shared else "open", dataset or table.name
    for tenant in tenants:
        if table.database == make_lab_database(tenant):
            return tenant, "lab", table.name
    return table.database, "own" if table.database == reader or not reader else "shared", table.name
