"""The datasets that somebody may read, with what their owners say about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from urbanlab.contract.naming import OPEN_DATABASE, make_lab_database
from urbanlab.contract.records import Column, Feed, Tenant, Text
from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.inventory import SENSORS_TABLE, Table, list_tables
from urbanlab_services.warehouse.scopes import make_scope

SENSORS = Feed(
    name=SENSORS_TABLE,
    title={"de": "Messstellen", "en": "Sensors"},
    description={
        "de": "Die Zählpunkte und Wetterstationen mit Name, Art und Ort.",
        "en": "The counters and weather stations with their names, kinds and places.",
    },
    columns=(
        Column(
            "id",
            "text",
            {"de": "Kennung", "en": "Identifier"},
            description={
                "de": "Steht in den Messreihen in der Spalte sensor.",
                "en": "Found in the column sensor of the measurements.",
            },
        ),
        Column("name", "text", {"de": "Name", "en": "Name"}),
        Column(
            "kind",
            "category",
            {"de": "Art", "en": "Kind"},
            description={
                "de": "footfall zählt Personen, weather misst das Wetter.",
                "en": "footfall counts persons, weather measures the weather.",
            },
        ),
        Column("longitude", "number", {"de": "Länge", "en": "Longitude"}, unit="deg"),
        Column("latitude", "number", {"de": "Breite", "en": "Latitude"}, unit="deg"),
    ),
    key=("id",),
    time="",
    licence="",
)


class Catalog:
    """Brings together what the engine shows a role and what the records say."""

    def __init__(self, engine: EngineClient, tenants: Callable[[], Mapping[str, Tenant]]) -> None:
        self._engine = engine
        self._tenants = tenants

    async def list_datasets(self, identity: Identity) -> list[dict[str, Any]]:
        """Return the datasets of `identity`, own ones first."""
        tenants = self._tenants()
        readable = make_scope(identity, tenants).readable
        if not readable:
            return []
        # The engine answers as the role: what it may not read is not listed either.
        tables = await list_tables(self._engine, identity.role, readable)
        entries = [make_entry(table, identity.tenant, tenants) for table in tables]
        order = ("own", "lab", "shared", "open")
        return sorted(entries, key=lambda entry: (order.index(entry["kind"]), entry["table"]))


def make_entry(table: Table, reader: str, tenants: Mapping[str, Tenant]) -> dict[str, Any]:
    """Return a table's entry for a reader's catalogue; `urbanlab.datasets` reads it."""
    owner, kind, name = _find_owner(table, reader, tenants)
    feed = _find_feed(tenants.get(owner), name) if kind != "lab" else None
    return {
        "name": name,
        "owner": owner,
        "kind": kind,
        "table": f"{table.database}.{table.name}",
        "title": feed.title if feed else {},
        "description": feed.description if feed else {"de": table.comment, "en": table.comment},
        "licence": feed.licence if feed else "",
        "columns": _make_columns(table, feed),
        "time": feed.time if feed else "",
        "refresh": feed.refresh if feed else "",
        "simulated": bool(feed and feed.simulated),
        "rows": table.rows,
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


def _find_feed(owner: Tenant | None, name: str) -> Feed | None:
    if owner is None:
        return None
    if name == SENSORS_TABLE:
        licence = owner.feeds[0].licence if owner.feeds else ""
        simulated = any(feed.simulated for feed in owner.feeds)
        return Feed(**{**vars(SENSORS), "licence": licence, "simulated": simulated})
    return next((feed for feed in owner.feeds if feed.name == name), None)


def _make_columns(table: Table, feed: Feed | None) -> list[dict[str, Any]]:
    described = {column.name: column for column in feed.columns} if feed else {}
    return [
        {
            "name": name,
            "type": type_,
            "unit": described[name].unit if name in described else "",
            "title": described[name].title if name in described else _untitled(),
            "description": described[name].description if name in described else _untitled(),
        }
        for name, type_ in table.columns.items()
    ]


def _untitled() -> Text:
    return {}
