"""Writes the catalogues of the open data into the public folder, where they have changed."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rdflib import Graph

from urbanlab.contract.catalogs import encode_catalog
from urbanlab.contract.publications import decode_page, is_over, make_variant
from urbanlab.contract.ranges import check_values, find_today
from urbanlab_services.errors import InvalidRequestError, UnavailableError
from urbanlab_services.publisher.harvest.facts import Facts, ShownPage
from urbanlab_services.publisher.harvest.graph import make_parts
from urbanlab_services.publisher.open_data import OpenData
from urbanlab_services.publisher.shelf import Shelf
from urbanlab_services.records_watcher import RecordsWatcher

logger = logging.getLogger(__name__)

LIST_SECONDS = 120.0  # harvesters come once a day, feeds change every minute
_NAME = re.compile(r"[A-Za-z0-9_]{1,120}")  # what stands in an address
_TEXTS = (
    *("owner", "name", "table", "contact", "theme", "spatial", "licence"),
    *("first", "last", "modified", "released_at", "refresh"),
)
_NEEDED = dict.fromkeys(_TEXTS, str) | dict.fromkeys(("title", "description", "keywords"), dict)


class Listing:
    """Keeps the catalogues; where the warehouse does not answer, they stay as they are."""

    def __init__(self, open_data: OpenData, shelf: Shelf, records: RecordsWatcher, portal: str) -> None:
        self._open_data, self._shelf, self._records = open_data, shelf, records
        self._portal = portal.rstrip("/")
        self._written: Facts | None = None

    async def run(self) -> None:
        """List until this is cancelled."""
        while True:
            try:
                await self.list_all()
            # A full disk must not end the schedule for good: what failed is logged and tried again.
            except Exception:
                logger.exception("the catalogues could not be written")
            await asyncio.sleep(LIST_SECONDS)

    async def list_all(self) -> None:
        """Bring the catalogues in line with what is open now."""
        try:
            entries = await self._open_data.list_catalog()
        except (InvalidRequestError, UnavailableError):
            return
        await asyncio.to_thread(self._write, entries)

    def _write(self, entries: list[dict[str, Any]]) -> None:
        towns = dict(sorted(self._records.tenants().items()))
        if not towns:
            return  # an installation without tenants, or records that cannot be read: nothing is taken away
        known = [entry for entry in entries if is_known(entry) and entry["owner"] in towns]
        pages = [shown for shown in self._list_pages() if shown.publication.tenant in towns]
        facts = Facts(self._portal, towns, sorted(known, key=lambda entry: str(entry["table"])), pages)
        if facts == self._written:
            return
        for town in ("", *towns):
            parts = make_parts(facts, town)
            turtle = {ends_at: to_turtle(graph) for ends_at, graph in parts.items()}
            json_ld = {ends_at: to_json(graph) for ends_at, graph in parts.items()}
            forms = {"ttl": encode_catalog(turtle), "jsonld": encode_catalog(json_ld)}
            self._shelf.write_catalog(town, forms)
        self._shelf.keep_catalogs(towns)
        self._written = facts

    def _list_pages(self) -> Iterator[ShownPage]:
        now = datetime.now(UTC)
        for publication in self._shelf.list_publications():
            if is_over(publication.ends_at, now):
                continue
            try:
                values = check_values(publication.parameters, {}, find_today())
                digest = publication.variants[make_variant(values)]
                page = decode_page(self._shelf.read_page(digest))
            except (OSError, ValueError, TypeError, KeyError):
                continue  # its first variant is made on demand, or not there
            yield ShownPage(publication, page)


def to_turtle(graph: Graph) -> bytes:
    """Return a graph as Turtle."""
    return graph.serialize(format="turtle", encoding="utf-8")


def to_json(graph: Graph) -> bytes:
    """Return a graph as JSON-LD, with nothing that a reader would have to fetch first."""
    return graph.serialize(format="json-ld", encoding="utf-8", indent=1, sort_keys=True, auto_compact=False)


def is_known(entry: Any) -> bool:
    """Return whether an entry has what a catalogue needs, in the form that it is in."""
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), kind) for name, kind in _NEEDED.items())
        and _NAME.fullmatch(entry["name"]) is not None
    )
