"""Where the text of a statement ends and the rows of an insert begin.

Only this is decided here: what is taken for the text is read by the engine itself, which refuses what is none.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

from urbanlab_services.warehouse.errors import SYNTAX_ERROR, WarehouseError

MAX_STATEMENT_BYTES = 262_144  # as in ClickHouse (max_query_size)

_TOKEN = re.compile(
    rb"(?P<space>\s+|--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)"
    rb"|(?P<word>[A-Za-z_]\w*)"
    rb"|(?P<quoted>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`(?:[^`\\]|\\.|``)*`)"
    rb"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<other>.)",
    re.DOTALL,
)
_NEWLINE = re.compile(rb"[ \t\f]*\r?\n?")


def find_rows(text: bytes) -> int | None:
    """Return where the rows of an insert begin in `text`; None if it is none, or its rows are not in sight."""
    words = _words(text)
    for wanted in (b"INSERT", b"INTO"):
        if next(words, (b"", 0))[0] != wanted:
            return None
    is_name = True  # what follows INTO names the table, whatever it is called
    for word, end in words:
        if is_name:
            is_name = word in (b"TABLE", b".")
            continue
        if word == b".":
            is_name = True
        elif word == b"VALUES":
            return end
        elif word in (b"SELECT", b"WITH", b"FROM", b"WATCH"):
            return None
        elif word == b"FORMAT":
            return _find_format_end(text, end)
    return None


def _find_format_end(text: bytes, position: int) -> int | None:
    for match in _TOKEN.finditer(text, position):
        if match.lastgroup == "word":
            # A word that ends where the text does may go on in the next piece.
            return None if match.end() == len(text) else _skip_newline(text, match.end())
        if match.lastgroup != "space":
            return None
    return None


def _skip_newline(text: bytes, position: int) -> int:
    # Exactly one: a block of ten columns begins with a byte that is a newline too.
    match = _NEWLINE.match(text, position)
    return match.end() if match else position


def _words(text: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield what stands outside brackets, in capitals, with where it ends."""
    depth = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        depth += (kind == "open") - (kind == "close")
        if depth == 0 and kind not in ("space", "close"):
            yield match[0].upper(), match.end()


async def split_statement(query: str, body: AsyncIterator[bytes]) -> tuple[str, AsyncIterator[bytes]]:
    """Return the statement and the rows that follow it, from the argument `query` and the request's body."""
    given = query.encode()
    end = find_rows(given + b"\n") if given else None
    if end is not None:
        return _decode(given[:end]), _chain(given[end:], body)
    buffer = bytearray(given + b"\n" if given else b"")
    looked_at = 0
    async for piece in body:
        buffer += piece
        # A body that comes in crumbs is not read anew for each of them.
        if len(buffer) <= min(2 * looked_at, MAX_STATEMENT_BYTES):
            continue
        looked_at = len(buffer)
        text = bytes(buffer[:MAX_STATEMENT_BYTES])
        end = find_rows(text)
        if end is not None:
            return _decode(text[:end]), _chain(bytes(buffer[end:]), body)
        if len(buffer) > MAX_STATEMENT_BYTES:
            raise WarehouseError(
                SYNTAX_ERROR, f"The statement is longer than {MAX_STATEMENT_BYTES} bytes (max_query_size)"
            )
    # The last word may be the format's name: an insert without rows.
    text = bytes(buffer)
    end = find_rows(text + b"\n")
    if end is None:
        return _decode(text), _chain(b"", body)
    return _decode(text[:end]), _chain(text[end:], body)


def _decode(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise WarehouseError(SYNTAX_ERROR, "The statement is not UTF-8") from error


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in rest:
        yield piece
