"""What a client reads when the engine refuses: its code, one sentence, nothing of the machine or others."""

from __future__ import annotations

import pytest

from urbanlab_services.warehouse.errors import (
    WarehouseError,
    from_engine,
    make_not_there,
    make_unavailable,
    make_uncertain,
)

_VERSION = "(version 26.9.2.1)"


@pytest.mark.parametrize(
    ("said", "number", "status", "name", "message"),
    [
        (
            f"Code: 62. DB::Exception: Syntax error: failed at position 8 (FRM): FRM x. (SYNTAX_ERROR) {_VERSION}",
            62,
            400,
            "SYNTAX_ERROR",
            "Syntax error: failed at position 8 (FRM): FRM x",
        ),
        (
            "Code: 60. DB::Exception: Unknown table expression identifier 'alpha.footfal'. "
            "Maybe you meant alpha.footfall? In scope SELECT 1. (UNKNOWN_TABLE)",
            60,
            404,
            "UNKNOWN_TABLE",
            "There is no such table or database, or it is none of yours: alpha.footfal",
        ),
        (
            "Code: 497. DB::Exception: default: Not enough privileges. To execute this query, it's "
            "necessary to have "
            "the grant SELECT(a) ON beta.secret. (ACCESS_DENIED)",
            60,
            404,
            "UNKNOWN_TABLE",
            "There is no such table or database, or it is none of yours: beta.secret",
        ),
        (
            "Code: 81. DB::Exception: Database beta does not exist. (UNKNOWN_DATABASE)",
            60,
            404,
            "UNKNOWN_TABLE",
            "There is no such table or database, or it is none of yours: beta",
        ),
        (
            "Code: 47. DB::Exception: Unknown expression identifier `peple`. Maybe you meant: ['people']. "
            "In scope SELECT peple. (UNKNOWN_IDENTIFIER)",
            47,
            400,
            "UNKNOWN_IDENTIFIER",
            "Unknown expression identifier `peple`",
        ),
        (
            "Code: 74. DB::Exception: Cannot read all data: (while reading from part "
            "/srv/state/data/store/1a2/all_1_1_0/ "
            "located on disk default of type local). (CANNOT_READ_ALL_DATA)",
            74,
            400,
            "CANNOT_READ_ALL_DATA",
            None,
        ),
        (
            "Code: 107. DB::Exception: File /srv/state/x.csv doesn't exist. (FILE_DOESNT_EXIST)",
            107,
            400,
            "FILE_DOESNT_EXIST",
            None,
        ),
        (
            "Streaming query failed: Code: 6. DB::Exception: Cannot parse 'x'. (CANNOT_PARSE_TEXT)",
            6,
            400,
            "CANNOT_PARSE_TEXT",
            "Cannot parse 'x'",
        ),
        ("something else", 1002, 500, "UNKNOWN_EXCEPTION", "something else"),
        ("", 1002, 500, "UNKNOWN_EXCEPTION", "The statement failed"),
    ],
)
def test_the_engines_words_become_a_clients(
    said: str, number: int, status: int, name: str, message: str | None
) -> None:
    error = from_engine(said)
    assert (error.number, error.status, error.code) == (number, status, name)
    assert message in (None, error.message)
    for hidden in ("/srv", "version", "Maybe", "privileges", "DB::Exception"):
        assert hidden not in error.message


@pytest.mark.parametrize(
    ("said", "setting"),
    [
        ("Code: 158. DB::Exception: Limit for rows exceeded. (TOO_MANY_ROWS)", "max_rows_to_read"),
        ("Code: 307. DB::Exception: Limit for bytes exceeded. (TOO_MANY_BYTES)", "max_bytes_to_read"),
        ("Code: 159. DB::Exception: Timeout exceeded: elapsed 1 s. (TIMEOUT_EXCEEDED)", "max_execution_time"),
        ("Code: 160. DB::Exception: Estimated query time is too long. (TOO_SLOW)", "max_execution_time"),
        ("Code: 241. DB::Exception: memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)", "max_memory_usage"),
        (
            "Code: 396. DB::Exception: Limit for result exceeded, max rows: 1. (TOO_MANY_ROWS_OR_BYTES)",
            "max_result_rows",
        ),
        (
            "Code: 396. DB::Exception: Limit for result exceeded, max bytes: 1. (TOO_MANY_ROWS_OR_BYTES)",
            "max_result_bytes",
        ),
    ],
)
def test_a_limit_is_named(said: str, setting: str) -> None:
    error = from_engine(said)
    assert setting in error.message
    assert error.code in said


def test_an_expression_among_values_gets_a_hint() -> None:
    said = "Code: 344. DB::Exception: Interpreting expressions is disabled. (SUPPORT_IS_DISABLED)"
    assert "INSERT INTO … SELECT" in from_engine(said).message


def test_an_error_is_written_as_clickhouse_writes_it() -> None:
    assert (
        WarehouseError(62, "Syntax error").to_text()
        == "Code: 62. DB::Exception: Syntax error. (SYNTAX_ERROR)\n"
    )


def test_missing_and_foreign_tables_are_the_same_error() -> None:
    made = make_not_there("beta.secret")
    found = from_engine("Code: 497. DB::Exception: the grant SELECT ON beta.secret. (ACCESS_DENIED)")
    assert made.to_text() == found.to_text()


def test_only_what_is_safe_to_repeat_asks_to_be_repeated() -> None:
    assert make_unavailable().status == 503
    assert make_uncertain().status == 500
    assert "before you send it again" in make_uncertain().message


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("SELECT * FROM open_data.bern__x", False),
        ("SELECT * FROM lab_bern.x, open_data.bern__x", True),
        (None, True),
    ],
)
def test_a_table_is_named_only_to_those_who_named_it(statement: str | None, shown: bool) -> None:
    said = "Code: 60. DB::Exception: Unknown table expression identifier 'lab_bern.x'. In scope SELECT 1."
    assert ("lab_bern.x" in from_engine(said, statement).message) is shown
