"""Who is next, and what is kept: each page and town has its share."""

from __future__ import annotations

import pytest

from urbanlab.contract.variants import ASK_SECONDS, MadeVariant, MadeVariants
from urbanlab_services.publisher.demand import queue as rules
from urbanlab_services.publisher.demand.queue import Caps, FullError, Page, Queue, Wanted, keep

CAPS = Caps(page=2, tenant=3, together=4, making_of_tenant=1, making=2)


def want(variant: str, slug: str = "jahre", tenant: str = "guetersloh") -> Wanted:
    return Wanted(tenant, slug, variant, "s" * 32)


def test_each_variant_stands_there_once() -> None:
    queue = Queue(CAPS)
    assert [queue.ask(want("a=1"), 0), queue.ask(want("a=2"), 0), queue.ask(want("a=1"), 1)] == [1, 2, 1]
    assert queue.begin(2) == want("a=1")
    assert (queue.ask(want("a=1"), 2), queue.ask(want("a=2"), 2)) == (0, 1)
    assert queue.begin(2) is None  # one of a town at a time
    queue.end(want("a=1"))
    assert queue.begin(2) == want("a=2")


def test_page_town_and_all_are_bounded_each() -> None:
    queue = Queue(CAPS)
    for wanted in (want("a=1"), want("a=2"), want("a=1", "baeume"), want("a=1", tenant="rietberg")):
        queue.ask(wanted, 0)
    for wanted in (
        want("a=3"),
        want("a=2", "baeume"),
        want("a=1", "laerm"),
        want("a=2", tenant="rietberg"),
    ):
        with pytest.raises(FullError):
            queue.ask(wanted, 0)
    assert queue.ask(want("a=2"), 0) == 2  # who waits already may go on asking


def test_a_page_that_many_ask_for_does_not_hold_up_another() -> None:
    queue, order = Queue(Caps(making=1)), []
    for number in range(4):
        queue.ask(want(f"a={number}"), 0)
    queue.ask(want("a=0", "baeume"), 0)
    queue.ask(want("a=0", tenant="rietberg"), 0)
    while (wanted := queue.begin(1)) is not None:
        order.append((wanted.tenant, wanted.slug))
        queue.end(wanted)
    assert order[1:3] == [("guetersloh", "baeume"), ("rietberg", "jahre")]
    assert len(order) == 6


def test_what_nobody_asks_for_any_more_is_not_made() -> None:
    queue = Queue(CAPS)
    queue.ask(want("a=1"), 0)
    queue.ask(want("a=2"), ASK_SECONDS - 1)
    assert queue.begin(ASK_SECONDS + 1) == want("a=2")


def make(count: int, size: int = 0, version: int = 1) -> MadeVariants:
    times = (f"2026-01-01T00:{number // 60:02}:{number % 60:02}" for number in range(count))
    made = (MadeVariant("0" * 64, "", at, size) for at in times)
    return MadeVariants(version, {f"a={number:03}": each for number, each in enumerate(made)})


NEW = MadeVariant("1" * 64, "", "2026-02-01", 10)
JAHRE, BAEUME = ("guetersloh", "jahre"), ("guetersloh", "baeume")


def test_a_page_keeps_its_newest() -> None:
    (changed,) = keep({JAHRE: make(rules.KEPT_OF_PAGE)}, JAHRE, "a=new", NEW, 1).values()
    assert len(changed.variants) == rules.KEPT_OF_PAGE
    assert "a=000" not in changed.variants
    assert changed.variants["a=new"] == NEW


def test_another_version_begins_anew() -> None:
    assert keep({JAHRE: make(5, version=1)}, JAHRE, "a=new", NEW, 2) == {
        JAHRE: MadeVariants(2, {"a=new": NEW})
    }


def test_the_page_that_has_most_gives_way_to_another_of_its_town() -> None:
    made: dict[Page, MadeVariants] = {
        ("guetersloh", f"seite-{n}"): make(rules.KEPT_OF_PAGE, 1_900_000) for n in range(4)
    }
    changed = keep(made, BAEUME, "a=new", NEW, 1)
    assert changed[BAEUME].variants == {"a=new": NEW}
    (large,) = changed.keys() - {BAEUME}
    assert "a=000" not in changed[large].variants
    everything = {**made, **changed}
    assert sum(len(each.variants) for each in everything.values()) <= rules.KEPT_OF_TENANT


def test_large_pages_weigh_by_their_bytes() -> None:
    changed = keep(
        {JAHRE: make(9, rules.BYTES_OF_PAGE // 10)},
        JAHRE,
        "a=new",
        MadeVariant("1" * 64, "", "2026-02-01", rules.BYTES_OF_PAGE),
        1,
    )
    assert set(changed[JAHRE].variants) == {"a=new"}
