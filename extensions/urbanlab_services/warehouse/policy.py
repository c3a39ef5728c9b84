"""The first wall: which statements are passed on, judged by the engine's own parse of them.

A statement arrives as the tree that the engine's `parseQueryToJSON` makes of its canonical text. Whatever
this module does not know (a kind of statement, a property of it, a kind of node, a function, a setting)
is refused with a sentence that names it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from urbanlab_services.warehouse import policy_names as names
from urbanlab_services.warehouse.errors import ACCESS_DENIED, WarehouseError, make_not_there
from urbanlab_services.warehouse.policy_expressions import (
    OUTPUT_PROPERTIES,
    UNION_PROPERTIES,
    ExpressionChecker,
    check_properties,
    given,
    name_statement,
    refuse,
    walk,
)
from urbanlab_services.warehouse.policy_system import check_shown
from urbanlab_services.warehouse.scopes import Scope

Node = dict[str, Any]

_TARGET = frozenset({"database", "table", "database_ast", "table_ast"})
# statement -> the properties it may have; those that are false or empty do not count
_PROPERTIES: Mapping[str, frozenset[str]] = {
    "SelectWithUnionQuery": UNION_PROPERTIES,
    "ExplainQuery": frozenset({"kind", "query", "settings"}) | OUTPUT_PROPERTIES,
    "ShowTablesQuery": frozenset(
        {
            "databases",
            "from",
            "like",
            "not_like",
            "case_insensitive_like",
            "where_expression",
            "limit_length",
            "full",
        }
    )
    | OUTPUT_PROPERTIES,
    "ShowColumnsQuery": frozenset({"database", "table", "like", "not_like", "case_insensitive_like", "full"})
    | frozenset({"extended", "where_expression", "limit_length"})
    | OUTPUT_PROPERTIES,
    "ShowIndexesQuery": frozenset({"database", "table", "extended", "where_expression"}) | OUTPUT_PROPERTIES,
    "InsertQuery": frozenset({"database", "table", "columns", "format", "select", "settings_ast"}),
    "CreateQuery": frozenset(
        {
            *("if_not_exists", "is_ordinary_view", "replace_view", "replace_table", "create_or_replace"),
            *("columns_list", "storage", "select", "comment", "as_database", "as_table", "aliases_list"),
            "is_create_empty",
        }
    )
    | _TARGET,
    "DropQuery": frozenset({"kind", "if_exists", "if_empty", "is_view", "sync"}) | _TARGET,
    "AlterQuery": frozenset({"alter_object", "command_list"}) | _TARGET,
    "RenameQuery": frozenset({"exchange", "elements"}),
    "DeleteQuery": frozenset({"database", "table", "partition", "predicate"}),
    "OptimizeQuery": frozenset(
        {"database", "table", "partition", "final", "deduplicate", "deduplicate_by_columns"}
    ),
}


@dataclass(frozen=True)
class Verdict:
    """An admitted statement: `kind` is read, show, insert or change; `format` as far as the text says it.

    `tables` are those that it reads, each with its database; `fills` is the database that grows by it.
    """

    kind: str
    format: str = ""
    tables: frozenset[str] = frozenset()
    fills: str = ""


def read_tree(text: str) -> Node:
    """Return the tree in `text`, empty where the engine made none; raise `WarehouseError` for one too deep."""
    try:
        tree: Node = json.loads(text or "{}")
    except RecursionError:
        raise refuse("The statement is nested too deeply") from None
    return tree


def check_statement(tree: Node, scope: Scope, parameters: Mapping[str, str]) -> Verdict:
    """Return what kind of admissible statement `tree` is, or raise `WarehouseError` saying what is refused."""
    checker = _Checker(tree, scope, parameters)
    kind = str(tree.get("type", ""))
    handler = _HANDLERS.get(kind)
    if handler is None:
        raise refuse(f"{name_statement(kind)} is not available in this warehouse{names.ADVICE.get(kind, '')}")
    check_properties(tree, _PROPERTIES[kind])
    return Verdict(handler(checker, tree), _find_format(tree), frozenset(checker.tables), checker.fills)


def check_settings(settings: Mapping[str, str]) -> None:
    """Raise if a setting sent beside a statement is not on the list."""
    for name in settings:
        if name not in names.SETTINGS:
            raise refuse(f"The setting {name} cannot be changed in this warehouse")


def _find_format(tree: Node) -> str:
    named = tree.get("format_ast") or {}
    found = str(tree.get("format") or named.get("name", ""))
    known = names.INPUT_FORMATS if tree["type"] == "InsertQuery" else names.OUTPUT_FORMATS
    if found and found not in known:
        raise refuse(f"The format {found} is not available in this warehouse")
    return found


class _Checker(ExpressionChecker):
    """The kinds of statements; the nodes inside them are the base class's."""

    fills = ""

    def read(self, tree: Node) -> str:
        """SELECT."""
        self.shows_system = True
        self.visit(tree)
        return "read"

    def explain(self, tree: Node) -> str:
        """EXPLAIN of a SELECT."""
        query, kind = tree.get("query") or {}, tree.get("kind")
        if query.get("type") != "SelectWithUnionQuery" or kind not in names.EXPLAIN_KINDS:
            raise refuse(f"{kind} is available for SELECT only, and not for all kinds")
        self.visit(query)
        for change in (tree.get("settings") or {}).get("changes", ()):
            if change["name"] not in names.EXPLAIN_SETTINGS:
                raise refuse(f"EXPLAIN with {change['name']} is not available")
        self._visit_output_settings(tree)
        return "show"

    def show(self, tree: Node) -> str:
        """SHOW TABLES and SHOW DATABASES: the engine lists what the role may see."""
        if "from" in tree and self.name(tree["from"]) not in self.scope.readable:
            raise make_not_there(self.name(tree["from"]))
        return self._visit_shown(tree)

    def show_table(self, tree: Node) -> str:
        """SHOW COLUMNS and SHOW INDEXES of a table that could be read."""
        self.check_table([tree.get("database") or self.scope.default_database, str(tree.get("table"))])
        return self._visit_shown(tree)

    def insert(self, tree: Node) -> str:
        """INSERT of rows that follow, or of a SELECT."""
        database, table = self._target(tree)
        if not self.scope.can_insert(database, table):
            raise self._not_writable(database, table)
        self.fills = database
        for key in ("columns", "select", "settings_ast"):
            self.visit(tree.get(key))
        return "change" if tree.get("select") else "insert"

    def create(self, tree: Node) -> str:
        """CREATE TABLE or VIEW."""
        if not tree.get("table_ast"):
            raise refuse("Only tables and views can be created")
        self._check_form(tree)
        self.fills, _ = self._target(tree)
        if tree.get("as_table"):
            self.check_table([tree.get("as_database") or self.scope.default_database, tree["as_table"]])
        if not tree.get("is_ordinary_view") and not (tree.get("storage") or tree.get("as_table")):
            raise refuse("CREATE TABLE needs an engine, for example ENGINE = MergeTree ORDER BY …")
        self._check_storage(tree.get("storage") or {})
        for key in ("columns_list", "select", "aliases_list"):
            self.visit(tree.get(key))
        return "change"

    def drop(self, tree: Node) -> str:
        """DROP and TRUNCATE of one table or view."""
        self._check_form(tree)
        if tree.get("kind") not in ("Drop", "Truncate") or not tree.get("table_ast"):
            raise refuse("Only single tables and views can be dropped or emptied")
        return "change"

    def alter(self, tree: Node) -> str:
        """ALTER TABLE with harmless commands."""
        commands = (tree.get("command_list") or {}).get("children", ())
        kinds = {str(command.get("command_type")) for command in commands}
        check = self._check_change if kinds <= names.ROW_COMMANDS else self._check_form
        check(tree)
        if tree.get("alter_object") != "TABLE":
            raise refuse("Only tables can be altered")
        for command in commands:
            self._check_command(command)
        if kinds & names.GROWING_COMMANDS:
            self.fills, _ = self._target(tree)
        return "change"

    def rename(self, tree: Node) -> str:
        """RENAME TABLE and EXCHANGE TABLES: both names of each pair are changed."""
        for pair in tree["elements"]:
            for end in ("from", "to"):
                self._check_form({key: pair.get(f"{end}_{key}") for key in _TARGET})
        return "change"

    def rows(self, tree: Node) -> str:
        """DELETE FROM and OPTIMIZE TABLE."""
        self._check_change(tree)
        for key in ("predicate", "partition", "deduplicate_by_columns"):
            self.visit(tree.get(key))
        return "change"

    def _check_storage(self, storage: Node) -> None:
        for key, value in given(storage):
            if key == "engine":
                self._check_engine(value)
            else:
                self.visit(value)

    def _check_engine(self, engine: Node) -> None:
        if engine.get("name") not in names.TABLE_ENGINES:
            raise refuse(f"The table engine {engine.get('name')} is not available; use MergeTree")
        self.visit(engine.get("arguments"))

    def _check_command(self, command: Node) -> None:
        kind = command.get("command_type")
        # DETACH and DROP PART come as a DROP of a partition with a mark.
        if kind not in names.ALTER_COMMANDS or command.get("detach") or command.get("part"):
            words = str(kind).replace("_", " ")
            raise refuse(f"ALTER TABLE … {words} is not available in this warehouse")
        self.visit_children(command)

    def _check_change(self, tree: Node) -> tuple[str, str]:
        """Raise unless the rows of the table that a statement names may be changed."""
        database, table = self._target(tree)
        if not self.scope.can_insert(database, table) or not self.scope.can_change(database):
            raise self._not_writable(database, table)
        return database, table

    def _check_form(self, tree: Node) -> None:
        """Raise unless the table itself may be made, altered and dropped."""
        for part in ("database_ast", "table_ast"):
            # Whoever looks after releases reads the statement's own words.
            if (tree.get(part) or {}).get("children"):
                raise refuse("A table that is made, altered or dropped must be named in the statement itself")
        database, table = self._check_change(tree)
        if self.scope.is_declared(database, table):
            raise WarehouseError(
                ACCESS_DENIED,
                f"{database}.{table} is a feed that the tenant's file declares: its rows can be added, corrected "
                "and deleted; what columns it has is changed in that file, by the operator",
            )

    def _target(self, tree: Node) -> tuple[str, str]:
        database, table = (tree.get(f"{part}_ast") or tree.get(part) for part in ("database", "table"))
        return self._text(database) or self.scope.default_database, self._text(table)

    def _text(self, value: Any) -> str:
        return self.name(value) if isinstance(value, dict) else str(value or "")

    def _not_writable(self, database: str, table: str) -> WarehouseError:
        if not self.scope.can_read(database, table):
            return make_not_there(f"{database}.{table}".rstrip("."))
        labs = ", ".join(sorted(self.scope.writable)) or "nothing"
        reason = "; it is written from the tenant's file" if database in self.scope.writable else ""
        return WarehouseError(
            ACCESS_DENIED, f"You may not change {database}.{table}{reason}; you may write to {labs}"
        )

    def _visit_shown(self, tree: Node) -> str:
        for key in ("where_expression", "limit_length"):
            self.visit(tree.get(key))
            # What the engine asks for a SHOW is more than it shows: what is behind a view, for one.
            check_shown(tree["type"], walk(tree.get(key)))
        self._visit_output_settings(tree)
        return "show"

    def _visit_output_settings(self, tree: Node) -> None:
        self.visit(tree.get("settings_ast"))


_HANDLERS = {
    "SelectWithUnionQuery": _Checker.read,
    "ExplainQuery": _Checker.explain,
    "ShowTablesQuery": _Checker.show,
    "ShowColumnsQuery": _Checker.show_table,
    "ShowIndexesQuery": _Checker.show_table,
    "InsertQuery": _Checker.insert,
    "CreateQuery": _Checker.create,
    "DropQuery": _Checker.drop,
    "AlterQuery": _Checker.alter,
    "RenameQuery": _Checker.rename,
    "DeleteQuery": _Checker.rows,
    "OptimizeQuery": _Checker.rows,
}
