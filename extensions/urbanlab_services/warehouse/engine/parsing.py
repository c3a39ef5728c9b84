"""The engine's own reading of a statement: its canonical text, and the tree that the policy judges."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from chdb._exceptions import ChdbError
from chdb.state.sqlitelike import Connection

from urbanlab_services.warehouse import parse_questions
from urbanlab_services.warehouse.engine import roles

# In a text that the statement holds, the quotes would be escaped.
_AS_ANYBODY = re.compile(r'"sql_security":|"name":\s*"(?:joinGet|dict(?:Get|Has|IsIn))', re.IGNORECASE)


def connect_for_parsing(connect: Callable[[], Connection]) -> Connection:
    """Return a session for questions about statements, which may see nothing."""
    connection = connect()
    connection.query(f"SET ROLE {roles.NOBODY_ROLE}")
    return connection


def parse_statement(connection: Connection, text: str) -> tuple[str, str]:
    """Return canonical text and tree (JSON; empty where the engine has none for this kind of statement).

    Raises `ChdbError` for what is no statement or are several.
    """
    parameters = {"text": parse_questions.escape(text)}
    try:
        return _ask(connection, parse_questions.BOTH, parameters)
    except ChdbError as error:
        if parse_questions.UNSUPPORTED not in str(error):
            raise ChdbError(parse_questions.strip_question(str(error))) from None
    return _ask(connection, parse_questions.TEXT, parameters)


def check_security(connection: Connection, text: str) -> None:
    """Raise `ChdbError` for what would read as anybody but the one who asks: the engine asks for no right there.

    All roles here are worn by one user, who is therefore the definer of whatever any of them makes: a definer's
    view would read with the rights of all roles together. And the key of a table is computed in nobody's name: a
    function in it that names a table by a text would read it.
    """
    _, tree = parse_statement(connection, text)
    if _AS_ANYBODY.search(tree):
        raise ChdbError(
            "Code: 497. DB::Exception: Not enough privileges for SQL SECURITY, joinGet and dictGet. (ACCESS_DENIED)"
        )


def _ask(connection: Connection, question: str, parameters: dict[str, str]) -> tuple[str, str]:
    answer = json.loads(connection.query(question, "JSONCompactEachRow", params=parameters).bytes())
    return str(answer[0]), str(answer[1]) if len(answer) > 1 else ""
