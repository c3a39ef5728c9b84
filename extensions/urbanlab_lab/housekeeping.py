"""What a person's server does by itself: measures the home, empties the trash, keeps shared folders in order."""

from __future__ import annotations

import asyncio
from typing import Any

from tornado.ioloop import PeriodicCallback

from urbanlab_lab.contents import UrbanContentsManager
from urbanlab_lab.kernels import note_running_cells

MINUTE = 60 * 1000  # milliseconds
HOME_MINUTES, TRASH_MINUTES = 5, 6 * 60


def keep_house(server: Any) -> None:
    """Do everything once, and again as long as the server runs."""
    contents = server.contents_manager
    contents.trash.ensure()
    contents.shared.ensure_links()

    async def look_at_home() -> None:
        await asyncio.to_thread(contents.shared.hand_down_all)
        await contents.home_use.measure()

    async def empty_trash() -> None:
        await purge_trash(contents)

    for job, minutes in ((look_at_home, HOME_MINUTES), (empty_trash, TRASH_MINUTES)):
        server.io_loop.add_callback(job)
        PeriodicCallback(job, minutes * MINUTE).start()
    PeriodicCallback(lambda: note_running_cells(server), MINUTE).start()


async def purge_trash(contents: UrbanContentsManager) -> None:
    """Delete what has been in the trash for long enough."""
    deleted = await asyncio.to_thread(contents.trash.purge)
    if deleted:
        contents.log.info(
            "Deleted %s entries of the trash that were older than %s days", deleted, contents.trash.days
        )
