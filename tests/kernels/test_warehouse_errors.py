"""ClickHouse's errors in words that say what to do."""

from __future__ import annotations

from typing import Any

import pytest
import urllib3
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from urbanlab import errors
from urbanlab.warehouse_errors import translate


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        (
            "Code: 60. DB::Exception: no such table: x. (UNKNOWN_TABLE)",
            errors.UnknownTableError,
            "such table: x",
        ),
        ("Code: 81. DB::Exception: no database. (UNKNOWN_DATABASE)", errors.UnknownTableError, "no database"),
        (
            "Code: 47. DB::Exception: Unknown `person`. (X_Y)",
            errors.UnknownColumnError,
            "not known: .*person",
        ),
        ("Code: 497. DB::Exception: no. (ACCESS_DENIED)", errors.AccessDeniedError, "Your role may not"),
        ("Code: 158. DB::Exception: rows. (TOO_MANY_ROWS)", errors.LimitError, "more rows than allowed"),
        ("Code: 241. DB::Exception: memory. (MEMORY_LIMIT)", errors.LimitError, "more memory than allowed"),
        ("Code: 202. DB::Exception: many. (TOO_MANY)", errors.LimitError, "too many queries"),
        ("Code: 456. DB::Exception: `x` is not set. (UNKNOWN)", errors.ParameterError, "does not fit"),
        ("Code: 516. DB::Exception: expired. (AUTH)", errors.SessionError, "log in again"),
        ("Code: 210. DB::Exception: is restarting. (NETWORK)", errors.WarehouseDownError, "is restarting"),
        ("Code: 36. DB::Exception: bad. (version 26.9.1)", errors.WarehouseError, "could not do it: bad"),
        ("HTTP 401", errors.SessionError, "log in again"),
        ("Read timed out", errors.WarehouseDownError, "took too long"),
        ("Connection refused", errors.WarehouseDownError, "does not answer"),
        ("HTTP driver received 502", errors.WarehouseDownError, "does not answer"),
    ],
)
def test_a_code_becomes_an_error_that_says_what_to_do(text: str, kind: type[Exception], says: str) -> None:
    error = translate(DatabaseError(text))
    assert type(error) is kind
    with pytest.raises(kind, match=says):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        urllib3.exceptions.ProtocolError("Connection broken: IncompleteRead"),
        OSError("Connection reset by peer"),
    ],
)
def test_a_broken_connection_is_the_warehouse_being_away(error: Exception) -> None:
    assert isinstance(translate(error), errors.WarehouseDownError)


@pytest.mark.parametrize(
    ("sql", "position", "line", "column"),
    [
        ("SELEC 1", 1, 1, 0),
        ("SELECT 1\nFORM x", 10, 2, 0),
        ("SELECT 'Gütersloh' FORM x", 21, 1, 19),
        ("SELECT", 7, 1, 6),
    ],
)
def test_a_syntax_error_shows_the_place(sql: str, position: int, line: int, column: int) -> None:
    text = (
        f"Code: 62. DB::Exception: Syntax error: failed at position {position} (x): x. "
        "Expected one of: FROM. (SYNTAX_ERROR)"
    )
    lines = str(translate(DatabaseError(text), sql)).splitlines()
    assert f"line {line}" in lines[0] and lines[1].strip() == sql.split("\n")[line - 1]
    assert lines[2].index("^") == 2 + column
    assert "FROM" in lines[3]


def test_codes_and_versions_and_addresses_are_left_out() -> None:
    text = (
        "HTTPDriver for http://127.0.0.1:8123 got: Code: 47. DB::Exception: Unknown `x`. (UNKNOWN_IDENTIFIER) "
        "(version 26.9 (official)) (for url http://127.0.0.1:8123)"
    )
    message = str(translate(OperationalError(text)))
    assert "127.0.0.1" not in message and "version" not in message and "UNKNOWN_IDENTIFIER" not in message


def test_a_credential_never_stands_in_a_message() -> None:
    import jwt

    token = jwt.encode({"sub": "anna@town"}, "k" * 32, algorithm="HS256")
    for text in (
        f"Code: 36. DB::Exception: bad {token}",
        f"sent {token}",
        f"Code: 62. DB::Exception: Syntax error {token}",
    ):
        assert token not in str(translate(DatabaseError(text), "SELECT 1"))


@pytest.mark.parametrize("error", [getattr(errors, name) for name in dir(errors) if name.endswith("Error")])
def test_jupyter_shows_one_line_for_each_of_our_errors(error: Any) -> None:
    assert issubclass(error, errors.UrbanlabError)
    shown = error("what to do")
    assert shown._render_traceback_() == [f"{error.__name__}: {shown}"]
    assert "what to do" in str(shown)


@pytest.mark.parametrize(
    ("name", "known", "says"),
    [
        ("footfal", ["footfall", "weather"], " Did you mean footfall?"),
        ("x", ["b", "a"], " There is a, b."),
        ("x", [], ""),
        ("zzz", [f"n{n:02}" for n in range(20)], " and more."),
    ],
)
def test_a_suggestion_names_what_is_close_or_what_there_is(name: str, known: list[str], says: str) -> None:
    assert errors.suggest(name, known).endswith(says)
