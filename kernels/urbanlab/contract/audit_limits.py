"""How often one person's refusals are written down: a flood of them is told by its size."""

from __future__ import annotations

import threading
import time

PER_MINUTE = 20
MAX_KEYS = 10_000

Key = tuple[str, ...]


class Limits:
    """Lets some through in each minute, counts the others."""

    def __init__(self, per_minute: int = PER_MINUTE) -> None:
        self._per_minute = per_minute
        self._lock = threading.Lock()
        self._seen: dict[Key, tuple[float, int]] = {}  # key -> since when, how many
        self._suppressed: dict[Key, int] = {}

    def count(self, key: Key, now: float | None = None) -> int | None:
        """Return None for one too many, else how many of this key were too many since the last that was not."""
        now = time.monotonic() if now is None else now
        with self._lock:
            since, seen = self._seen.get(key, (now, 0))
            if now - since >= 60:
                since, seen = now, 0
            if seen >= self._per_minute or self._is_full(key, now):
                self._suppressed[key] = self._suppressed.get(key, 0) + 1
                return None
            self._seen[key] = (since, seen + 1)
            return self._suppressed.pop(key, 0)

    def _is_full(self, key: Key, now: float) -> bool:
        if key in self._seen or len(self._seen) < MAX_KEYS:
            return False
        self._seen = {each: entry for each, entry in self._seen.items() if now - entry[0] < 60}
        return len(self._seen) >= MAX_KEYS
