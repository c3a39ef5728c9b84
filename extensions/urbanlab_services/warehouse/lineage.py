"""Which tables a view reads, also through other views: from the text that the engine keeps of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.errors import NETWORK_ERROR, WarehouseError
from urbanlab_services.warehouse.policy_names import IN_FUNCTIONS

REMEMBERED = 2000  # texts of views; each is read once


@dataclass(frozen=True)
class Reading:
    """What a SELECT names: tables with their databases, and columns; `whole` where it takes what there is."""

    tables: frozenset[str] = frozenset()
    columns: frozenset[str] = frozenset()
    whole: bool = False


class Lineage:
    """Reads the texts of views."""

    def __init__(self, engine: EngineClient) -> None:
        self._engine = engine
        self._known: dict[str, Reading] = {}

    async def read(self, select: str) -> Reading:
        """Return what a view's text names; nothing of one that the engine cannot read any more."""
        if select not in self._known:
            try:
                parsed = await self._engine.parse(select)
            except WarehouseError as error:
                if error.number == NETWORK_ERROR:
                    raise
                return Reading()
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[select] = read_tree(parsed.tree)
        return self._known[select]

    async def find_sources(self, names: Iterable[str], views: Mapping[str, str]) -> set[str]:
        """Return the tables and views behind `names`, themselves among them; `views` are texts by name."""
        found, pending = set(), list(names)
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                if name in views:
                    pending.extend((await self.read(views[name])).tables)
        return found

    async def find_readers(self, name: str, views: Mapping[str, str]) -> set[str]:
        """Return the views that read `name`, itself or through others."""
        return {view for view in views if view != name and name in await self.find_sources([view], views)}


def read_tree(tree: Mapping[str, Any]) -> Reading:
    """Return what the engine's tree of a SELECT names."""
    tables, columns, whole = set(), set(), False
    for node in walk(tree):
        kind = node["type"]
        if kind == "TableIdentifier":
            tables.add(".".join(_parts(node)))
        elif kind == "Identifier":
            columns.add(_parts(node)[-1])
        elif "Asterisk" in kind or "Matcher" in kind:
            whole = True
        elif kind == "Function" and str(node.get("name", "")).lower() in IN_FUNCTIONS:
            _, *right = (node.get("arguments") or {}).get("children") or [None]
            tables |= {".".join(_parts(each)) for each in right if each["type"] == "Identifier"}
    return Reading(frozenset(tables), frozenset(columns), whole)


def _parts(node: Mapping[str, Any]) -> list[str]:
    return [str(part) for part in node.get("name_parts") or [node.get("name", "")]]


def walk(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every node in and below a part of the engine's tree; values hold none."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, Mapping):
            if isinstance(item.get("type"), str):
                yield item
            if item.get("type") != "Literal":
                pending.extend(item.values())
