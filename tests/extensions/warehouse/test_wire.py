"""What gateway and engine say to each other, and the content codings."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import brotli
import pytest
import zstandard
from clickhouse_cityhash.cityhash import CityHash128
from hypothesis import given
from hypothesis import strategies as st

from urbanlab_services.warehouse import wire
from urbanlab_services.warehouse.codings import CODINGS, OWN_CODING, choose_coding, decode, make_encoder
from urbanlab_services.warehouse.errors import WarehouseError
from urbanlab_services.warehouse.native_coding import NativeDecoder, NativeEncoder


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[begin : begin + size] for begin in range(0, len(data), size)]


@given(pieces=st.lists(st.binary(max_size=50), max_size=8), size=st.integers(1, 20))
def test_frames_survive_any_cut(pieces: list[bytes], size: int) -> None:
    outcome = wire.Outcome(1, 2, 3, 4)
    frames = b"".join(wire.encode_head(wire.ROWS, len(piece)) + piece for piece in pieces if piece)
    reader = wire.FrameReader()
    rows = [row for part in _cut(frames + wire.encode_outcome(outcome), size) for row in reader.feed(part)]
    assert b"".join(rows) == b"".join(pieces)
    assert reader.outcome == outcome
    assert reader.error is None


def test_an_answer_without_an_end_has_no_outcome() -> None:
    reader = wire.FrameReader()
    list(reader.feed(wire.encode_head(wire.ROWS, 3) + b"abc" + wire.encode_outcome(wire.Outcome())[:-1]))
    assert reader.outcome is None
    failed = wire.FrameReader()
    list(failed.feed(wire.encode_error("Grüße")))
    assert failed.error == "Grüße"


@given(rows=st.binary(max_size=100), size=st.integers(1, 50))
def test_a_job_and_its_rows_survive_any_cut(rows: bytes, size: int) -> None:
    externals = (wire.External("x", "CREATE …", "INSERT …", "CSV", 7),)
    job = wire.Job("role", "SELECT 'ü'", "read", parameters={"a": "b"}, tables=("a.b",), externals=externals)
    reader = wire.JobReader()
    assert b"".join(reader.feed(part) for part in _cut(wire.encode_job(job) + rows, size)) == rows
    assert reader.job == job


async def _pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for piece in _cut(data, size):
        yield piece


@pytest.mark.parametrize("coding", ["", *CODINGS, OWN_CODING])
@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=4), size=st.integers(1, 100))
async def test_what_is_encoded_is_decoded(coding: str, parts: list[bytes], size: int) -> None:
    encoder = make_encoder(coding)
    coded = b"".join([*map(encoder.encode, parts), encoder.finish()])
    decoded = b"".join([piece async for piece in decode(_pieces(coded, size), coding)])
    assert decoded == b"".join(parts)


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_stream_that_is_cut_short_is_an_error(coding: str) -> None:
    encoder = make_encoder(coding)
    coded = encoder.encode(b"x" * 1000) + encoder.finish()
    with pytest.raises(WarehouseError, match="no valid"):
        [piece async for piece in decode(_pieces(coded[:-3], 100), coding)]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", ""),
        ("gzip, deflate", "gzip"),
        ("lz4,zstd,gzip", "lz4"),
        ("zstd;q=1, br", "zstd"),
        ("br", "br"),
        ("x", ""),
    ],
)
def test_the_first_known_coding_is_chosen(accepted: str, coding: str) -> None:
    assert choose_coding(accepted) == coding


@contextmanager
def _in_memory_of(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


async def test_a_block_is_no_larger_than_it_says() -> None:
    packed = zstandard.ZstdCompressor().compress(bytes(64 << 20))
    block = struct.pack("<BII", 0x90, len(packed) + 9, 100) + packed
    number = CityHash128(block)
    body = struct.pack("<QQ", number >> 64, number & (1 << 64) - 1) + block
    with _in_memory_of(32 << 20), pytest.raises(WarehouseError, match="another size"):
        [piece async for piece in decode(_pieces(body, 1 << 18), OWN_CODING)]


async def test_a_few_bytes_of_brotli_do_not_become_any_number() -> None:
    compressor = brotli.Compressor(quality=5)
    body = b"".join(compressor.process(bytes(16 << 20)) for _ in range(16)) + compressor.finish()
    with _in_memory_of(128 << 20), pytest.raises(WarehouseError, match="too tightly"):
        [piece async for piece in decode(_pieces(body, 1 << 18), "br")]


def test_blocks_are_given_one_by_one_and_many_of_them_are_taken() -> None:
    encoder = NativeEncoder()
    two = encoder.encode(b"a" * (2 << 20)) + encoder.finish()
    decoder = NativeDecoder()
    assert [len(content) for content in decoder.decode(two)] == [1 << 20, 1 << 20]
    small = NativeEncoder()
    block = small.encode(b"x") + small.finish()
    assert b"".join(decoder.decode(block * 20_000 + block[:7])) == b"x" * 20_000
    assert b"".join(decoder.decode(block[7:])) == b"x"
    decoder.check_end()
