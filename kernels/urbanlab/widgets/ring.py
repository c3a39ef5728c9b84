"""The fixed memory of a tail: the last messages, and which of them the browser has not been given yet."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from urbanlab.messages import Message
from urbanlab.widgets.filters import Filter

# Per message at most so much goes to the browser, whatever somebody sends.
MAX_FIELDS = 24
MAX_TEXT = 200

Row = dict[str, Any]


class Ring:
    """Keeps the last `keep` messages and the last `keep` of those that pass the filter.

    Memory and what one batch holds are bounded by `keep`, at any input rate: what is pushed out before
    it was sent is counted, not sent.
    """

    def __init__(self, keep: int, passes: Filter, fields: Sequence[str] | None) -> None:
        self.keep = keep
        self._lock = threading.Lock()
        self._all: deque[Message] = deque(maxlen=keep)
        self._passed: deque[Message] = deque(maxlen=keep)
        self._passes = passes
        self.fields = fields
        self._unsent = 0
        self.received = 0

    def add(self, messages: Iterable[Message]) -> None:
        """Take messages in."""
        with self._lock:
            for message in messages:
                self.received += 1
                self._all.append(message)
                if self._passes(message):
                    self._passed.append(message)
                    self._unsent = min(self._unsent + 1, len(self._passed))

    def filter(self, passes: Filter) -> None:
        """Use another filter from now on, and for what is kept."""
        with self._lock:
            self._passes = passes
            kept = [message for message in self._all if passes(message)]
            self._passed = deque(kept, maxlen=self._all.maxlen)
            self._unsent = len(kept)

    def take_new(self) -> list[Row]:
        """Return what has passed since the last call."""
        with self._lock:
            new = list(self._passed)[len(self._passed) - self._unsent :]
            self._unsent = 0
        return [self._to_row(message) for message in new]

    def take_all(self) -> list[Row]:
        """Return everything kept, for a view that has just opened."""
        with self._lock:
            kept = list(self._passed)
            self._unsent = 0
        return [self._to_row(message) for message in kept]

    def peek_rows(self, count: int) -> list[Row]:
        """Return the last `count` that passed as rows, and leave them unsent."""
        return [self._to_row(message) for message in self.peek(count)]

    def peek(self, count: int) -> list[Message]:
        """Return the last `count` that passed, and leave them unsent."""
        with self._lock:
            return list(self._passed)[-count:]

    def _to_row(self, message: Message) -> Row:
        value = message.value or {}
        names = self.fields if self.fields is not None else list(value)[:MAX_FIELDS]
        return {
            "id": f"{message.partition}-{message.offset}",
            "time": message.time.timestamp() * 1000,
            "key": _cut(message.key),
            "value": {name: _plain(value.get(name)) for name in names},
            "error": message.error,
            "raw": _cut(message.raw.decode("utf-8", "replace")) if message.error else "",
        }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        # JSON has no infinity, and the browser no whole numbers beyond 2**53.
        return value if abs(value) < 2**53 else str(value)[:MAX_TEXT]
    return _cut(value if isinstance(value, str) else str(value))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
