"""The policy inside a statement: tables, functions, settings and every other node of the engine's tree."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from urbanlab_services.warehouse import policy_names as names
from urbanlab_services.warehouse import policy_system as system
from urbanlab_services.warehouse.errors import SUPPORT_IS_DISABLED, WarehouseError, make_not_there
from urbanlab_services.warehouse.scopes import Scope

Node = dict[str, Any]

# Nodes that only hold others: they reach nothing by themselves.
_PLAIN = frozenset(
    {
        *("ExpressionList", "SelectQuery", "ProjectionSelectQuery", "Subquery", "WithElement", "Asterisk"),
        *("QualifiedAsterisk", "ColumnsListMatcher", "ColumnsRegexpMatcher", "QualifiedColumnsListMatcher"),
        *("QualifiedColumnsRegexpMatcher", "ColumnsTransformerList", "ColumnsExceptTransformer"),
        *("ColumnsReplaceTransformer", "ColumnsReplaceTransformerReplacement", "TablesInSelectQuery"),
        *("TablesInSelectQueryElement", "TableExpression", "TableJoin", "ArrayJoin", "SampleRatio"),
        *("OrderByElement", "StorageOrderByElement", "InterpolateElement", "WindowListElement"),
        *("WindowDefinition", "Identifier", "QueryParameter", "Literal", "Assignment", "Partition"),
        *("Columns definition", "ColumnDeclaration", "DataType", "TupleDataType"),
        *("NameTypePair", "IdentifierTypePair", "ConstraintDeclaration", "ObjectTypedPath"),
        *("AlterCommand", "IndexDeclaration"),
    }
)
OUTPUT_PROPERTIES = frozenset({"format_ast", "settings_ast"})
UNION_PROPERTIES = frozenset({"union_mode", "list_of_modes", "list_of_selects"}) | OUTPUT_PROPERTIES
_PARAMETER_NAME = re.compile(r"[^\W\d]\w*")
_FIRST_WORD = re.compile(r"\w+")
# Properties whose names in the tree say nothing to the people who wrote the statement.
_IN_SQL = {
    "out_file": "INTO OUTFILE",
    "infile": "FROM INFILE",
    "compression": "COMPRESSION",
    "table_function": "A table function in this place",
    "as_table_function": "CREATE TABLE … AS a table function",
    "cluster": "ON CLUSTER",
    "is_dictionary": "DICTIONARY",
    "dictionary": "RENAME DICTIONARY",
    "is_materialized_view": "MATERIALIZED VIEW",
    "is_clone_as": "CLONE AS",
    "sql_security": "SQL SECURITY",
    "attach": "ATTACH",
    "is_temporary": "TEMPORARY TABLE",
    "has_all": "ALL TABLES",
    "settings_ast": "SETTINGS in this place",
    "settings": "SHOW SETTINGS",
    "dictionaries": "SHOW DICTIONARIES",
    "clusters": "SHOW CLUSTERS",
    "database_and_tables": "DROP of several tables at once",
    "has_tables": "TRUNCATE of several tables",
}


class ExpressionChecker:
    """Visits nodes and raises `WarehouseError` at the first that is not known to be harmless."""

    shows_system = False  # whether the statement does nothing but read

    def __init__(self, tree: Node, scope: Scope, parameters: Mapping[str, str]) -> None:
        self._tree = tree
        self.scope = scope
        self.tables: set[str] = set()  # what is read, each with its database; a CTE's name may be among them
        self._parameters = parameters
        self._pending: deque[Any] = deque()
        self._visiting = False
        # Names that the statement itself gives to lambdas may be called like functions.
        self._lambdas = frozenset(_find_lambda_aliases(tree))
        self._named = frozenset(node.get("name") for node in walk(tree) if node["type"] == "WithElement")
        self._special: Mapping[str, Callable[[Node], None]] = {
            "SelectWithUnionQuery": self._check_union,
            "Function": self._check_function,
            "TableIdentifier": self._check_table_identifier,
            "TableExpression": self._check_table_expression,
            "ColumnsApplyTransformer": self._check_apply,
            "ColumnDeclaration": self._check_column,
            "IndexDeclaration": self._check_index,
            "SetQuery": self._check_set,
            "DataType": self._check_type,
            "TTLElement": self._check_ttl,
            # Both hold plain values only.
            "Literal": lambda node: None,
            "EnumDataType": lambda node: None,
        }

    def visit(self, value: Any) -> None:
        """Check a node, a list of nodes, or a bare property, which is harmless.

        What hangs below waits its turn instead of being visited at once: statements may be nested more
        deeply than Python's stack.
        """
        self._pending.append(value)
        if self._visiting:
            return
        self._visiting = True
        while self._pending:
            item = self._pending.popleft()
            if isinstance(item, list):
                self._pending.extend(item)
            elif isinstance(item, dict):
                self._visit_node(item)
        self._visiting = False

    def visit_children(self, node: Node) -> None:
        """Check whatever hangs below a node."""
        for value in node.values():
            self.visit(value)

    def name(self, node: Node) -> str:
        """Return the one-part name of an identifier, a parameter's value put in."""
        parts = self.parts(node)
        if len(parts) != 1:
            raise refuse(f"{'.'.join(parts)} has too many parts for a name here")
        return parts[0]

    def parts(self, node: Node) -> list[str]:
        """Return the parts of an identifier; parameters fill the empty ones in their order."""
        values = iter([self._identifier(child) for child in node.get("children", ())])
        return [part or next(values, "") for part in node.get("name_parts") or [node.get("name", "")]]

    def check_table(self, parts: list[str]) -> None:
        """Raise unless the table may be read; a name without database is a CTE or in the default database."""
        if len(parts) == 1:
            default = self.scope.default_database
            is_known = default not in self.scope.tables or self.scope.can_read(default, parts[0])
            if not is_known and parts[0] not in self._named:
                raise make_not_there(parts[0])
            self.tables.add(f"{default}.{parts[0]}")
            return
        name = ".".join(parts)
        if name in system.PLAIN:
            return
        if self.shows_system and name in system.COLUMNS:
            system.check_columns(name, walk(self._tree))
            return
        if len(parts) != 2 or not self.scope.can_read(*parts):
            raise make_not_there(name)
        self.tables.add(name)

    def _visit_node(self, node: Node) -> None:
        kind = node.get("type")
        special = self._special.get(str(kind))
        if special:
            special(node)
        elif kind in _PLAIN:
            self.visit_children(node)
        else:
            what = name_statement(str(kind)) if kind else "This construct"
            raise refuse(f"{what} is not available in this warehouse")

    def _identifier(self, child: Node) -> str:
        if child.get("type") != "QueryParameter":
            raise refuse("This kind of identifier is not available in this warehouse")
        value = self._parameters.get(child.get("name", ""), "")
        if not _PARAMETER_NAME.fullmatch(value):
            raise refuse(f"The parameter {child.get('name')} does not hold a plain name")
        return value

    def _check_union(self, node: Node) -> None:
        check_properties(node, UNION_PROPERTIES)
        self.visit_children(node)

    def _check_table_identifier(self, node: Node) -> None:
        self.check_table(self.parts(node))

    def _check_table_expression(self, node: Node) -> None:
        function = node.get("table_function")
        if function:
            name = str(function.get("name", ""))
            if name.lower() not in names.TABLE_FUNCTIONS:
                raise refuse(f"The table function {name}() is not available in this warehouse{_advise(name)}")
            self.visit_children(function)
        for key, value in node.items():
            if key != "table_function":
                self.visit(value)

    def _check_function(self, node: Node) -> None:
        name = str(node.get("name", ""))
        self._check_function_name(name)
        if name.lower() in names.CALLING_FUNCTIONS:
            self._check_called(node)
        arguments = (node.get("arguments") or {}).get("children", ())
        if (
            name.lower() in names.IN_FUNCTIONS
            and len(arguments) == 2
            and arguments[1]["type"] == "Identifier"
        ):
            self.check_table(self.parts(arguments[1]))
        if name.lower().startswith(names.HIGHER_ORDER):
            for argument in arguments:
                # arrayMap(file, …) calls file(): a bare name may be a function, table.column is none.
                if argument["type"] == "Identifier":
                    self._check_bare_name(self.parts(argument))
        self.visit_children(node)

    def _check_called(self, node: Node) -> None:
        """arrayReduce('sum', …) names what it calls in a text."""
        first, *_ = (node.get("arguments") or {}).get("children") or [{}]
        value = (first.get("value") or {}).get("value") if first.get("type") == "Literal" else None
        word = _FIRST_WORD.match(value) if isinstance(value, str) else None
        if not word:
            raise refuse(f"{node['name']}() takes the name of a function as plain text only")
        self._check_function_name(word[0])

    def _check_type(self, node: Node) -> None:
        if str(node.get("name", "")).lower() in names.AGGREGATE_TYPES:
            for argument in (node.get("arguments") or {}).get("children", ()):
                if argument.get("type") == "Identifier":
                    self._check_function_name(self.name(argument))
        self.visit_children(node)

    def _check_ttl(self, node: Node) -> None:
        if node.get("destination_type", "DELETE") != "DELETE" or node.get("mode") == "MOVE":
            raise refuse("TTL … TO DISK or TO VOLUME is not available in this warehouse")
        self._check_calls(node.get("recompression_codec"), names.CODECS, "codec")
        for key, value in node.items():
            if key != "recompression_codec":
                self.visit(value)

    def _check_function_name(self, name: str) -> None:
        known = names.is_allowed_function(name) or (
            name in self._lambdas and not names.is_refused_function(name)
        )
        if not known:
            raise refuse(f"The function {name}() is not available in this warehouse{_advise(name)}")

    def _check_bare_name(self, parts: list[str]) -> None:
        if len(parts) == 1 and parts[0].lower() in names.REFUSED_FUNCTIONS:
            raise refuse(
                f"{parts[0]} is also a function that is not available; write the column as table.{parts[0]}"
            )

    def _check_apply(self, node: Node) -> None:
        if node.get("func_name"):
            self._check_function_name(node["func_name"])
        self.visit_children(node)

    def _check_column(self, node: Node) -> None:
        self._check_calls(node.get("codec"), names.CODECS, "codec")
        for key, value in node.items():
            if key != "codec":
                self.visit(value)

    def _check_index(self, node: Node) -> None:
        self._check_calls(node.get("index_type"), names.INDEX_TYPES, "index type")
        for key, value in node.items():
            if key != "index_type":
                self.visit(value)

    def _check_calls(self, value: Any, known: frozenset[str], what: str) -> None:
        """Codecs and index types look like functions, with names of their own and plain arguments."""
        for node in walk(value):
            if node["type"] == "Function" and node["name"].lower() not in known:
                raise refuse(f"The {what} {node['name']} is not available in this warehouse")
            if node["type"] not in ("Function", "ExpressionList", "Literal", "Identifier"):
                raise refuse(f"A {what} takes plain values only")

    def _check_set(self, node: Node) -> None:
        if set(node) - {"type", "changes"}:
            raise refuse("SETTINGS can only give settings a value")
        for change in node.get("changes", ()):
            if change.get("name") not in names.SETTINGS:
                raise refuse(f"The setting {change.get('name')} cannot be changed in this warehouse")


def walk(value: Any) -> Iterator[Node]:
    """Yield every node in and below `value`."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, dict):
            if "type" in item:
                yield item
            if item.get("type") != "Literal":
                pending.extend(item.values())


def _advise(function: str) -> str:
    advice = names.FUNCTION_ADVICE.get(function.lower(), "")
    return f"; {advice}" if advice else ""


def _find_lambda_aliases(tree: Node) -> Iterator[str]:
    for node in walk(tree):
        if node["type"] == "Function" and node.get("name") == "lambda" and node.get("alias"):
            yield node["alias"]


def given(node: Node) -> Iterator[tuple[str, Any]]:
    """Yield the properties of a node that are set: the engine writes false and empty ones out too."""
    return (
        (key, value) for key, value in node.items() if key != "type" and value not in (False, None, "", [])
    )


def check_properties(node: Node, known: frozenset[str]) -> None:
    """Raise if a statement says more than is known."""
    for key, _ in given(node):
        if key not in known:
            what = _IN_SQL.get(key) or f"{name_statement(str(node['type']))} with {key}"
            raise refuse(f"{what} is not available in this warehouse")


def name_statement(kind: str) -> str:
    """Return how people write a kind of statement: ``SET ROLE`` for the engine's ``SetRoleQuery``."""
    name = kind.partition("_")[0].removesuffix(" query").removesuffix("Query")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).upper()


def refuse(sentence: str) -> WarehouseError:
    """Return the refusal of something that is not on a list."""
    return WarehouseError(SUPPORT_IS_DISABLED, sentence)
