"""The feeds that are followed, each in a lane of its own: one that fails waits without holding up the others."""

from __future__ import annotations

import time
from dataclasses import dataclass

from urbanlab.contract.naming import make_topic
from urbanlab.contract.records import Feed, Tenant

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0


@dataclass
class Lane:
    """One feed of one tenant; `retry_at` is when it may be tried again after a failure."""

    tenant: str
    feed: Feed
    retry_at: float = 0.0
    pause: float = FIRST_PAUSE

    def note_failure(self) -> None:
        """Wait, longer each time."""
        self.retry_at = time.monotonic() + self.pause
        self.pause = min(LONGEST_PAUSE, self.pause * 2)

    def note_success(self) -> None:
        """Begin anew with a short pause."""
        self.pause, self.retry_at = FIRST_PAUSE, 0.0

    @property
    def failed(self) -> bool:
        """Whether the last try failed."""
        return self.retry_at > 0

    def is_waiting(self) -> bool:
        """Return whether it is too early to try again."""
        return self.retry_at > time.monotonic()


class Lanes:
    """All lanes by topic, kept in line with the tenants."""

    def __init__(self) -> None:
        self.by_topic: dict[str, Lane] = {}

    def follow(self, tenants: dict[str, Tenant]) -> None:
        """Take in new feeds, changed declarations, and drop what is gone."""
        wanted = {
            make_topic(tenant.id, feed.name): (tenant.id, feed)
            for tenant in tenants.values()
            for feed in tenant.feeds
        }
        for topic, (tenant, feed) in wanted.items():
            lane = self.by_topic.setdefault(topic, Lane(tenant, feed))
            lane.feed = feed
        self.by_topic = {topic: self.by_topic[topic] for topic in wanted}

    def count_failed(self) -> int:
        """Return how many feeds are failing at the moment."""
        return sum(lane.failed for lane in self.by_topic.values())
