"""What the tenants' records say about tables and columns: the words of a catalogue entry."""

from __future__ import annotations

from typing import Any

from urbanlab.contract.naming import SENSORS_TABLE
from urbanlab.contract.records import Column, Feed, Tenant, Text
from urbanlab_services.warehouse.inventory import Table
from urbanlab_services.warehouse.table_notes import TableNotes

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


def find_feed(owner: Tenant | None, name: str) -> Feed | None:
    """Return what is declared about a table of a tenant's own data, or None."""
    if owner is None:
        return None
    if name == SENSORS_TABLE:
        licence = owner.feeds[0].licence if owner.feeds else ""
        simulated = any(feed.simulated for feed in owner.feeds)
        return Feed(**{**vars(SENSORS), "licence": licence, "simulated": simulated})
    return next((feed for feed in owner.feeds if feed.name == name), None)


def make_columns(table: Table, feed: Feed | None, notes: TableNotes | None = None) -> list[dict[str, Any]]:
    """Return the columns in the table's order, with what is declared or noted about them."""
    described = dict(notes.columns) if notes else {}
    described |= {column.name: column for column in feed.columns} if feed else {}
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
