"""How often one person's refusals are written down: a flood of them is told by its size."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from urbanlab.contract.audit import Entry

PER_MINUTE = 20
MAX_KEYS = 10_000

Key = tuple[str, str, str]  # event, tenant, person


@dataclass(frozen=True)
class Flood:
    """What was held back: how many entries, and the last of them."""

    count: int
    last: Entry


class Limits:
    """Lets some entries of each person through in each minute, and holds back and counts the others.

    Of more than `MAX_KEYS` in a minute, those that come last are one to it, in each tenant.
    """

    def __init__(self, per_minute: int = PER_MINUTE) -> None:
        self._per_minute = per_minute
        self._lock = threading.Lock()
        self._seen: dict[Key, tuple[float, int]] = {}  # key -> since when, how many
        self._floods: dict[Key, Flood] = {}

    def count(self, entry: Entry, now: float | None = None) -> int | None:
        """Return None for one too many, else how many of the same were too many since the last that was not."""
        now = time.monotonic() if now is None else now
        with self._lock:
            key = self._find_key(entry, now)
            since, seen = (now, 0) if self._is_over(key, now) else self._seen[key]
            held = self._floods.get(key)
            if seen >= self._per_minute:
                self._floods[key] = Flood(held.count + 1 if held else 1, entry)
                return None
            self._seen[key] = (since, seen + 1)
            self._floods.pop(key, None)
            return held.count if held else 0

    def take_ended(self, now: float | None = None) -> list[Flood]:
        """Return, once each, the floods of which nothing was let through since their minute was over."""
        now = time.monotonic() if now is None else now
        with self._lock:
            return [self._floods.pop(key) for key in [*self._floods] if self._is_over(key, now)]

    def _is_over(self, key: Key, now: float) -> bool:
        return key not in self._seen or now - self._seen[key][0] >= 60

    def _find_key(self, entry: Entry, now: float) -> Key:
        key = (entry.event, entry.tenant, str(entry.data.get("person", "")))
        if key not in self._seen and len(self._seen) >= MAX_KEYS:
            self._seen = {each: seen for each, seen in self._seen.items() if now - seen[0] < 60}
            if len(self._seen) >= MAX_KEYS:
                return (entry.event, entry.tenant, "*")
        return key
