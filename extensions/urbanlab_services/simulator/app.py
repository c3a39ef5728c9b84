"""Puts the simulator together: the sender in a thread, health and metrics beside it."""

from __future__ import annotations

from urbanlab_services.background import run_beside
from urbanlab_services.records_watcher import RecordsWatcher
from urbanlab_services.service import Missing, ServiceSettings, make_application, serving
from urbanlab_services.simulator.sender import Sender


async def main(settings: ServiceSettings) -> None:
    """Simulate until somebody asks the process to end."""
    sender = Sender(settings, RecordsWatcher(settings.records))

    async def find_missing() -> Missing:
        return sender.find_missing()

    async with serving(make_application([], find_missing), settings):
        await run_beside(sender.run)
