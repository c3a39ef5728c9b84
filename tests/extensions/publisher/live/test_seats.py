"""The rules of seats: caps, queues, who is next, and who is forgotten."""

from __future__ import annotations

import pytest

from urbanlab.contract.live import ENDED, FORGOTTEN_SECONDS, READY, WAITING
from urbanlab.contract.records import PublishingRules
from urbanlab_services.publisher.live.seats import (
    LIFE_SECONDS,
    PREPARE_SECONDS,
    WAITING_SECONDS,
    Caps,
    FullError,
    Seat,
    Seats,
)


def _make_seats(caps: Caps | None = None, **files: PublishingRules) -> Seats:
    """Return seats of tenants that say nothing in their files, but for those that are given."""
    return Seats(lambda tenant: files.get(tenant, PublishingRules()), caps)


def _take(seats: Seats, *pages: str, now: float = 0) -> list[Seat]:
    """Ask for a seat for each ``TENANT/SLUG``."""
    return [seats.take(*page.split("/"), "", "submission", now) for page in pages]


@pytest.mark.parametrize(
    ("pages", "admitted"),
    [
        (["a/x"] * 4, [0, 1, 2]),  # three of a page
        (["a/x"] * 4 + ["a/y"] * 3, [0, 1, 2, 4, 5]),  # five of a tenant, and nobody waits for another page
        (["a/x"] * 3 + ["a/y"] * 3 + ["b/x"] * 4 + ["b/y"] * 3 + ["c/x"], [0, 1, 2, 3, 4, 6, 7, 8, 10, 11]),
    ],
)
def test_no_cap_is_exceeded_and_the_first_come_first(pages: list[str], admitted: list[int]) -> None:
    seats = _make_seats()
    taken = _take(seats, *pages)
    assert seats.admit(0) == [taken[number] for number in admitted]
    assert seats.admit(0) == []


@pytest.mark.parametrize(
    ("views", "each", "together", "pages", "admitted"),
    [
        (0, 3, 10, ["a/x", "b/x"], [1]),  # none of this tenant
        (1, 3, 10, ["a/x", "a/y", "b/x", "a/x"], [0, 2]),
        (8, 3, 10, ["a/x"] * 5 + ["a/y"] * 5 + ["a/z"] * 5, [0, 1, 2, 5, 6, 7, 10, 11]),
        (8, 6, 10, ["a/x"] * 9, [0, 1, 2, 3, 4, 5]),
        (2, 6, 10, ["a/x"] * 9, [0, 1]),  # a page never has more than its tenant
        (8, 8, 3, ["a/x"] * 3 + ["b/x"], [0, 1, 2]),  # the installation's stays the ceiling
        (20, 20, 10, ["a/x"] * 12, list(range(10))),
    ],
)
def test_a_tenants_file_says_how_many_it_has(
    views: int, each: int, together: int, pages: list[str], admitted: list[int]
) -> None:
    seats = _make_seats(Caps(together=together), a=PublishingRules(live_views=views, live_views_each=each))
    taken = _take(seats, *pages)
    assert seats.admit(0) == [taken[number] for number in admitted]
    assert seats.is_off("a") == (views == 0) and not seats.is_off("b")


def test_a_tenants_file_counts_as_it_is_now() -> None:
    files = {"a": PublishingRules(live_views=1)}
    seats = Seats(files.__getitem__)
    taken = _take(seats, *["a/x"] * 4)
    assert seats.admit(0) == taken[:1]
    files["a"] = PublishingRules(live_views=3)
    assert seats.admit(1) == taken[1:3]
    files["a"] = PublishingRules(live_views=1)  # who has a session keeps it, and nobody gets its place
    seats.end(taken[0], "left", 2)
    assert seats.admit(2) == []
    seats.end(taken[1], "left", 3)
    assert seats.admit(3) == []
    seats.end(taken[2], "left", 4)
    assert seats.admit(4) == taken[3:]


def test_positions_count_within_the_page_and_move_up() -> None:
    seats = _make_seats()
    taken = _take(seats, *["a/x"] * 5, "b/x")
    seats.admit(0)
    assert [seats.describe(seat).position for seat in taken] == [0, 0, 0, 1, 2, 0]
    assert seats.end(taken[0], "left", 1)
    assert not seats.end(taken[0], "left", 1)
    assert seats.admit(1) == [taken[3]]
    assert [seats.describe(seat).position for seat in taken[3:]] == [0, 1, 0]


def test_a_full_queue_takes_nobody_and_is_full_for_its_page_alone() -> None:
    seats = _make_seats(Caps(queue=2), a=PublishingRules(live_views_each=1))
    _take(seats, "a/x")
    seats.admit(0)
    _take(seats, "a/x", "a/x")
    with pytest.raises(FullError):
        _take(seats, "a/x")
    _take(seats, "a/y")


@pytest.mark.parametrize(
    ("state", "is_admitted", "asked", "now", "reason"),
    [
        (WAITING, False, 0, WAITING_SECONDS, ""),
        (WAITING, False, 0, WAITING_SECONDS + 1, "left"),
        (WAITING, True, PREPARE_SECONDS, PREPARE_SECONDS + 1, "failed"),
        (READY, True, 0, FORGOTTEN_SECONDS, ""),
        (READY, True, 0, FORGOTTEN_SECONDS + 1, "left"),
        (READY, True, LIFE_SECONDS, LIFE_SECONDS + 1, "over"),
        (ENDED, True, 0, 10, None),
    ],
)
def test_a_seat_ends_when_it_is_forgotten_or_its_time_is_over(
    state: str, is_admitted: bool, asked: float, now: float, reason: str | None
) -> None:
    seats = _make_seats()
    seat = _take(seats, "a/x")[0]
    seat.state, seat.is_admitted, seat.asked_at = state, is_admitted, asked
    assert seats.list_overdue(now) == ([(seat, reason)] if reason else [])


def test_asking_after_a_seat_keeps_it_and_an_ended_one_is_told_for_a_while_without_its_ticket() -> None:
    seats = _make_seats()
    seat = _take(seats, "a/x")[0]
    for now in range(0, 100, 10):
        assert seats.find(seat.id, now) is seat
        assert seats.list_overdue(now) == []
    seat.ticket, seat.key = "t" * 43, "k" * 43
    seats.end(seat, "idle", 100)
    told = seats.describe(seat)
    assert (told.state, told.reason, told.ticket, told.key) == (ENDED, "idle", "", "")
    seats.list_overdue(200)
    assert seats.find(seat.id, 200) is None
