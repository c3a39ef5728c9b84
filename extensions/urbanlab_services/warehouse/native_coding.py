"""ClickHouse's own way of packing (``compress=1``, ``decompress=1``): blocks with a checksum and their sizes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import lz4.block
import zstandard
from clickhouse_cityhash.cityhash import CityHash128

BLOCK_BYTES = 1 << 20
MAX_BLOCK_BYTES = 32 << 20
_CHECKSUM = struct.Struct("<QQ")
_HEAD = struct.Struct("<BII")  # method, size with this head, size of the content
_LZ4, _ZSTD, _NONE = 0x82, 0x90, 0x02


class NativeEncoder:
    """Packs with LZ4, a block of a megabyte at a time."""

    def __init__(self) -> None:
        self._rest = b""

    def encode(self, data: bytes) -> bytes:
        """Return the blocks that are full after taking `data`."""
        data = self._rest + data
        full = len(data) - len(data) % BLOCK_BYTES
        self._rest = data[full:]
        return b"".join(_pack(data[begin : begin + BLOCK_BYTES]) for begin in range(0, full, BLOCK_BYTES))

    def finish(self) -> bytes:
        """Return the last block."""
        rest, self._rest = self._rest, b""
        return _pack(rest) if rest else b""


class NativeDecoder:
    """Unpacks blocks; raises `ValueError` for what is none."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the content of each block that `data` completes."""
        self._buffer += data
        begin = 0
        try:
            while (end := self._find_end(begin)) is not None:
                block, begin = bytes(self._buffer[begin:end]), end
                yield _unpack(block)
        finally:
            del self._buffer[:begin]

    def check_end(self) -> None:
        """Raise `ValueError` in the middle of a block."""
        if self._buffer:
            raise ValueError("a block is cut short")

    def _find_end(self, begin: int) -> int | None:
        begin += _CHECKSUM.size
        if len(self._buffer) < begin + _HEAD.size:
            return None
        _, packed, content = _HEAD.unpack_from(self._buffer, begin)
        if not _HEAD.size <= packed <= MAX_BLOCK_BYTES or content > MAX_BLOCK_BYTES:
            raise ValueError("a block is too large")
        end = begin + packed
        return end if len(self._buffer) >= end else None


def _pack(content: bytes) -> bytes:
    packed = lz4.block.compress(content, store_size=False)
    block: bytes = _HEAD.pack(_LZ4, len(packed) + _HEAD.size, len(content)) + packed
    return _make_checksum(block) + block


def _unpack(block: bytes) -> bytes:
    checksum, block = block[: _CHECKSUM.size], block[_CHECKSUM.size :]
    if checksum != _make_checksum(block):
        raise ValueError("a checksum is wrong")
    method, _, size = _HEAD.unpack_from(block)
    content = _unpack_content(method, block[_HEAD.size :], size)
    if len(content) != size:
        raise ValueError("a block has another size than it says")
    return content


def _unpack_content(method: int, packed: bytes, size: int) -> bytes:
    if method == _LZ4:
        try:
            return bytes(lz4.block.decompress(packed, uncompressed_size=size))
        except lz4.block.LZ4BlockError as error:
            raise ValueError("a block is damaged") from error
    if method == _ZSTD:
        try:
            # The library takes a frame's own word for its size, whatever it is allowed.
            if zstandard.frame_content_size(packed) not in (-1, size):
                raise ValueError("a block has another size than it says")
            return bytes(zstandard.ZstdDecompressor().decompress(packed, max_output_size=size))
        except zstandard.ZstdError as error:
            raise ValueError("a block is damaged") from error
    if method == _NONE:
        return packed
    raise ValueError("a block is packed in a way that is not known")


def _make_checksum(block: bytes) -> bytes:
    number = CityHash128(block)
    return _CHECKSUM.pack(number >> 64, number & (1 << 64) - 1)
