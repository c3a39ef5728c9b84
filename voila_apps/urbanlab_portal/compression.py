"""Contents ready to be sent: compressed once, kept in bounded memory, and made by one even if many ask."""

from __future__ import annotations

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from urbanlab.contract.publications import make_digest

LEVEL = 6
MIN_BYTES = 500  # below it a packet is a packet
PACKABLE = (
    *("text/", "image/svg", "application/json", "application/ld+json"),
    *("application/xml", "application/atom+xml"),
)


@dataclass(frozen=True)
class Content:
    """The bytes of an answer and how they may be sent; `packed` is empty where packing gains nothing."""

    body: bytes
    packed: bytes
    media_type: str
    digest: str

    @property
    def size(self) -> int:
        """Return what it takes in memory."""
        return len(self.body) + len(self.packed)


def make_content(body: bytes, media_type: str) -> Content:
    """Return a content with its compressed form."""
    packed = b""
    if len(body) >= MIN_BYTES and media_type.startswith(PACKABLE):
        packed = gzip.compress(body, LEVEL, mtime=0)
    if len(packed) > 0.95 * len(body):
        packed = b""
    return Content(body, packed, media_type, make_digest(body)[:32])


class Contents:
    """The contents that were asked for last, up to a number of bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Hashable, Content] = OrderedDict()
        self._made: dict[Hashable, asyncio.Future[Content]] = {}
        # Two at once: visitors are served meanwhile, and memory stays bounded.
        self._makers = ThreadPoolExecutor(2, thread_name_prefix="contents")
        self.size = 0

    def find(self, key: Hashable) -> Content | None:
        """Return a content that is kept, or None."""
        content = self._kept.get(key)
        if content is not None:
            self._kept.move_to_end(key)
        return content

    async def get(self, key: Hashable, make: Callable[[], Content]) -> Content:
        """Return the content of `key`, made by `make` in a thread if it is not kept; raise what `make` does."""
        content = self.find(key)
        if content is not None:
            return content
        making = self._made.get(key)
        if making is None:
            making = asyncio.get_running_loop().run_in_executor(self._makers, make)
            self._made[key] = making
            making.add_done_callback(lambda done: self._finish(key, done))
        # A visitor who leaves must not end it for the others.
        return await asyncio.shield(making)

    def keep(self, key: Hashable, content: Content) -> None:
        """Keep a content, and let go of those that were asked for longest ago."""
        if content.size > self._max_bytes // 2 or key in self._kept:
            return  # it would push out everything else
        self._kept[key] = content
        self.size += content.size
        while self.size > self._max_bytes:
            self.size -= self._kept.popitem(last=False)[1].size

    def _finish(self, key: Hashable, done: asyncio.Future[Content]) -> None:
        del self._made[key]
        if not done.cancelled() and done.exception() is None:
            self.keep(key, done.result())
