"""The row filter of a release: one expression over the dataset's own columns, in the engine's own words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.errors import BAD_REQUEST, WarehouseError
from urbanlab_services.warehouse.lineage import walk
from urbanlab_services.warehouse.policy import check_statement
from urbanlab_services.warehouse.policy_names import IN_FUNCTIONS
from urbanlab_services.warehouse.scopes import NO_DATABASE, Scope

MAX_CHARACTERS = 2000
_SELECT = "SELECT "
_NODES = frozenset({"ExpressionList", "Function", "Identifier", "Literal"})


async def parse_filter(engine: EngineClient, text: str, columns: Collection[str]) -> str:
    """Return the expression as the engine writes it; raise `WarehouseError` for whatever else a text can be.

    It is read behind ``SELECT``, and nothing but one expression may come of that: no second column, no table, no
    clause, no further statement.
    """
    if len(text) > MAX_CHARACTERS:
        raise _refuse(f"it has more than {MAX_CHARACTERS} characters")
    parsed = await engine.parse(_SELECT + text)
    expression = _find_expression(parsed.tree)
    if expression is None:
        raise _refuse("it is not one condition, like sensor = 'north' AND persons > 0")
    for node in walk(expression):
        _check_node(node, columns)
    # Functions as in any statement.
    check_statement(parsed.tree, Scope(NO_DATABASE), {})
    return parsed.text.removeprefix(_SELECT)


def _find_expression(tree: Mapping[str, Any]) -> Mapping[str, Any] | None:
    selects = (tree.get("list_of_selects") or {}).get("children", [])
    if tree.get("type") != "SelectWithUnionQuery" or len(selects) != 1 or _more(tree, "list_of_selects"):
        return None
    found: list[Mapping[str, Any]] = (selects[0].get("select") or {}).get("children", [])
    return found[0] if len(found) == 1 and not _more(selects[0], "select") else None


def _more(node: Mapping[str, Any], expected: str) -> bool:
    """Whether a node says more than this property; the engine writes out what is false too."""
    plain = {"type", "union_mode", expected}
    return any(value for key, value in node.items() if key not in plain)


def _check_node(node: Mapping[str, Any], columns: Collection[str]) -> None:
    kind = node["type"]
    if kind not in _NODES or node.get("alias") or node.get("is_window_function"):
        raise _refuse("it may hold columns, values and functions only")
    if kind == "Identifier" and (node.get("name_parts") or node["name"] not in columns):
        raise _refuse(f"{node['name']} is no column of the dataset")
    if kind == "Function" and node["name"].lower() in IN_FUNCTIONS:
        _, *right = node["arguments"]["children"]
        if any(each["type"] == "Identifier" for each in right):
            raise _refuse("IN takes values only")


def _refuse(reason: str) -> WarehouseError:
    return WarehouseError(BAD_REQUEST, f"The row filter cannot be used: {reason}")
