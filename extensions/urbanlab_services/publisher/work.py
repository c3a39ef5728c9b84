"""What goes on beside the requests: executing, refreshing, and bringing shelf and warehouse in line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from urbanlab_services.publisher.data_changes import DataChanges
from urbanlab_services.publisher.data_desk import DataDesk
from urbanlab_services.publisher.life_span import Endings
from urbanlab_services.publisher.mail_queue import MailQueue
from urbanlab_services.publisher.notices import Notices
from urbanlab_services.publisher.publications import now
from urbanlab_services.publisher.readers import Readers
from urbanlab_services.publisher.refresh import Refreshes
from urbanlab_services.publisher.shelving import Shelving
from urbanlab_services.publisher.submissions import Submissions

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
TIDY_SECONDS = 3600.0


class Work:
    """Runs until it is cancelled; one piece of work a submission at a time."""

    def __init__(
        self,
        submissions: Submissions,
        refreshes: Refreshes,
        shelving: Shelving,
        data: DataDesk,
        endings: Endings,
        notices: Notices,
        readers: Readers,
        changes: DataChanges,
    ) -> None:
        self._submissions, self._refreshes = submissions, refreshes
        self._shelving, self._data = shelving, data
        self._endings, self._notices, self._readers = endings, notices, readers
        self._changes = changes
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._look = asyncio.Event()

    @property
    def mails(self) -> MailQueue:
        """What is to be sent."""
        return self._notices.queue

    def execute(self, submission_id: str) -> None:
        """Begin to execute a submission."""
        self._begin(submission_id, self._submissions.execute(submission_id))

    async def cancel(self, submission_ids: Collection[str]) -> None:
        """Give up what is being executed or refreshed for these submissions."""
        tasks = [task for submission_id, task in self._tasks.items() if submission_id in submission_ids]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def look_for_due(self) -> None:
        """Look at once for what is due."""
        self._look.set()

    async def run(self) -> None:
        """Make good what the last process left open, then work by schedule until this is cancelled."""
        try:
            self._shelving.show_all()
            for submission_id in self._submissions.list_unfinished():
                self.execute(submission_id)
            await asyncio.gather(self._look_regularly(), self._tidy_regularly(), self._mail_regularly())
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _look_regularly(self) -> None:
        while True:
            self._look.clear()
            try:
                self._shelving.show_all()
                await self._changes.look()
                for submission_id in self._refreshes.list_due():
                    if submission_id not in self._tasks:
                        self._begin(submission_id, self._refreshes.refresh(submission_id))
                await self._data.open_data.retry()
                self._data.end_over(now())
                self._endings.look()
            # A full disk must not end the schedule for good: what failed is logged and tried again.
            except Exception:
                logger.exception("looking for work failed")
            try:
                await asyncio.wait_for(self._look.wait(), LOOK_SECONDS)
            except TimeoutError:
                continue

    async def _mail_regularly(self) -> None:
        while True:
            try:
                self._notices.look()
                await self.mails.send_due()
            # As above: what could not be told now is told later.
            except Exception:
                logger.exception("mailing failed")
            await asyncio.sleep(LOOK_SECONDS)

    async def _tidy_regularly(self) -> None:
        while True:
            try:
                self._shelving.collect()
                self._readers.tidy()
            except (OSError, SQLAlchemyError):
                logger.exception("tidying failed")
            await asyncio.sleep(TIDY_SECONDS)

    def _begin(self, submission_id: str, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks[submission_id] = asyncio.create_task(work)
        task.add_done_callback(lambda done: self._end(submission_id, done))

    def _end(self, submission_id: str, task: asyncio.Task[None]) -> None:
        del self._tasks[submission_id]
        if not task.cancelled() and (error := task.exception()):
            logger.error("work failed", exc_info=error, extra={"submission": submission_id})
