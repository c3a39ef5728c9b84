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
# However large single messages are.
MAX_BYTES = 16_000_000

Row = dict[str, Any]


class _Last(deque[Message]):
    """The last messages: at most so many, and at most `MAX_BYTES` of them beyond the newest."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._bytes = 0

    def push(self, message: Message) -> None:
        """Take one in and let the oldest go."""
        self.append(message)
        self._bytes += len(message.raw)
        while len(self) > self._most or (self._bytes > MAX_BYTES and len(self) > 1):
            self._bytes -= len(self.popleft().raw)


class Ring:
    """Keeps the last `keep` messages and the last `keep` of those that pass the filter.

    Memory and what one batch holds are bounded, at any input rate: what is pushed out before it was sent is
    counted, not sent. The filter may be an analyst's own function, so it is asked outside of the lock.
    """

    def __init__(self, keep: int, passes: Filter, fields: Sequence[str] | None) -> None:
        self.keep = keep
        self._lock = threading.Lock()
        self._all = _Last(keep)
        self._passed = _Last(keep)
        self._passes = passes
        self.fields = fields
        self._unsent = 0
        self.received = 0

    def add(self, messages: Iterable[Message]) -> None:
        """Take messages in."""
        for message in messages:
            passes = self._passes
            verdict = passes(message)
            with self._lock:
                self.received += 1
                self._all.push(message)
                # Where the filter changed meanwhile, the change itself has yet to see this message.
                if verdict and passes is self._passes:
                    self._passed.push(message)
                    self._unsent = min(self._unsent + 1, len(self._passed))

    def filter(self, passes: Filter) -> None:
        """Use another filter from now on, and for what is kept."""
        with self._lock:
            self._passes = passes
            kept = list(self._all)
            self._passed.clear()
            self._unsent = 0
        chosen = [message for message in kept if passes(message)]
        with self._lock:
            newer = list(self._passed)
            self._passed = _Last(self.keep)
            for message in (*chosen, *newer):
                self._passed.push(message)
            self._unsent = len(self._passed)

    def clear(self) -> None:
        """Let everything go."""
        with self._lock:
            self._all, self._passed = _Last(self.keep), _Last(self.keep)
            self._unsent = 0

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
            "value": {_cut(name): _plain(value.get(name)) for name in names},
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
