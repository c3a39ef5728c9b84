"""The questions about system tables that clients ask before they begin, answered narrowly."""

from __future__ import annotations

import re

from urbanlab_services.warehouse.policy_names import SETTINGS

# `clickhouse_connect` asks which settings there are and which of them it may send.
_QUESTION = re.compile(
    r"SELECT name, value, readonly FROM system\.settings LIMIT \d+(?: FORMAT (?P<format>Native|TabSeparated|JSON))?"
)
# Read by the gateway itself, not by the engine.
_GATEWAY_SETTINGS = frozenset({"enable_http_compression", "cancel_http_readonly_queries_on_client_close"})
_WRITABLE = ", ".join(f"'{name}'" for name in sorted(SETTINGS | _GATEWAY_SETTINGS))
_ANSWER = (
    f"SELECT name, if(name = 'log_comment', '', value) AS value, toUInt8(name NOT IN ({_WRITABLE})) AS readonly "  # noqa: S608 - constants
    "FROM system.settings"
)


# SQLAlchemy's dialect asks for a table's engine. The comment of what is released says more than is for everybody.
_TABLE_QUESTION = re.compile(
    r"SELECT engine, engine_full, comment FROM system\.tables "
    r"WHERE \(database = (?P<database>'\w+')\) AND \(name = (?P<name>'\w+')\)(?: FORMAT (?P<format>Native))?",
    re.ASCII,
)
_TABLE_ANSWER = (
    "SELECT engine, engine_full, '' AS comment FROM system.tables "
    "WHERE database = {database} AND name = {name}"
)


def find_answer(canonical: str) -> tuple[str, str] | None:
    """Return format and statement that answer the question, if `canonical` is one.

    The settings are the engine's own; those that this warehouse lets nobody change say so. Of tables the engine
    shows those that the role may see.
    """
    match = _QUESTION.fullmatch(canonical)
    if match:
        return match["format"] or "", _ANSWER
    match = _TABLE_QUESTION.fullmatch(canonical)
    if match:
        return match["format"] or "", _TABLE_ANSWER.format(database=match["database"], name=match["name"])
    return None
