"""The one question about a system table that clients ask when they connect, answered narrowly."""

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


def find_answer(canonical: str) -> tuple[str, str] | None:
    """Return format and statement that answer the question, if `canonical` is it.

    The settings are the engine's own; those that this warehouse lets nobody change say so.
    """
    match = _QUESTION.fullmatch(canonical)
    return (match["format"] or "", _ANSWER) if match else None
