"""The engine's own reading of a statement: its canonical text, and the tree that the policy judges."""

from __future__ import annotations

import json
import re

from chdb._exceptions import ChdbError
from chdb.state.sqlitelike import Connection

from urbanlab_services.warehouse.engine import roles

_BOTH = "SELECT formatQuerySingleLine({text:String}) AS canonical, parseQueryToJSON(canonical)"
_TEXT = "SELECT formatQuerySingleLine({text:String})"
_UNSUPPORTED = "does not support JSON serialization"
# What the engine adds is about our question, not about the statement in it.
_OUR_QUESTION = re.compile(r"\.? ?: In scope SELECT (formatQuery|parseQuery).*", re.DOTALL)


def parse_statement(connection: Connection, text: str) -> tuple[str, str]:
    """Return canonical text and tree (JSON; empty where the engine has none for this kind of statement).

    Raises `ChdbError` for what is no statement or are several.
    """
    connection.query(f"SET ROLE {roles.NOBODY_ROLE}")
    parameters = {"text": _escape(text)}
    try:
        return _ask(connection, _BOTH, parameters)
    except ChdbError as error:
        if _UNSUPPORTED not in str(error):
            raise ChdbError(_OUR_QUESTION.sub(" (SYNTAX_ERROR)", str(error))) from None
    return _ask(connection, _TEXT, parameters)


def check_security(connection: Connection, text: str) -> None:
    """Raise `ChdbError` for a view that would read as anybody but its reader.

    All roles here are worn by one user, who is therefore the definer of whatever any of them makes: the engine
    itself would let the view read with the rights of all roles together.
    """
    _, tree = parse_statement(connection, text)
    # In a text that the statement holds, the quotes would be escaped.
    if '"sql_security":' in tree:
        raise ChdbError("Code: 497. DB::Exception: Not enough privileges for SQL SECURITY. (ACCESS_DENIED)")


def _ask(connection: Connection, question: str, parameters: dict[str, str]) -> tuple[str, str]:
    answer = json.loads(connection.query(question, "JSONCompactEachRow", params=parameters).bytes())
    return str(answer[0]), str(answer[1]) if len(answer) > 1 else ""


def _escape(text: str) -> str:
    """Parameters are read as TabSeparated's text."""
    for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\0", "\\0")):
        text = text.replace(plain, escaped)
    return text
