"""How often pages are read, day by day; nothing about who reads them. Kept until the publisher has it."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import json
import logging
import uuid
from collections import Counter
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from urbanlab.contract.files import write_whole
from urbanlab.contract.publications import PublicTenant
from urbanlab.contract.readers import MAX_COUNTS, Count, Counts, decode_counts

logger = logging.getLogger(__name__)

MAX_KEPT = 50_000  # pages, days and kinds, while the publisher is away
_Key = tuple[str, str, str, str]


class ReaderCounts:
    """Counts in memory, of which `save` keeps a copy on the disk.

    What is being sent is sealed: it has an id and changes no more until the publisher has taken it.
    """

    def __init__(self, state: Path) -> None:
        self._path = state / "counts.json"
        self._open: Counter[_Key] = Counter()
        self._sealed: Counts | None = None
        self._is_saved = True
        state.mkdir(parents=True, exist_ok=True)
        self._load()

    def note(self, tenant: PublicTenant, slug: str, kind: str) -> None:
        """Count something that happens now."""
        day = datetime.now(_find_zone(tenant.time_zone)).date().isoformat()
        key = (tenant.id, slug, day, kind)
        if key in self._open or len(self._open) < MAX_KEPT:
            self._open[key] += 1
            self._is_saved = False

    def seal(self) -> Counts | None:
        """Return what is to be sent now, the same until it is settled; None where there is nothing."""
        if self._sealed is None and self._open:
            keys = sorted(self._open)[:MAX_COUNTS]
            counts = tuple(Count(*key, number=self._open.pop(key)) for key in keys)
            self._sealed = Counts(uuid.uuid4().hex, counts)
            self._is_saved = False
        return self._sealed

    def settle(self) -> None:
        """Forget what was sealed: it has arrived."""
        self._sealed, self._is_saved = None, False

    async def save(self) -> None:
        """Write all of it, if there is anything new."""
        if not self._is_saved:
            self._is_saved = True
            try:
                await asyncio.to_thread(write_whole, self._path, self._encode())
            except OSError:
                self._is_saved = False
                raise

    def _encode(self) -> bytes:
        sealed = dataclasses.asdict(self._sealed) if self._sealed else None
        rows = [[*key, number] for key, number in self._open.items()]
        return json.dumps({"sealed": sealed, "open": rows}).encode()

    def _load(self) -> None:
        try:
            values = json.loads(self._path.read_bytes())
            self._open = Counter(
                {(str(t), str(s), str(d), str(k)): int(n) for t, s, d, k, n in values["open"]}
            )
            if values["sealed"]:
                self._sealed = decode_counts(json.dumps(values["sealed"]).encode())
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError):
            logger.warning("the kept numbers cannot be read and begin anew")


@functools.lru_cache(maxsize=100)
def _find_zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
