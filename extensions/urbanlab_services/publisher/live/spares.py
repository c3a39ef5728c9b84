"""The rules of spares: sessions made ahead for who may come next, in places that no visitor needs. No I/O."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from urbanlab.contract.live import SPARE_SECONDS, make_page_name
from urbanlab_services.publisher.live.seats import Seat, Seats

RUSH_SECONDS = 60.0  # who came for a page within it tells how many may come next


@dataclass(frozen=True)
class Wish:
    """What somebody has just looked at, so that somebody else may soon."""

    tenant: str
    slug: str
    variant: str
    submission_id: str
    asked_at: float

    @property
    def page(self) -> str:
        """The page it is for."""
        return make_page_name(self.tenant, self.slug)


@dataclass(eq=False)
class Spare:
    """A session that nobody has yet; it is somewhere once `session_id` is set."""

    wish: Wish
    began_at: float
    is_ready: bool = False
    runner: str = ""
    session_id: str = ""


class Spares:
    """Sessions made ahead, in the places that `seats` leave free: one of a page, or as many as just came for it."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats
        self._spares: list[Spare] = []
        self._wishes: list[Wish] = []
        self._arrivals: list[tuple[float, str]] = []

    def note(self, seat: Seat, now: float) -> None:
        """Note that a page is looked at: it gets a spare when there is room."""
        wish = Wish(seat.tenant, seat.slug, seat.variant, seat.submission_id, now)
        self._arrivals.append((now, wish.page))
        self._wish(wish)

    def hand_out(self, seat: Seat) -> Spare | None:
        """Return the spare of just that page, version and variant, which is one no more, or None."""
        wanted = (seat.page, seat.variant, seat.submission_id)
        for spare in self._spares:
            wish = spare.wish
            if spare.session_id and (wish.page, wish.variant, wish.submission_id) == wanted:
                self._spares.remove(spare)
                return spare
        return None

    def begin(self, now: float) -> Spare | None:
        """Return a spare that may be prepared now, one at a time while no visitor's session is, or None."""
        self._wishes = [wish for wish in self._wishes if now - wish.asked_at <= SPARE_SECONDS]
        self._arrivals = [arrival for arrival in self._arrivals if now - arrival[0] <= RUSH_SECONDS]
        if self._seats.is_preparing() or not all(spare.is_ready for spare in self._spares):
            return None
        ready = Counter(spare.wish.page for spare in self._spares)
        came = Counter(page for _, page in self._arrivals)
        fitting = [
            wish
            for wish in self._wishes
            if ready[wish.page] < max(1, came[wish.page]) and self._fits(wish, self._spares)
        ]
        if not fitting:
            return None
        # A page's first before another's second.
        wish = min(fitting, key=lambda each: ready[each.page])
        self._wishes.remove(wish)
        spare = Spare(wish, now)
        self._spares.append(spare)
        return spare

    def displace(self, now: float) -> list[Spare]:
        """Return the spares that have to end now: too old, in a visitor's place, or in the way of one's session."""
        is_busy = self._seats.is_preparing()
        kept: list[Spare] = []
        ended: list[Spare] = []
        for spare in reversed(self._spares):
            is_young = now - spare.began_at <= SPARE_SECONDS
            is_kept = is_young and (spare.is_ready or not is_busy) and self._fits(spare.wish, kept)
            (kept if is_kept else ended).append(spare)
        self._spares = kept[::-1]
        for spare in ended:
            self._wish(spare.wish)  # when there is room again, while it is young
        return ended

    def end(self, spare: Spare) -> bool:
        """Forget a spare; return whether it was still one."""
        is_one = spare in self._spares
        if is_one:
            self._spares.remove(spare)
        return is_one

    def has(self, spare: Spare) -> bool:
        """Return whether it is still a spare."""
        return spare in self._spares

    def list_all(self) -> list[Spare]:
        """Return all spares, the oldest first."""
        return list(self._spares)

    def is_empty(self) -> bool:
        """Return whether there is neither a spare nor a wish for one."""
        return not self._spares and not self._wishes

    def _wish(self, wish: Wish) -> None:
        """Keep a wish, and of each page no more than the newest that could come true."""
        self._wishes.append(wish)
        same = [each for each in self._wishes if each.page == wish.page]
        if len(same) > max(1, self._seats.caps.spares):
            self._wishes.remove(same[0])

    def _fits(self, wish: Wish, spares: list[Spare]) -> bool:
        wishes = [spare.wish for spare in spares]
        if sum(other.tenant == wish.tenant for other in wishes) >= self._seats.caps.spares:
            return False
        taken: list[Seat | Wish] = [*self._seats.list_admitted(), *wishes]
        return self._seats.has_room(wish.tenant, wish.page, taken)
