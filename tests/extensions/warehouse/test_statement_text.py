"""Where a statement ends and its rows begin."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urbanlab_services.warehouse.errors import WarehouseError
from urbanlab_services.warehouse.statement_text import MAX_STATEMENT_BYTES, find_rows, split_statement


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        ("INSERT INTO t FORMAT CSV\n", "1,2\n"),
        ("insert into t (a, b) format Native\n", "\n\nbinary"),
        ("INSERT INTO t FORMAT Native \t\n", "\t\n"),
        ("INSERT INTO t VALUES", " (1, 'FORMAT CSV')"),
        ('INSERT INTO t (`VALUES`, "FORMAT") VALUES', "(1, 2)"),
        ("INSERT INTO format.values VALUES", "(1)"),
        ("INSERT INTO TABLE format FORMAT TSV\n", "1"),
        ("-- VALUES\n/* FORMAT x */ INSERT INTO t /* SELECT */ VALUES", "(1)"),
        ("INSERT INTO t SETTINGS max_threads = 1 FORMAT CSV\n", "1"),
    ],
)
def test_rows_are_found(head: str, rows: str) -> None:
    assert find_rows((head + rows).encode()) == len(head)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 FORMAT CSV\n",
        "INSERT INTO t SELECT * FROM values('a Int8', 1) FORMAT CSV\n",
        "INSERT INTO t WITH 1 AS x SELECT x FORMAT CSV\n",
        "INSERT INTO t FROM INFILE 'x' FORMAT CSV\n",
        "INSERT INTO t (a) FORM",
        "INSERT INTO t FORMAT CS",
        "INSERT",
        "",
        "'INSERT INTO t VALUES'",
    ],
)
def test_where_there_are_no_rows_none_are_found(text: str) -> None:
    assert find_rows(text.encode()) is None


async def _pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for begin in range(0, len(data), size):
        yield data[begin : begin + size]


@given(rows=st.binary(max_size=200), size=st.integers(30, 300))
async def test_all_rows_come_through_however_the_body_is_cut(rows: bytes, size: int) -> None:
    head = b"INSERT INTO t (a) FORMAT Native\n"
    text, rest = await split_statement("", _pieces(head + rows, size))
    assert text.strip() == head.decode().strip()
    assert b"".join([piece async for piece in rest]) == rows


async def test_what_comes_in_crumbs_is_read_all_the_same() -> None:
    head, rows = b"INSERT INTO t (a) VALUES", b"(1), (2), (3)"
    text, rest = await split_statement("", _pieces(head + rows, 1))
    assert (text, b"".join([piece async for piece in rest])) == (head.decode(), rows)
    text, rest = await split_statement("", _pieces(b"SELECT 1", 1))
    assert (text, b"".join([piece async for piece in rest])) == ("SELECT 1", b"")


async def test_a_statement_in_the_argument_leaves_the_body_alone() -> None:
    text, rest = await split_statement("INSERT INTO t FORMAT CSV", _pieces(b"\n1\n", 2))
    assert text == "INSERT INTO t FORMAT CSV"
    assert b"".join([piece async for piece in rest]) == b"\n1\n"


async def test_a_statement_that_is_too_long_or_no_text_is_refused() -> None:
    with pytest.raises(WarehouseError, match="max_query_size"):
        await split_statement("", _pieces(b" " * (MAX_STATEMENT_BYTES + 1), 1 << 16))
    with pytest.raises(WarehouseError, match="UTF-8"):
        await split_statement("", _pieces(b"SELECT '\xff'", 100))
