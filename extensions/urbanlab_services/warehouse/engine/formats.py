"""How the pieces that chDB hands out become one stream.

Each piece is a complete document of its format. For formats that are a plain sequence of rows or blocks
the documents simply follow each other; ArrowStream needs its seams taken out; all other formats (JSON,
Parquet, …) are written by the engine into a file first, which bounds memory too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

SEQUENCES = frozenset(
    {
        *("Native", "RowBinary", "CSV", "TSV", "TSVRaw", "TabSeparated", "TabSeparatedRaw"),
        *("JSONEachRow", "JSONLines", "NDJSON", "JSONCompactEachRow", "JSONStringsEachRow"),
    }
)
ARROW_STREAM = "ArrowStream"

_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def is_streamable(format_: str) -> bool:
    """Whether pieces can be sent as they come."""
    return format_ in SEQUENCES or format_ == ARROW_STREAM


def join_pieces(format_: str, pieces: Iterable[memoryview]) -> Iterator[memoryview | bytes]:
    """Yield the stream that `pieces` make up."""
    return _join_arrow(pieces) if format_ == ARROW_STREAM else iter(pieces)


def encode_native_header(columns: Iterable[Sequence[str]]) -> bytes:
    """Return a Native block without rows for columns of these names and types."""
    columns = list(columns)
    parts = [_leb128(len(columns)), _leb128(0)]
    for column in columns:
        for text in column:
            data = text.encode()
            parts += [_leb128(len(data)), data]
    return b"".join(parts)


def _leb128(number: int) -> bytes:
    data = bytearray()
    while number >= 0x80:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])


def _join_arrow(pieces: Iterable[memoryview]) -> Iterator[memoryview | bytes]:
    first = True
    for piece in pieces:
        # The schema is a message without body: marker, length, metadata.
        begin = 0 if first else 8 + struct.unpack_from("<i", piece, 4)[0]
        end = len(piece) - 8 if piece[-8:] == _END_OF_STREAM else len(piece)
        first = False
        yield piece[begin:end]
    if not first:
        yield _END_OF_STREAM
