"""Makes pages anew whose data have changed, where their publisher wants it so."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from urbanlab.contract.naming import OPEN_DATABASE
from urbanlab_services.errors import ServiceError
from urbanlab_services.publisher.open_data import OpenData
from urbanlab_services.publisher.publications import State, Submission, now, to_text
from urbanlab_services.publisher.shelf import Shelf
from urbanlab_services.publisher.store import Store

logger = logging.getLogger(__name__)
LOOK_SECONDS = 60.0
AT_MOST = timedelta(minutes=15)  # a page is made anew for this reason, however often its data change


class DataChanges:
    """Asks the warehouse when open data were last written and makes pages due that have read older ones."""

    def __init__(self, store: Store, shelf: Shelf, open_data: OpenData) -> None:
        self._store, self._shelf, self._open_data = store, shelf, open_data
        self._looked_at = float("-inf")

    async def look(self) -> None:
        """Look, once a minute at most; where the warehouse is away nothing becomes due."""
        released = self._store.list_all_submissions(State.RELEASED)
        waiting = [each for each in released if each.application.refresh_on_change and is_free(each)]
        if not waiting or time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        try:
            written = await self._open_data.list_written()
        except ServiceError as error:
            logger.warning("whether data have changed cannot be told", extra={"reason": error.message})
            return
        for submission in waiting:
            read = {name for page in submission.pages.values() for name in self._shelf.list_datasets(page)}
            if has_changed(submission, read, written):
                self._make_due(submission.id)

    def _make_due(self, submission_id: str) -> None:
        # It may have been decided about while the warehouse was asked.
        submission = self._store.find_submission(submission_id)
        if submission is not None and submission.state is State.RELEASED:
            refresh = dataclasses.replace(submission.refresh, next_at=now())
            self._store.save_submissions(dataclasses.replace(submission, refresh=refresh))


def find_last_try(submission: Submission) -> str:
    """Return when it was last begun to make a page, well or in vain."""
    failure = submission.refresh.failure
    return max(submission.data_at or submission.submitted_at, failure.at if failure else "")


def is_free(submission: Submission) -> bool:
    """Return whether the last try is so long ago that another may follow, and none is due anyway."""
    due = submission.refresh.next_at
    oldest = to_text(datetime.now(UTC) - AT_MOST)
    return find_last_try(submission) < oldest and not (due and due <= now())


def has_changed(submission: Submission, read: Iterable[str], written: Mapping[str, str]) -> bool:
    """Return whether data that a page has read were written after its last try; `written` maps tables to when."""
    names = (name if "." in name else f"{OPEN_DATABASE}.{name}" for name in read)
    times = [written[name] for name in names if written.get(name)]
    last = datetime.fromisoformat(find_last_try(submission))
    return any(datetime.fromisoformat(moment) > last for moment in times)
