"""Which tables this kernel has read: noted as answers come, and told to nobody by this module."""

from __future__ import annotations

from collections.abc import Mapping

HEADER = "X-Urbanlab-Tables"  # of the warehouse's answers: the tables that the statement has read
_tables: dict[str, None] = {}  # in the order of their first reading


def note(table: str) -> None:
    """Note that a table, with its database, was looked up."""
    _tables[table] = None


def note_answer(headers: Mapping[str, str]) -> None:
    """Note what an answer of the warehouse says to have read."""
    for table in headers.get(HEADER, "").split(","):
        if table:
            note(table)


def list_tables() -> list[str]:
    """Return what was read; a name of the query's own, of a WITH clause, may be among it."""
    return list(_tables)


def forget() -> None:
    """Begin anew."""
    _tables.clear()
