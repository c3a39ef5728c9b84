"""The pieces that the engine really hands out, joined: what comes out is one document of its format."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import pytest

from urbanlab_services.warehouse.engine.formats import ARROW_STREAM, SEQUENCES, is_streamable, join_pieces
from urbanlab_services.warehouse.policy_names import OUTPUT_FORMATS

from .engine_parse import Engine, open_engine

ROWS = 200_000  # several blocks
QUERY = "SELECT number AS n, toString(number) AS s FROM numbers({rows})"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine(tmp_path_factory.mktemp("formats")) as engine:
        yield engine


def list_pieces(engine: Engine, format_: str, rows: int) -> list[bytes]:
    """Return the pieces as chDB streams them."""
    connection = engine.connect()
    try:
        result = connection.send_query(QUERY.format(rows=rows), format_)
        pieces = []
        while (piece := result.fetch()) is not None:
            pieces.append(bytes(piece.bytes()))
        return pieces
    finally:
        connection.close()


def join(format_: str, pieces: list[bytes]) -> bytes:
    return b"".join(bytes(part) for part in join_pieces(format_, map(memoryview, pieces)))


def test_arrow_pieces_become_one_stream(engine: Engine) -> None:
    pieces = list_pieces(engine, ARROW_STREAM, ROWS)
    assert len(pieces) > 1
    table = pa.ipc.open_stream(join(ARROW_STREAM, pieces)).read_all()
    assert table["n"].to_pylist() == list(range(ROWS))
    assert table.schema.names == ["n", "s"]


def test_one_arrow_piece_stays_as_it_is(engine: Engine) -> None:
    (piece,) = list_pieces(engine, ARROW_STREAM, 3)
    assert join(ARROW_STREAM, [piece]) == piece


def test_no_piece_gives_no_byte() -> None:
    assert join(ARROW_STREAM, []) == b""
    assert join("Native", []) == b""


@pytest.mark.parametrize("format_", sorted(SEQUENCES))
def test_the_pieces_of_a_sequence_are_what_the_engine_writes_at_once(engine: Engine, format_: str) -> None:
    connection = engine.connect()
    whole = connection.query(QUERY.format(rows=ROWS), format_).bytes()
    connection.close()
    pieces = list_pieces(engine, format_, ROWS)
    assert len(pieces) > 1
    assert join(format_, pieces) == whole


def test_lines_of_json_are_whole(engine: Engine) -> None:
    lines = join("JSONEachRow", list_pieces(engine, "JSONEachRow", ROWS)).splitlines()
    assert [json.loads(line)["n"] for line in (lines[0], lines[-1])] == [0, ROWS - 1]
    assert len(lines) == ROWS


def test_only_listed_formats_are_streamed_and_all_of_them_are_offered() -> None:
    streamed = {format_ for format_ in OUTPUT_FORMATS if is_streamable(format_)}
    assert streamed == SEQUENCES | {ARROW_STREAM}
    assert not {"JSON", "Parquet", "Arrow", "ORC", "CSVWithNames", "XML"} & streamed
