"""The rules of spares: for whom one is made ahead, who gets it, and what ends it."""

from __future__ import annotations

import pytest

from urbanlab.contract.live import READY, SPARE_SECONDS
from urbanlab.contract.records import PublishingRules
from urbanlab_services.publisher.live.seats import Caps, Seat, Seats
from urbanlab_services.publisher.live.spares import RUSH_SECONDS, Spare, Spares


def _make_seats(caps: Caps | None = None, **files: PublishingRules) -> Seats:
    """Return seats of tenants that say nothing in their files, but for those that are given."""
    return Seats(lambda tenant: files.get(tenant, PublishingRules()), caps)


def _visit(seats: Seats, *pages: str, now: float = 0, is_ready: bool = True) -> list[Seat]:
    """Let somebody have a session for each ``TENANT/SLUG``."""
    taken = [seats.take(*page.split("/"), "", "version", now) for page in pages]
    assert seats.admit(now) == taken
    for seat in taken:
        seat.state = READY if is_ready else seat.state
    return taken


def _note(spares: Spares, *pages: str, now: float = 0) -> None:
    for page in pages:
        spares.note(Seat(*page.split("/"), "", "version", now, now), now)


def _make_all(spares: Spares, now: float = 0) -> list[Spare]:
    """Prepare spares as long as there is one to be prepared."""
    made = []
    while (spare := spares.begin(now)) is not None:
        spare.session_id, spare.is_ready = f"session-{spare.wish.page}", True
        made.append(spare)
    return made


@pytest.mark.parametrize(
    ("visitors", "noted", "made"),
    [
        ([], ["a/x"], ["a/x"]),
        ([], ["a/x"] * 5, ["a/x", "a/x"]),  # many come for a page at once: as many as the tenant may have
        ([], ["a/x", "a/x", "a/y"], ["a/x", "a/y"]),  # a page's first before another's second
        ([], ["a/x", "a/y", "a/z", "b/x"], ["a/x", "a/y", "b/x"]),  # two of a tenant
        (["a/x"] * 3, ["a/x", "a/y"], ["a/y"]),  # the page is full of visitors
        (["a/x"] * 2 + ["a/y"] * 2, ["a/x", "a/y"], ["a/x"]),  # the tenant has one place left
        (["a/x"] * 3 + ["b/x"] * 3 + ["c/x"] * 3, ["a/y", "b/y"], ["a/y"]),  # and here the installation
    ],
)
def test_spares_are_made_in_places_that_are_free(
    visitors: list[str], noted: list[str], made: list[str]
) -> None:
    seats = _make_seats()
    spares = Spares(seats)
    _visit(seats, *visitors)
    _note(spares, *noted)
    assert [spare.wish.page for spare in _make_all(spares)] == made


@pytest.mark.parametrize(
    ("page", "variant", "version", "gets_it"),
    [
        ("a/x", "", "version", True),
        ("a/y", "", "version", False),
        ("b/x", "", "version", False),
        ("a/x", "factor=2", "version", False),
        ("a/x", "", "another version", False),
    ],
)
def test_a_spare_is_for_its_page_variant_and_version_and_for_one(
    page: str, variant: str, version: str, gets_it: bool
) -> None:
    spares = Spares(_make_seats())
    _note(spares, "a/x")
    spare = _make_all(spares)[0]
    seat = Seat(*page.split("/"), variant, version, 0, 0)
    assert (spares.hand_out(seat) is spare) == gets_it
    assert spares.hand_out(seat) is None
    assert spares.end(spare) != gets_it


def test_a_spare_is_taken_over_while_it_is_prepared_but_not_before_it_is_anywhere() -> None:
    spares = Spares(_make_seats())
    _note(spares, "a/x")
    spare = spares.begin(0)
    seat = Seat("a", "x", "", "version", 0, 0)
    assert spare is not None
    assert spares.hand_out(seat) is None
    spare.session_id = "session"
    assert spares.hand_out(seat) is spare


@pytest.mark.parametrize(
    ("visitors", "left"),
    [
        ([], ["a/x", "a/y"]),
        (["a/x"] * 2, ["a/x", "a/y"]),
        (["a/x"] * 3, ["a/y"]),
        (["a/x"] * 2 + ["a/z"] * 2, ["a/y"]),  # the one made last stays
        (["a/z"] * 3 + ["a/x"] * 2, []),
        (["b/x"] * 3 + ["b/y"] * 2 + ["c/x"] * 3 + ["c/y"], ["a/y"]),
    ],
)
def test_a_visitor_takes_the_place_of_a_spare_which_is_made_again_when_there_is_room(
    visitors: list[str], left: list[str]
) -> None:
    seats = _make_seats()
    spares = Spares(seats)
    _note(spares, "a/x", "a/y")
    _make_all(spares)
    taken = _visit(seats, *visitors)
    ended = [spare.wish.page for spare in spares.displace(1)]
    assert [spare.wish.page for spare in spares.list_all()] == left
    assert sorted(ended + left) == ["a/x", "a/y"]
    assert _make_all(spares) == []
    for seat in taken:
        seats.end(seat, "left", 2)
    assert sorted(spare.wish.page for spare in _make_all(spares, 2)) == sorted(ended)


def test_nothing_is_made_ahead_while_a_visitors_session_is_prepared() -> None:
    seats = _make_seats()
    spares = Spares(seats)
    _note(spares, "a/x", "a/y")
    ready = spares.begin(0)
    assert ready is not None
    assert spares.begin(0) is None  # one at a time
    ready.is_ready = True
    unfinished = spares.begin(0)
    seat = _visit(seats, "b/x", is_ready=False)[0]
    assert spares.displace(1) == [unfinished]
    assert spares.begin(1) is None
    seat.state = READY
    again = spares.begin(1)
    assert again is not None
    assert again.wish.page == "a/y"


def test_a_spare_that_nobody_wants_ends_and_is_not_made_again() -> None:
    spares = Spares(_make_seats())
    _note(spares, "a/x")
    spare = _make_all(spares)[0]
    assert spares.displace(SPARE_SECONDS) == []
    assert spares.displace(SPARE_SECONDS + 1) == [spare]
    assert spares.begin(SPARE_SECONDS + 1) is None
    assert spares.is_empty()


def test_one_of_a_page_is_enough_where_visitors_come_one_by_one() -> None:
    spares = Spares(_make_seats())
    _note(spares, "a/x")
    first = _make_all(spares)
    _note(spares, "a/x", now=RUSH_SECONDS + 1)  # for another choice, so that the first one is still there
    assert _make_all(spares, RUSH_SECONDS + 1) == []
    assert spares.displace(RUSH_SECONDS + 1) == []
    _note(spares, "a/x", now=RUSH_SECONDS + 2)
    assert len(_make_all(spares, RUSH_SECONDS + 2)) == 1
    assert spares.list_all()[0] is first[0]


def test_spares_can_be_turned_off() -> None:
    spares = Spares(_make_seats(Caps(spares=0)))
    _note(spares, "a/x")
    assert spares.begin(0) is None


@pytest.mark.parametrize(
    ("rules", "made"),
    [
        (PublishingRules(live_views=0), ["b/x"]),
        (PublishingRules(live_views=1), ["a/x", "b/x"]),
        (PublishingRules(live_views_each=1), ["a/x", "a/y", "b/x"]),
    ],
)
def test_spares_take_no_more_places_than_their_tenant_has(rules: PublishingRules, made: list[str]) -> None:
    spares = Spares(_make_seats(a=rules))
    _note(spares, "a/x", "a/x", "a/y", "b/x")
    assert [spare.wish.page for spare in _make_all(spares)] == made
