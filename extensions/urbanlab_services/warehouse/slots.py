"""How many statements of one tenant run at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import Gauge

from urbanlab_services.warehouse.errors import TOO_MANY_QUERIES, WarehouseError

RUNNING = Gauge("urbanlab_warehouse_running", "Statements that are being worked on")
PARALLEL = 8
PATIENCE_SECONDS = 3.0


class Slots:
    """A semaphore for each tenant; who finds none free waits a little before being refused."""

    def __init__(self, parallel: int = PARALLEL, patience: float = PATIENCE_SECONDS) -> None:
        self._parallel = parallel
        self._patience = patience
        self._semaphores: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(parallel)
        )

    @asynccontextmanager
    async def hold(self, owner: str) -> AsyncIterator[None]:
        """Hold one of the owner's slots; raise `WarehouseError` when all stay taken."""
        semaphore = self._semaphores[owner]
        try:
            # Not wait_for: it swallows a cancellation that comes in the same moment as the slot.
            async with asyncio.timeout(self._patience):
                await semaphore.acquire()
        except TimeoutError:
            raise WarehouseError(
                TOO_MANY_QUERIES,
                f"The limit on statements that run at once was reached ({self._parallel} for each tenant, "
                "max_concurrent_queries); wait until others have ended",
            ) from None
        try:
            with RUNNING.track_inprogress():
                yield
        finally:
            semaphore.release()
