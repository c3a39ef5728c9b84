"""Puts ingest together: the loop in a thread, health and metrics beside it."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from urbanlab_services.background import run_beside
from urbanlab_services.ingest.batch import BatchWriter
from urbanlab_services.ingest.loop import IngestLoop
from urbanlab_services.ingest.mirror import Mirror
from urbanlab_services.ingest.rejected_topic import RejectedTopics
from urbanlab_services.ingest.warehouse import Warehouse
from urbanlab_services.records_watcher import RecordsWatcher
from urbanlab_services.service import Missing, ServiceSettings, make_application, serving

logger = logging.getLogger(__name__)


async def main(settings: ServiceSettings) -> None:
    """Ingest until somebody asks the process to end."""
    warehouse = Warehouse(settings.warehouse_url, "ingest", settings.secret("warehouse-ingest"))
    records = RecordsWatcher(settings.records)
    mirror = Mirror(settings, warehouse, records.tenants)
    writer = BatchWriter(warehouse, RejectedTopics(settings).send, mirror.send)
    loop = IngestLoop(settings, records, writer, mirror)

    async def find_missing() -> Missing:
        return loop.find_missing()

    async with only_one(settings.state), serving(make_application([], find_missing), settings):
        await run_beside(loop.run)


@asynccontextmanager
async def only_one(directory: Path) -> AsyncIterator[None]:
    """Hold the lock of `directory` while the block runs; the operating system frees it when a process dies.

    Two at a time could both find a key missing and insert it twice.
    """
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _try_lock(descriptor):
            logger.warning("another process is ingesting; waiting for it to end")
            await asyncio.sleep(1)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
