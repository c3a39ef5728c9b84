"""The open topics: there is one for each released feed, and none for any other.

What was withdrawn is to be read by nobody, so its topic goes; and what is not released has none that would
tell others of it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from contextlib import closing

from kafka import KafkaAdminClient

from urbanlab.contract.records import Feed
from urbanlab_services.kafka_options import make_admin_options
from urbanlab_services.service import ServiceSettings

logger = logging.getLogger(__name__)

PREFIX = "open."
OPEN_DAYS = 7  # as a feed's own topic; the warehouse keeps what is older
DAY_MS = 24 * 3600 * 1000


class OpenTopics:
    """Makes and deletes them."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._done: tuple[frozenset[str], frozenset[str]] | None = None

    def follow(self, released: Collection[str], feeds: Mapping[str, Feed]) -> None:
        """Let there be the topics that are `released`, for those whose feeds are known; raise `KafkaError`."""
        wanted = frozenset(released), frozenset(feeds)
        if wanted == self._done:
            return
        self._done = None
        with closing(KafkaAdminClient(**make_admin_options(self._settings, "ingest"))) as admin:
            existing = {topic for topic in admin.list_topics() if topic.startswith(PREFIX)}
            withdrawn = sorted(existing - wanted[0])
            if withdrawn:
                admin.delete_topics(withdrawn)
                logger.info("open topics deleted", extra={"topics": withdrawn})
            for topic in sorted((wanted[0] & wanted[1]) - existing):
                admin.create_topics({topic: {"configs": _make_config(feeds[topic])}}, wait_for_metadata=True)
                logger.info("open topic made", extra={"topic": topic})
        self._done = wanted

    def look_again(self) -> None:
        """Compare with what there is at the next call, whatever was done before."""
        self._done = None


def _make_config(feed: Feed) -> dict[str, str]:
    days = min(OPEN_DAYS, feed.keep_days or OPEN_DAYS)
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(days * DAY_MS),
        "message.timestamp.type": "LogAppendTime",
    }
