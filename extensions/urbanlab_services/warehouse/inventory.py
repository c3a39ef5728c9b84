"""Which tables the engine holds, as one of its roles sees them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.wire import Job


@dataclass(frozen=True)
class Table:
    """One table or view: its columns (name -> type) in their order, and how it is stored."""

    database: str
    name: str
    columns: dict[str, str] = field(default_factory=dict)
    rows: int | None = None
    storage: str = ""
    comment: str = ""
    select: str = ""  # what a view reads, every table with its database; empty for a table


async def list_databases(engine: EngineClient, role: str) -> set[str]:
    """Return the names of the databases."""
    return {row[0] for row in await ask(engine, role, "SELECT name FROM system.databases")}


async def measure_databases(engine: EngineClient, role: str) -> dict[str, int]:
    """Return how many megabytes each database holds on the disk."""
    text = (
        "SELECT database, toUInt32(sum(bytes_on_disk) / 1e6) FROM system.parts WHERE active GROUP BY database"
    )
    rows = await ask(engine, role, text)
    return {database: int(megabytes) for database, megabytes in rows}


async def list_tables(engine: EngineClient, role: str, databases: Iterable[str]) -> list[Table]:
    """Return the tables in `databases` that `role` may see."""
    # Names come from `urbanlab.contract.naming`, which lets no quote through.
    quoted = ", ".join(f"'{name}'" for name in sorted(databases))
    wanted = f"database IN ({quoted})"
    columns = "SELECT database, table, name, type FROM system.columns"
    tables = "SELECT database, name, total_rows, engine_full, comment, as_select FROM system.tables"
    found: dict[tuple[str, str], dict[str, str]] = {}
    for database, table, name, type_ in await ask(
        engine, role, f"{columns} WHERE {wanted} ORDER BY database, table, position"
    ):
        found.setdefault((database, table), {})[name] = type_
    return [
        Table(
            database,
            name,
            found.get((database, name), {}),
            None if rows is None else int(rows),
            storage,
            comment,
            select,
        )
        for database, name, rows, storage, comment, select in await ask(
            engine, role, f"{tables} WHERE {wanted} ORDER BY database, name"
        )
    ]


async def list_views(engine: EngineClient, role: str, databases: Iterable[str]) -> dict[str, str]:
    """Return the views in `databases` that `role` may see: name with its database -> what it reads."""
    quoted = ", ".join(f"'{name}'" for name in sorted(databases))
    text = "SELECT database, name, as_select FROM system.tables WHERE as_select != ''"
    rows = await ask(engine, role, f"{text} AND database IN ({quoted})") if quoted else []
    return {f"{database}.{name}": select for database, name, select in rows}


def quote_name(name: str) -> str:
    """Return a name of a database, table or column as it stands in a statement, whatever is in it."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


async def ask(engine: EngineClient, role: str, text: str) -> list[list[str]]:
    """Return the rows that a query of the platform's own answers."""
    answer = await engine.collect(Job(role, text, "read", "JSONCompactEachRow"))
    return [json.loads(line) for line in answer.splitlines()]
