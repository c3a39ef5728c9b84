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
SOON_SECONDS = 0.05  # past the moment at which something ends


async def keep_house(releases: Releases, uses: Uses) -> None:
    """Do it until this is cancelled, at once where something ended while nobody was there."""
    while True:
        pause = LOOK_SECONDS
        releases.changed.clear()
        # Neither an engine that is away nor a full disk ends this for good.
        try:
            left = await releases.end_over(datetime.now(UTC))
            if left is not None:
                pause = min(pause, left + SOON_SECONDS)
            await uses.keep()
        except Exception:
            logger.exception("keeping house failed")
        with suppress(TimeoutError):
            await asyncio.wait_for(releases.changed.wait(), pause)
