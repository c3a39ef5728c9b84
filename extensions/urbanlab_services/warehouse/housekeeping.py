"""What the gateway does by itself: end what has come to its end, and keep the counts of use."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime

from urbanlab_services.warehouse.releases import Releases
from urbanlab_services.warehouse.uses import Uses

logger = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
AGAIN_SECONDS = 1.0  # where it failed
SOON_SECONDS = 0.05  # past the moment at which something ends


async def keep_house(releases: Releases, uses: Uses) -> None:
    """Do it until this is cancelled."""
    while True:
        releases.changed.clear()
        pause = await tidy(releases, uses)
        with suppress(TimeoutError):
            await asyncio.wait_for(releases.changed.wait(), pause)


async def tidy(releases: Releases, uses: Uses) -> float:
    """Do it once; return in how many seconds there is something to do again."""
    # Neither an engine that is away nor a full disk ends this for good.
    try:
        left = await releases.end_over(datetime.now(UTC))
        await uses.keep()
    except Exception:
        logger.exception("keeping house failed")
        return AGAIN_SECONDS
    return LOOK_SECONDS if left is None else min(LOOK_SECONDS, left + SOON_SECONDS)
