"""Work beside a service's web server: it ends with the service, and the service with it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from urbanlab_services.service import wait_for_stop

logger = logging.getLogger(__name__)

END_SECONDS = 8.0


async def run_until_stop(*work: Coroutine[Any, Any, None]) -> None:
    """Run `work` in the event loop until the process is asked to end; raise what any of it raises.

    A service whose work has died would look healthy; one that ends is started again.
    """
    asked = asyncio.create_task(wait_for_stop())
    tasks = [asked, *(asyncio.create_task(each) for each in work)]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        if error := task.exception():
            logger.critical("background work failed", exc_info=error)
            raise error


async def run_beside(work: Callable[[threading.Event], None]) -> None:
    """Run blocking `work` in a thread until the process is asked to end; raise what `work` raises.

    The thread is a daemon: a call that waits for a part that is away must not keep the process.
    """
    stop = threading.Event()
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def run() -> None:
        try:
            work(stop)
        except BaseException as error:
            logger.critical("background work failed", exc_info=error)
            loop.call_soon_threadsafe(ended.set_exception, error)
        else:
            loop.call_soon_threadsafe(ended.set_result, None)

    threading.Thread(target=run, name="background", daemon=True).start()
    asked = asyncio.create_task(wait_for_stop())
    await asyncio.wait([asked, ended], return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    stop.set()
    done, _ = await asyncio.wait([ended], timeout=END_SECONDS)
    if not done:
        logger.warning("background work did not end in time")
    for future in done:
        future.result()
