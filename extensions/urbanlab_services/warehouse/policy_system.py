"""The engine's own tables: a few columns of a few of them, so that clients find tables, columns and functions.

The role sees its own tables there only, but of these more than everybody should: where they lie on the disk, and
what is behind a view.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from urbanlab_services.warehouse.errors import SUPPORT_IS_DISABLED, WarehouseError

Node = dict[str, Any]

_TABLE = frozenset({"database", "name", "engine", "total_rows", "total_bytes"})
_COLUMN = frozenset({"database", "table", "name", "type", "position", "default_kind", "comment"})
_FUNCTION = frozenset({"name", "is_aggregate", "case_insensitive", "alias_to", "description", "syntax"})
_SCHEMA_TABLE = frozenset({"table_schema", "table_name", "table_type"})
_SCHEMA_COLUMN = _SCHEMA_TABLE - {"table_type"} | {
    "column_name",
    "ordinal_position",
    "data_type",
    "is_nullable",
}
COLUMNS: Mapping[str, frozenset[str]] = {
    "system.tables": _TABLE | {"primary_key", "sorting_key", "partition_key", "is_temporary"},
    "system.columns": _COLUMN | {"is_in_primary_key", "is_in_sorting_key", "is_in_partition_key"},
    "system.databases": frozenset({"name", "engine"}),
    "system.functions": _FUNCTION,
    "system.data_type_families": frozenset({"name", "case_insensitive", "alias_to"}),
    "system.formats": frozenset({"name", "is_input", "is_output"}),
    "system.table_functions": frozenset({"name", "description"}),
    **{
        f"{schema}.{table}": columns
        for schema, change in (("information_schema", str.lower), ("INFORMATION_SCHEMA", str.upper))
        for table, columns in (
            (change("tables"), _SCHEMA_TABLE | {name.upper() for name in _SCHEMA_TABLE}),
            (change("columns"), _SCHEMA_COLUMN | {name.upper() for name in _SCHEMA_COLUMN}),
        )
    },
}
# What may stand in the WHERE of a SHOW: names of its own columns, or of the table that the engine asks for it.
_SHOWN: Mapping[str, tuple[str, frozenset[str]]] = {
    "ShowTablesQuery": ("SHOW TABLES", COLUMNS["system.tables"] | {"table"}),
    "ShowColumnsQuery": (
        "SHOW COLUMNS",
        frozenset({"field", "type", "null", "key", "default", "extra", "collation", "comment", "privileges"}),
    ),
    "ShowIndexesQuery": (
        "SHOW INDEXES",
        frozenset(
            {
                *("table", "non_unique", "key_name", "seq_in_index", "column_name", "collation"),
                *("cardinality", "sub_part", "packed", "null", "index_type", "comment"),
                *("index_comment", "visible", "expression"),
            }
        ),
    ),
}
PLAIN = frozenset({"system.one", "system.numbers"})  # nothing in these but figures
_ALL_COLUMNS = frozenset(
    {
        *("Asterisk", "QualifiedAsterisk", "ColumnsListMatcher", "ColumnsRegexpMatcher"),
        *("QualifiedColumnsListMatcher", "QualifiedColumnsRegexpMatcher"),
    }
)


def check_columns(table: str, nodes: Iterator[Node]) -> None:
    """Raise `WarehouseError` unless a statement that reads `table` names nothing but its columns for everybody."""
    _check_names(table, COLUMNS[table], nodes)


def check_shown(kind: str, nodes: Iterator[Node]) -> None:
    """Raise `WarehouseError` unless the WHERE of a SHOW names nothing but what everybody may see."""
    _check_names(*_SHOWN[kind], nodes)


def _check_names(table: str, known: frozenset[str], nodes: Iterator[Node]) -> None:
    allowed = known | set(table.split("."))
    counted = set()
    for node in nodes:
        kind, parts = node["type"], node.get("name_parts") or [str(node.get("name", ""))]
        children = (node.get("arguments") or {}).get("children", ())
        if kind == "Function" and node["name"].lower() == "count" and len(children) == 1:
            counted.add(id(children[0]))  # count(*) shows no column
        is_foreign = kind == "Identifier" and not (parts[-1] in known and allowed.issuperset(parts))
        if is_foreign or (kind in _ALL_COLUMNS and id(node) not in counted):
            what = ".".join(parts) if kind == "Identifier" else "*"
            raise WarehouseError(
                SUPPORT_IS_DISABLED,
                f"{what} is not available in a statement that reads {table}: name some of its columns "
                f"{', '.join(sorted(known))}, without names of your own for them",
            )
