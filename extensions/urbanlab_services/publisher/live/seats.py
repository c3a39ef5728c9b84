"""The rules of seats: how many sessions there may be, who is next, and who is forgotten. No I/O."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from urbanlab.contract.live import ENDED, FORGOTTEN_SECONDS, READY, WAITING, LiveSeat, make_page_name
from urbanlab.contract.records import PublishingRules

WAITING_SECONDS = 20.0  # a place in the queue that nobody asks after is given up
PREPARE_SECONDS = 300.0  # a runner that is started first takes its time
LIFE_SECONDS = 1900.0  # a little longer than the runner lets a session live
ENDED_SECONDS = 60.0  # how long it is still told why a seat has come to its end
MAX_ENDED = 1000


class FullError(Exception):
    """The queue of the page is full."""


@dataclass(frozen=True)
class Caps:
    """How many sessions there may be at a time in all, how long the queue of one page, and how many are made ahead.

    How many of a tenant and of one page, its file says (`PublishingRules`).
    """

    together: int = 10
    queue: int = 20
    spares: int = 2  # of a tenant, in places that are free; 0: no session is made ahead


class Place(Protocol):
    """Who has a session, or has one made."""

    @property
    def tenant(self) -> str:
        """Whose page it is for."""

    @property
    def page(self) -> str:
        """That page."""


@dataclass
class Seat:
    """A visitor's seat; `is_admitted` once its session may be, or is, prepared."""

    tenant: str
    slug: str
    variant: str
    submission_id: str
    asked_at: float
    began_at: float
    id: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    state: str = WAITING
    is_admitted: bool = False
    runner: str = ""
    session_id: str = ""  # by which the publisher ends it
    ticket: str = ""
    key: str = ""
    reason: str = ""

    @property
    def page(self) -> str:
        """The page it is for."""
        return make_page_name(self.tenant, self.slug)

    def find_end(self, now: float) -> str:
        """Return why the seat has to end now, or an empty text."""
        silence = now - self.asked_at
        if self.state == READY:
            return (
                "left"
                if silence > FORGOTTEN_SECONDS
                else "over"
                if now - self.began_at > LIFE_SECONDS
                else ""
            )
        if self.is_admitted and now - self.began_at > PREPARE_SECONDS:
            return "failed"
        return "left" if silence > WAITING_SECONDS else ""


class Seats:
    """All seats, in the order in which they were asked for; each method takes the time now in seconds."""

    def __init__(self, find_rules: Callable[[str], PublishingRules], caps: Caps | None = None) -> None:
        self._find_rules = find_rules  # of a tenant, as they are now
        self.caps = caps or Caps()
        self._seats: dict[str, Seat] = {}

    def is_off(self, tenant: str) -> bool:
        """Return whether a tenant's pages offer no view."""
        return self._find_rules(tenant).live_views == 0

    def has_room(self, tenant: str, page: str, taken: Sequence[Place]) -> bool:
        """Return whether there may be a session of that page besides those that are `taken`."""
        rules = self._find_rules(tenant)
        return (
            len(taken) < self.caps.together
            and sum(each.tenant == tenant for each in taken) < rules.live_views
            and sum(each.page == page for each in taken) < rules.live_views_each
        )

    def take(self, tenant: str, slug: str, variant: str, submission_id: str, now: float) -> Seat:
        """Return a new seat at the end of the page's queue; raise `FullError`."""
        page = make_page_name(tenant, slug)
        waiting = [seat for seat in self._list_waiting() if seat.page == page]
        if len(waiting) >= self.caps.queue:
            raise FullError
        seat = Seat(tenant, slug, variant, submission_id, now, now)
        self._seats[seat.id] = seat
        return seat

    def find(self, seat_id: str, now: float) -> Seat | None:
        """Return a seat, which somebody has thereby asked after, or None."""
        seat = self._seats.get(seat_id)
        if seat is not None and seat.state != ENDED:
            seat.asked_at = now
        return seat

    def admit(self, now: float) -> list[Seat]:
        """Return the seats whose sessions may be prepared from now on: the first in their queues that have room."""
        taken, found = self.list_admitted(), []
        for seat in self._list_waiting():
            if self.has_room(seat.tenant, seat.page, taken):
                seat.is_admitted, seat.began_at = True, now
                taken.append(seat)
                found.append(seat)
        return found

    def end(self, seat: Seat, reason: str, now: float) -> bool:
        """End a seat; return whether it had not ended before."""
        if seat.state == ENDED:
            return False
        seat.state, seat.reason, seat.asked_at = ENDED, reason, now
        seat.ticket = seat.key = ""
        return True

    def list_overdue(self, now: float) -> list[tuple[Seat, str]]:
        """Return the seats that have to end now and why; what ended long ago is forgotten."""
        ended = [seat for seat in self._seats.values() if seat.state == ENDED]
        for number, seat in enumerate(ended):
            if now - seat.asked_at > ENDED_SECONDS or number < len(ended) - MAX_ENDED:
                del self._seats[seat.id]
        living = self.list_living()
        return [(seat, reason) for seat in living if (reason := seat.find_end(now))]

    def list_living(self) -> list[Seat]:
        """Return all seats that have not ended."""
        return [seat for seat in self._seats.values() if seat.state != ENDED]

    def list_admitted(self) -> list[Seat]:
        """Return the seats that take a session's place."""
        return [seat for seat in self.list_living() if seat.is_admitted]

    def is_preparing(self) -> bool:
        """Return whether a visitor's session is being prepared."""
        return any(seat.state == WAITING for seat in self.list_admitted())

    def describe(self, seat: Seat) -> LiveSeat:
        """Return a seat as the portal sees it."""
        position = 0
        if seat.state == WAITING and not seat.is_admitted:
            queue = [each for each in self._list_waiting() if each.page == seat.page]
            position = 1 + queue.index(seat)
        return LiveSeat(seat.id, seat.state, position, seat.runner, seat.ticket, seat.key, seat.reason)

    def _list_waiting(self) -> list[Seat]:
        return [seat for seat in self._seats.values() if seat.state == WAITING and not seat.is_admitted]
