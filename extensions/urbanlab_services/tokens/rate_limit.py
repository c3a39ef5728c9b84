"""How often one owner may ask: a bucket of tokens that fills at a steady rate."""

from __future__ import annotations

import math
import time

from urbanlab_services.errors import TooManyRequestsError


class RateLimit:
    """At most `per_minute` requests of each owner in a minute, in bursts if they like."""

    def __init__(self, per_minute: int) -> None:
        self._capacity = float(per_minute)
        self._per_second = per_minute / 60
        self._buckets: dict[str, tuple[float, float]] = {}

    def check(self, owner: str, now: float | None = None) -> None:
        """Count one request of `owner`; raise `TooManyRequestsError` if it is one too many."""
        now = time.monotonic() if now is None else now
        left, since = self._buckets.get(owner, (self._capacity, now))
        left = min(self._capacity, left + (now - since) * self._per_second)
        if left < 1:
            wait = math.ceil((1 - left) / self._per_second)
            raise TooManyRequestsError(
                f"Too many credentials were asked for; try again in {wait} s.", retry_after=wait
            )
        self._buckets[owner] = (left - 1, now)
        self._forget_idle(now)

    def _forget_idle(self, now: float) -> None:
        if len(self._buckets) > 10_000:
            # A bucket untouched for a minute is full again, as is one that does not exist.
            self._buckets = {owner: entry for owner, entry in self._buckets.items() if now - entry[1] < 60}
