"""Seats in action: sessions are prepared for who is next, and ended for who has left."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from urbanlab.contract.live import READY, LiveSeat, make_page_name
from urbanlab_services.errors import NotFoundError, TooManyRequestsError
from urbanlab_services.publisher.bundles import Bundles
from urbanlab_services.publisher.live.runner import LiveRunner
from urbanlab_services.publisher.live.seats import FullError, Seat, Seats
from urbanlab_services.publisher.parameters import list_variants, to_notebook_values
from urbanlab_services.publisher.publications import State, Submission
from urbanlab_services.publisher.runner_client import RunnerGoneError
from urbanlab_services.publisher.store import Store

logger = logging.getLogger(__name__)
LOOK_SECONDS = 1.0


class LiveViews:
    """What the portal asks for. Nothing here comes from a visitor but the choice among declared variants."""

    def __init__(
        self, store: Store, bundles: Bundles, runner: LiveRunner, seats: Seats | None = None
    ) -> None:
        self._store, self._bundles, self._runner = store, bundles, runner
        self._seats = seats or Seats()
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None

    def take(self, tenant: str, slug: str, variant: str) -> LiveSeat:
        """Return a new seat; raise `NotFoundError` for what offers no view, `TooManyRequestsError` if full."""
        submission = self._find_released(tenant, slug)
        if submission is None or not submission.live:
            raise NotFoundError("There is no such interactive view.")
        if variant not in list_variants(submission.application.parameters):
            raise NotFoundError("There is no such variant.")
        try:
            seat = self._seats.take(tenant, slug, variant, submission.id, time.monotonic())
        except FullError:
            raise TooManyRequestsError("The queue is full.", retry_after=30) from None
        self._admit()
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look_after())
        return self._seats.describe(seat)

    def get(self, seat_id: str) -> LiveSeat:
        """Return a seat; raise `NotFoundError` for one that nobody knows any more."""
        return self._seats.describe(self._get(seat_id))

    def release(self, seat_id: str) -> None:
        """Give a seat up; raise `NotFoundError`."""
        self._end(self._get(seat_id), "left")

    def _get(self, seat_id: str) -> Seat:
        seat = self._seats.find(seat_id, time.monotonic())
        if seat is None:
            raise NotFoundError("There is no such seat.")
        return seat

    def _find_released(self, tenant: str, slug: str) -> Submission | None:
        released = self._store.list_submissions(tenant, State.RELEASED)
        return next((each for each in released if each.slug == slug), None)

    def _admit(self) -> None:
        for seat in self._seats.admit(time.monotonic()):
            self._begin(self._prepare(seat))

    def _end(self, seat: Seat, reason: str) -> None:
        if self._seats.end(seat, reason, time.monotonic()):
            if seat.session_id:
                self._begin(self._runner.end(seat.runner, seat.session_id))
            self._admit()

    async def _prepare(self, seat: Seat) -> None:
        submission = self._find_released(seat.tenant, seat.slug)
        try:
            if submission is None or submission.id != seat.submission_id:
                raise RunnerGoneError("the page has changed meanwhile")
            task = self._make_task(submission, seat.variant)
            seat.runner, seat.session_id = await self._runner.prepare(seat.tenant, task)
            if not seat.reason:  # nobody has left meanwhile
                seat.ticket, seat.key = await self._runner.wait(seat.runner, seat.session_id)
        except (RunnerGoneError, ValueError, KeyError, TypeError, OSError) as error:
            logger.warning("no session", extra={"tenant": seat.tenant, "reason": str(error)})
            self._end(seat, "failed")
            return
        if seat.reason:
            seat.ticket = seat.key = ""
            await self._runner.end(seat.runner, seat.session_id)
        else:
            seat.state = READY

    def _make_task(self, submission: Submission, variant: str) -> dict[str, Any]:
        application = submission.application
        values = list_variants(application.parameters)[variant]
        return {
            "page": make_page_name(submission.tenant, submission.slug),
            "notebook": self._bundles.load(submission.notebook),
            "parameters": to_notebook_values(application.parameters, values),
            "title": application.title,
            "language": application.language,
        }

    async def _look_after(self) -> None:
        while self._seats.list_living():
            await asyncio.sleep(LOOK_SECONDS)
            for seat, reason in self._seats.list_overdue(time.monotonic()):
                self._end(seat, reason)
            for seat in self._seats.list_living():
                released = self._find_released(seat.tenant, seat.slug)
                # What was withdrawn or replaced is public no more, so nobody goes on looking at it.
                if released is None or released.id != seat.submission_id:
                    self._end(seat, "ended")

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
