"""Statements that concern a session, judged: SET, temporary tables and what is put into them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from urbanlab_services.warehouse.policy import Node, Verdict, check_settings, check_statement
from urbanlab_services.warehouse.policy_expressions import refuse
from urbanlab_services.warehouse.scopes import Scope

# Where temporary tables are, as far as the policy is concerned: no database is called so.
_NOWHERE = "temporary tables"
_MERGE_TREE = {"type": "Storage", "engine": {"type": "Function", "name": "MergeTree"}}
_IN_MEMORY: tuple[Node, ...] = ({}, {"type": "Storage", "engine": {"type": "Function", "name": "Memory"}})


def check_in_session(
    tree: Node, scope: Scope, parameters: Mapping[str, str], tables: Collection[str]
) -> Verdict | None:
    """Return the verdict for a statement that concerns the session with these temporary tables, None for others.

    Raises `WarehouseError` for what is refused.
    """
    kind = tree.get("type")
    if kind == "SetQuery":
        check_settings(list_changes(tree))
        return Verdict("set")
    is_temporary = bool(tree.get("is_temporary"))
    if kind == "CreateQuery" and is_temporary:
        return _check_create(tree, scope, parameters)
    if kind == "DropQuery" and (is_temporary or _is_of(tree, tables)):
        return replace(_check(_without_mark(tree), scope, parameters), kind="temporary")
    if kind == "InsertQuery" and _is_of(tree, tables):
        return _check(tree, scope, parameters)
    return None


def list_changes(tree: Node) -> dict[str, str]:
    """Return what SET sets; raise `WarehouseError` for anything else than plain values."""
    if set(tree) - {"type", "is_standalone", "changes"}:
        raise refuse("SET can only give settings a value")
    return {change["name"]: _to_text(change["value"]["value"]) for change in tree.get("changes", ())}


def find_table(tree: Node) -> str:
    """Return the name of the temporary table that a statement makes or drops."""
    return str((tree.get("table_ast") or {}).get("name") or tree.get("table") or "")


def check_columns(tree: Node) -> None:
    """Raise `WarehouseError` unless columns have names and types and nothing else."""
    listed = tree.get("columns_list") or {}
    if set(listed) - {"type", "columns"}:
        raise refuse("External data has columns, and nothing else")
    for column in (listed.get("columns") or {}).get("children", ()):
        known = {"type", "name", "data_type"}
        if {key for key, value in column.items() if value not in (False, None, "")} - known:
            raise refuse("External data has columns with a name and a type, and nothing else")


def _check_create(tree: Node, scope: Scope, parameters: Mapping[str, str]) -> Verdict:
    storage = tree.get("storage") or {}
    engine = {key: value for key, value in (storage.get("engine") or {}).items() if key in ("type", "name")}
    plain = {**storage, "engine": engine} if storage else {}
    arguments = ((storage.get("engine") or {}).get("arguments") or {}).get("children")
    if plain not in _IN_MEMORY or arguments:
        raise refuse("A TEMPORARY TABLE lies in memory; leave the ENGINE out")
    imagined = {**_without_mark(tree), "storage": _MERGE_TREE}
    return replace(_check(imagined, scope, parameters), kind="temporary")


def _check(tree: Node, scope: Scope, parameters: Mapping[str, str]) -> Verdict:
    """Let the policy judge a change of temporary tables, which fills no database."""
    only = replace(scope, default_database=_NOWHERE, writable=frozenset({_NOWHERE}))
    verdict = check_statement(tree, only, parameters)
    tables = frozenset(name for name in verdict.tables if not name.startswith(f"{_NOWHERE}."))
    return replace(verdict, fills="", tables=tables)


def _is_of(tree: Node, tables: Collection[str]) -> bool:
    if tree.get("database_ast") or tree.get("database"):
        return False
    table = tree.get("table_ast") or tree.get("table") or ""
    return (table.get("name") if isinstance(table, dict) else table) in tables


def _without_mark(tree: Node) -> Node:
    return {key: value for key, value in tree.items() if key != "is_temporary"}


def _to_text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
