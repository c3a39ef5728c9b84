"""Errors behind rows: a mark that no row can contain by chance, as ClickHouse writes and its clients detect it."""

from __future__ import annotations

MARK = b"__exception__"
TAG_HEADER = "X-ClickHouse-Exception-Tag"


def encode_late_error(tag: str, text: str) -> bytes:
    """Return what is written behind the rows that came before the error."""
    message, mark = text.encode(), tag.encode()
    head = b"\r\n%s\r\n%s\r\n" % (MARK, mark)
    return head + b"%s%d %s\r\n%s\r\n" % (message, len(message), mark, MARK)


class LateErrors:
    """Takes an answer piece by piece, and tells rows from an error behind them."""

    def __init__(self, tag: str) -> None:
        """Know the tag that the answer's head names; without one no error is found."""
        self._mark = b"\r\n%s\r\n%s\r\n" % (MARK, tag.encode()) if tag else b""
        self._kept = b""
        self._said: bytes | None = None

    def feed(self, data: bytes) -> bytes:
        """Take a piece and return what of it are rows for sure."""
        if not self._mark:
            return data
        if self._said is not None:
            self._said += data
            return b""
        data = self._kept + data
        begin = data.find(self._mark)
        if begin >= 0:
            self._kept, self._said = b"", data[begin + len(self._mark) :]
            return data[:begin]
        # The mark may have begun at the end of the piece.
        end = max(0, len(data) - len(self._mark) + 1)
        self._kept = data[end:]
        return data[:end]

    def finish(self) -> bytes:
        """Return the last rows."""
        kept, self._kept = self._kept, b""
        return kept

    @property
    def error(self) -> str | None:
        """What was said behind the rows, if anything was."""
        if self._said is None:
            return None
        return self._said.partition(b"\r\n" + MARK)[0].rpartition(b"\n")[0].decode("utf-8", "replace")
