"""Seats in action: sessions are prepared for who is next, and ended for who has left."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

from prometheus_client import Counter, Gauge

from urbanlab.contract.live import READY, LiveSeat, make_page_name
from urbanlab.contract.ranges import parse_variant
from urbanlab_services.errors import NotFoundError, TooManyRequestsError
from urbanlab_services.publisher.bundles import Bundles
from urbanlab_services.publisher.live.runner import LiveRunner
from urbanlab_services.publisher.live.seats import FullError, Seat, Seats
from urbanlab_services.publisher.live.spares import Spare, Spares, Wish
from urbanlab_services.publisher.parameters import find_variant, to_notebook_values
from urbanlab_services.publisher.publications import State, Submission
from urbanlab_services.publisher.runner_client import RunnerGoneError
from urbanlab_services.publisher.store import Store

logger = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
HAND_OUT_SECONDS = 1.0  # a spare that is ready is the visitor's within two requests to the runner
SESSIONS = Counter("urbanlab_publisher_live_sessions", "Sessions that became ready for a visitor", ["made"])
SPARES = Gauge("urbanlab_publisher_live_spares", "Sessions made ahead that are ready for whoever comes next")
_FAILURES = (RunnerGoneError, ValueError, KeyError, TypeError, OSError)


class LiveViews:
    """What the portal asks for. Nothing here comes from a visitor but the choice among declared variants."""

    def __init__(self, store: Store, bundles: Bundles, runner: LiveRunner, seats: Seats) -> None:
        self._store, self._bundles, self._runner = store, bundles, runner
        self._seats = seats
        self._spares = Spares(self._seats)
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None

    async def take(self, tenant: str, slug: str, variant: str) -> LiveSeat:
        """Return a new seat; raise `NotFoundError` for what offers no view, `TooManyRequestsError` if full."""
        submission = self._find_released(tenant, slug)
        if submission is None or not submission.live or self._seats.is_off(tenant):
            raise NotFoundError("There is no such interactive view.")
        try:
            find_variant(submission.application.parameters, variant)
        except ValueError:
            if variant not in submission.pages:
                raise NotFoundError("There is no such variant.") from None
        try:
            seat = self._seats.take(tenant, slug, variant, submission.id, time.monotonic())
        except FullError:
            raise TooManyRequestsError("The queue is full.", retry_after=30) from None
        taking_over = self._admit().get(seat.id)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look_after())
        if taking_over is not None:  # so that the first answer shows the view already
            await asyncio.wait([taking_over], timeout=HAND_OUT_SECONDS)
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

    def _admit(self) -> dict[str, asyncio.Task[None]]:
        """Return what goes on for those who were given a spare that is ready, by the ids of their seats."""
        now = time.monotonic()
        taking_over = {}
        for seat in self._seats.admit(now):
            self._spares.note(seat, now)
            spare = self._spares.hand_out(seat)
            if spare is not None:
                seat.runner, seat.session_id = spare.runner, spare.session_id
            task = self._begin(self._prepare(seat))
            if spare is not None and spare.is_ready:
                taking_over[seat.id] = task
        self._displace(now)
        return taking_over

    def _end(self, seat: Seat, reason: str) -> None:
        if self._seats.end(seat, reason, time.monotonic()):
            self._end_session(seat)
            self._admit()

    def _end_session(self, holder: Seat | Spare) -> None:
        if holder.session_id:
            self._begin(self._runner.end(holder.runner, holder.session_id))

    async def _prepare(self, seat: Seat) -> None:
        try:
            task = self._make_task(seat)
            is_ahead = bool(seat.session_id) and await self._take_over(seat)
            if not is_ahead and not seat.reason:  # nobody has left meanwhile
                seat.runner, seat.session_id = await self._runner.prepare(seat.tenant, task)
                if not seat.reason:
                    seat.ticket, seat.key = await self._runner.wait(seat.runner, seat.session_id)
        except _FAILURES as error:
            logger.warning("no session", extra={"tenant": seat.tenant, "reason": str(error)})
            self._end(seat, "failed")
            return
        if seat.reason:
            seat.ticket = seat.key = ""
            self._end_session(seat)
        else:
            seat.state = READY
            SESSIONS.labels("ahead" if is_ahead else "on_demand").inc()

    async def _take_over(self, seat: Seat) -> bool:
        """Return whether the spare that the seat was given is its session now."""
        try:
            await self._runner.hand_out(seat.runner, seat.session_id)
            seat.ticket, seat.key = await self._runner.wait(seat.runner, seat.session_id)
        except RunnerGoneError:
            # It has ended in the runner meanwhile: the visitor gets a session like everybody else.
            self._end_session(seat)
            seat.session_id = ""
            return False
        return True

    async def _make_ahead(self, spare: Spare) -> None:
        wish = spare.wish
        try:
            task = self._make_task(wish)
            spare.runner, spare.session_id = await self._runner.prepare(wish.tenant, task, is_spare=True)
            if self._spares.has(spare):
                await self._runner.wait_ahead(spare.runner, spare.session_id)
                spare.is_ready = True
            else:
                self._end_session(spare)
        except _FAILURES as error:
            logger.info("no spare", extra={"tenant": wish.tenant, "reason": str(error)})
            if self._spares.end(spare):
                self._end_session(spare)

    def _make_task(self, wanted: Seat | Wish) -> dict[str, Any]:
        submission = self._find_released(wanted.tenant, wanted.slug)
        if submission is None or submission.id != wanted.submission_id:
            raise RunnerGoneError("the page has changed meanwhile")
        application = submission.application
        values = parse_variant(wanted.variant)
        return {
            "page": make_page_name(submission.tenant, submission.slug),
            "notebook": self._bundles.load(submission.notebook),
            "parameters": to_notebook_values(application.parameters, values),
            "title": application.title,
            "language": application.language,
        }

    async def _look_after(self) -> None:
        while self._seats.list_living() or not self._spares.is_empty():
            await asyncio.sleep(LOOK_SECONDS)
            for seat, reason in self._seats.list_overdue(time.monotonic()):
                self._end(seat, reason)
            # What was withdrawn or replaced is public no more, so nobody goes on looking at it.
            for seat in self._seats.list_living():
                if not self._is_offered(seat):
                    self._end(seat, "ended")
            for spare in self._spares.list_all():
                if not self._is_offered(spare.wish) and self._spares.end(spare):
                    self._end_session(spare)
            self._admit()  # where a tenant's file has got more places
            now = time.monotonic()
            self._displace(now)
            begun = self._spares.begin(now)
            if begun is not None:
                self._begin(self._make_ahead(begun))

    def _displace(self, now: float) -> None:
        for spare in self._spares.displace(now):
            self._end_session(spare)
        SPARES.set(sum(spare.is_ready for spare in self._spares.list_all()))

    def _is_offered(self, wanted: Seat | Wish) -> bool:
        released = self._find_released(wanted.tenant, wanted.slug)
        is_public = released is not None and released.id == wanted.submission_id
        return is_public and not self._seats.is_off(wanted.tenant)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
