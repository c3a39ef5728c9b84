"""External data: small tables that come with a statement and are gone after it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from urbanlab_services.warehouse.engine_client import Parsed
from urbanlab_services.warehouse.errors import BAD_REQUEST, UNKNOWN_FORMAT, WarehouseError
from urbanlab_services.warehouse.policy_names import INPUT_FORMATS
from urbanlab_services.warehouse.scopes import Scope
from urbanlab_services.warehouse.session_statements import check_columns, check_in_session
from urbanlab_services.warehouse.wire import External

ENDINGS = ("_format", "_structure", "_types")
_NAME = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)


def take_descriptions(values: dict[str, str], files: Mapping[str, bytes]) -> dict[str, dict[str, str]]:
    """Take what describes the files out of the arguments; return for each its format, structure and types."""
    for name in files:
        if not _NAME.fullmatch(name):
            raise WarehouseError(
                BAD_REQUEST, "External data needs a plain name: letters, digits and underscores"
            )
    return {name: {end: values.pop(name + end, "") for end in ENDINGS} for name in files}


async def make_externals(
    parse: Callable[[str], Awaitable[Parsed]],
    scope: Scope,
    files: Mapping[str, bytes],
    descriptions: Mapping[str, Mapping[str, str]],
) -> tuple[External, ...]:
    """Return the tables for the engine; raise `WarehouseError` where a structure is more than names and types."""
    externals = []
    for name, rows in files.items():
        described = descriptions[name]
        format_ = described["_format"] or "TabSeparated"
        if format_ not in INPUT_FORMATS:
            raise WarehouseError(
                UNKNOWN_FORMAT, f"The format {format_[:40]} is not available in this warehouse"
            )
        structure = described["_structure"] or _number(described["_types"])
        if not structure:
            raise WarehouseError(BAD_REQUEST, f"External data needs columns: send {name}_structure")
        parsed = await parse(f"CREATE TEMPORARY TABLE {name} ({structure})")
        # Whatever the brackets close and open again is another kind of statement, or has more than columns.
        verdict = check_in_session(parsed.tree, scope, {}, ())
        if verdict is None or parsed.tree.get("select") or parsed.tree.get("as_table"):
            raise WarehouseError(BAD_REQUEST, f"{name}_structure is no list of columns")
        check_columns(parsed.tree)
        externals.append(External(name, parsed.text, f"INSERT INTO {name}", format_, len(rows)))
    return tuple(externals)


async def chain_rows(files: Mapping[str, bytes], rows: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the rows of external data, then those of the statement."""
    for content in files.values():
        if content:
            yield content
    async for piece in rows:
        yield piece


def _number(types: str) -> str:
    """Give columns that have only types the names that ClickHouse gives them."""
    parts, depth = [""], 0
    for letter in types:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return ", ".join(f"_{number} {kind.strip()}" for number, kind in enumerate(parts, 1) if kind.strip())
