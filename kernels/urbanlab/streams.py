"""Messages of a topic, as they come; no widget in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from urbanlab.messages import Message
from urbanlab.session import current_session

if TYPE_CHECKING:
    from urbanlab.kafka_reader import TopicReader

__all__ = ["Message", "stream"]

POLL_SECONDS = 0.5


def stream(
    topic: str, *, last: int = 0, follow: bool = True, timeout: float | None = None
) -> Iterator[Message]:
    """Return the messages of a topic, one after the other.

    Reading changes nothing for others: no group is joined and nothing is marked as read.

    Args:
        topic: The feed, ``footfall_live``; your own is taken first, then an open one. Also in full,
            ``open.rietberg.footfall_live``.
        last: Begin with so many of the last messages.
        follow: Go on with new messages as they come; otherwise end where the topic ends now.
        timeout: End when no message has come for so many seconds; otherwise wait for ever.

    Returns:
        An iterator of `Message`, each with `time`, `key`, `value` (its fields) and where it stands. A message
        that is no JSON has the value `None` and says why in `error`.

    Raises:
        TopicNotFoundError: there is no such topic for you; the message names similar ones.
        NotReleasedError: in a publication, the feed is not released as open data.
        StreamError: Kafka does not answer or refuses.
        SessionError: this Python does not run in Urban Lab.

    Example:
        >>> for message in ul.stream("footfall_live", last=10, timeout=30):
        ...     print(message.time, message.key, message.value["persons"])
    """
    if last < 0 or (timeout is not None and timeout <= 0):
        raise ValueError("last must not be negative, and timeout must be more than 0 seconds")
    from urbanlab.kafka_reader import TopicReader

    # Connecting here and not at the first message shows a misspelt topic in the line that names it.
    reader = TopicReader(current_session(), topic)
    return _iterate(reader, last, follow, timeout)


def _iterate(reader: TopicReader, last: int, follow: bool, timeout: float | None) -> Iterator[Message]:
    with reader:
        yield from reader.read_last(last)
        heard = time.monotonic()
        while follow and (timeout is None or time.monotonic() - heard < timeout):
            messages = reader.poll(POLL_SECONDS)
            if messages:
                yield from messages
                heard = time.monotonic()
