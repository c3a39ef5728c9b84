"""How requests and answers are packed: gzip, deflate, lz4 frames, zstd, brotli and ClickHouse's own blocks."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import brotli
import lz4.frame
import zstandard

from urbanlab_services.warehouse.errors import BAD_REQUEST, TOO_LARGE, WarehouseError
from urbanlab_services.warehouse.native_coding import NativeDecoder, NativeEncoder

CODINGS = ("lz4", "zstd", "br", "gzip", "deflate")  # the first that a client takes is used
OWN_CODING = "clickhouse"  # asked for by an argument: no header names it
_GZIP, _ZLIB, _ANY = 31, 15, 47
# One piece of input cannot become more than some megabytes of output.
_SLICES = {"zstd": 1 << 10, "lz4": 1 << 15, "br": 1 << 8, "gzip": 1 << 13, "deflate": 1 << 13}
_BROTLI_QUALITY = 1
_BROTLI_BYTES = 32 << 20  # of one piece: here a few bytes can stand for any number


class Encoder(Protocol):
    """Makes the coded stream."""

    def encode(self, data: bytes) -> bytes:
        """Return what can be sent after taking `data`."""

    def finish(self) -> bytes:
        """Return the rest."""


class _Lz4Encoder:
    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._begin = self._frame.begin()

    def encode(self, data: bytes) -> bytes:
        begin, self._begin = self._begin, b""
        return bytes(begin + self._frame.compress(data))

    def finish(self) -> bytes:
        return bytes(self._begin + self._frame.flush())


class _ObjectEncoder:
    """For libraries whose object has `compress` and `flush`."""

    def __init__(self, coding: str) -> None:
        self._object: Any
        if coding == "zstd":
            self._object = zstandard.ZstdCompressor(level=1).compressobj()
        else:
            self._object = zlib.compressobj(1, wbits=_GZIP if coding == "gzip" else _ZLIB)

    def encode(self, data: bytes) -> bytes:
        return bytes(self._object.compress(data))

    def finish(self) -> bytes:
        return bytes(self._object.flush())


class _BrotliEncoder:
    def __init__(self) -> None:
        self._object = brotli.Compressor(quality=_BROTLI_QUALITY)

    def encode(self, data: bytes) -> bytes:
        return bytes(self._object.process(data))

    def finish(self) -> bytes:
        return bytes(self._object.finish())


class _PlainEncoder:
    def encode(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


def make_encoder(coding: str) -> Encoder:
    """Return the encoder of a coding; the empty one leaves everything as it is."""
    if not coding:
        return _PlainEncoder()
    own: dict[str, Callable[[], Encoder]] = {
        "lz4": _Lz4Encoder,
        "br": _BrotliEncoder,
        OWN_CODING: NativeEncoder,
    }
    return own[coding]() if coding in own else _ObjectEncoder(coding)


def choose_coding(accepted: str) -> str:
    """Return the coding for an ``Accept-Encoding`` header, or nothing."""
    offered = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
    return next((coding for coding in CODINGS if coding in offered), "")


async def decode(source: AsyncIterator[bytes], coding: str) -> AsyncIterator[bytes]:
    """Yield the content of a coded stream, whose frames may follow each other.

    Raises `WarehouseError` for an unknown coding and for a stream that is damaged or cut short.
    """
    if coding in ("", "identity"):
        async for piece in source:
            yield piece
        return
    if coding == OWN_CODING:
        async for piece in _decode_blocks(source):
            yield piece
        return
    if coding not in _SLICES:
        known = ", ".join(CODINGS)
        raise WarehouseError(BAD_REQUEST, f"The content encoding {coding} is not known; use {known}")
    decoder, size = _Decoder(coding), _SLICES[coding]
    try:
        async for piece in source:
            for begin in range(0, len(piece), size):
                if content := decoder.decode(piece[begin : begin + size]):
                    yield content
        decoder.check_end()
    except (zlib.error, RuntimeError, EOFError, zstandard.ZstdError, brotli.error) as error:
        raise WarehouseError(BAD_REQUEST, f"The request's body is no valid {coding} stream") from error


async def _decode_blocks(source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    decoder = NativeDecoder()
    try:
        async for piece in source:
            for content in decoder.decode(piece):
                if content:
                    yield content
        decoder.check_end()
    except ValueError as error:
        message = f"The request's body is not packed in ClickHouse's way: {error}"
        raise WarehouseError(BAD_REQUEST, message) from error


class _Brotli:
    """Brotli's decompressor, as the other libraries' look; nothing follows its end."""

    eof, unused_data = False, b""

    def __init__(self) -> None:
        self._object = brotli.Decompressor()

    def decompress(self, data: bytes) -> bytes:
        content = bytes(self._object.process(data, output_buffer_limit=_BROTLI_BYTES))
        if not self._object.can_accept_more_data():
            raise WarehouseError(
                TOO_LARGE,
                f"The request's body is packed too tightly: some bytes of it hold more than "
                f"{_BROTLI_BYTES >> 20} MiB; use another content encoding",
            )
        self.eof = self._object.is_finished()
        return content


class _Decoder:
    """Starts anew at the end of each frame."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._object = self._make()
        self._is_fresh = True

    def decode(self, data: bytes) -> bytes:
        parts = []
        while data:
            self._is_fresh = False
            parts.append(self._object.decompress(data))
            data = b""
            if self._object.eof:
                data, self._object, self._is_fresh = self._object.unused_data, self._make(), True
        return b"".join(parts)

    def check_end(self) -> None:
        if not self._is_fresh:
            raise EOFError

    def _make(self) -> Any:
        if self._coding == "lz4":
            return lz4.frame.LZ4FrameDecompressor()
        if self._coding == "zstd":
            return zstandard.ZstdDecompressor().decompressobj()
        if self._coding == "br":
            return _Brotli()
        # Some clients send the bare stream as "deflate", some wrap it: both headers are found out.
        return zlib.decompressobj(_ANY)
