"""Who gets a place, who waits for one, and who is refused: the queue of the gateway by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.extensions.warehouse.conftest import make_town
from urbanlab.contract.records import WarehouseLimits
from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.errors import WarehouseError
from urbanlab_services.warehouse.slots import MOST_WAITING_EACH, Slots


def make_slots(most: int = 100, **limits: int) -> Slots:
    values = {"queries": 4, "queries_each": 3, "wait_seconds": 5, **limits}
    towns = {name: make_town(name, warehouse=WarehouseLimits(**values)) for name in ("alba", "bern")}
    return Slots(lambda: towns, most)


class Crowd:
    """Statements that hold their places until they are told to leave, in the order in which they got them."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.inside: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._exits: dict[str, asyncio.Event] = {}

    async def send(self, *names: str) -> None:
        """Send statements; ``anna@alba 2`` is the second of one person."""
        for name in names:
            self._exits[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._stay(name))
            await settle()

    async def end(self, *names: str) -> None:
        for name in names:
            self._exits[name].set()
            await settle()

    async def _stay(self, name: str) -> None:
        person = name.split()[0]
        async with self.slots.hold(Identity(person, person.partition("@")[2], "analyst")):
            self.inside.append(name)
            await self._exits[name].wait()
        self.inside.remove(name)


def get_load(slots: Slots) -> dict[str, tuple[int, int, int]]:
    load = slots.list_load({})
    return {name: (each["running"], each["waiting"], each["limit"]) for name, each in load.items()}


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 20))  # type: ignore[arg-type]


def test_a_person_and_a_tenant_have_so_many_places_and_the_rest_waits() -> None:
    async def test() -> None:
        crowd = Crowd(make_slots())
        await crowd.send("a@alba 1", "a@alba 2", "a@alba 3", "a@alba 4", "b@alba 1", "b@alba 2", "c@bern 1")
        assert crowd.inside == ["a@alba 1", "a@alba 2", "a@alba 3", "b@alba 1", "c@bern 1"]
        assert get_load(crowd.slots) == {"alba": (4, 2, 4), "bern": (1, 0, 4)}
        # b waits for the tenant, a for the tenant and for itself: whoever has fewer is next.
        await crowd.end("a@alba 1")
        assert crowd.inside[-1] == "b@alba 2"

    run(test)


def test_a_free_place_goes_round_between_tenants_and_then_people() -> None:
    async def test() -> None:
        crowd = Crowd(make_slots(most=1))
        await crowd.send(*(f"a@alba {n}" for n in range(3)), "b@alba 0", "c@bern 0", "c@bern 1")
        order = []
        while crowd.inside:
            (name,) = crowd.inside
            order.append(name)
            await crowd.end(name)
        assert order == ["a@alba 0", "c@bern 0", "b@alba 0", "c@bern 1", "a@alba 1", "a@alba 2"]

    run(test)


def test_whoever_hangs_up_leaves_the_queue_and_gives_the_place_back() -> None:
    async def test() -> None:
        crowd = Crowd(make_slots(queries_each=1))
        await crowd.send("a@alba 1", "a@alba 2", "a@alba 3")
        crowd.tasks["a@alba 2"].cancel()
        await settle()
        assert get_load(crowd.slots)["alba"] == (1, 1, 4)
        # In the very moment in which the place is given.
        crowd._exits["a@alba 1"].set()
        await asyncio.sleep(0)
        crowd.tasks["a@alba 3"].cancel()
        await settle()
        assert get_load(crowd.slots)["alba"] == (0, 0, 4)
        await crowd.send("a@alba 4")
        assert crowd.inside == ["a@alba 4"]

    run(test)


@pytest.mark.parametrize(
    ("limits", "senders", "sentence"),
    [
        (
            {"queries_each": 1, "wait_seconds": 0},
            ["a@alba 1", "a@alba 2"],
            "(1 for each person, max_concurrent_queries), and none ended within 0 s: wait until others have "
            "ended, or interrupt them; the operator can change it (warehouse.queries_each in the tenant's file)",
        ),
        (
            {"queries": 1, "wait_seconds": 0},
            ["a@alba 1", "b@alba 1"],
            "(1 for each tenant, max_concurrent_queries), and none ended",
        ),
        (
            {"queries_each": 1},
            [f"a@alba {n}" for n in range(MOST_WAITING_EACH + 2)],
            "so many wait already",
        ),
    ],
)
def test_whoever_waits_in_vain_is_told_the_limit(
    limits: dict[str, int], senders: list[str], sentence: str
) -> None:
    async def test() -> None:
        crowd = Crowd(make_slots(**limits))
        await crowd.send(*senders)
        with pytest.raises(WarehouseError) as caught:
            await crowd.tasks[senders[-1]]
        assert (caught.value.number, caught.value.status) == (202, 429)
        assert sentence in caught.value.message

    run(test)


def test_places_of_a_tenant_that_grew_are_there_at_once() -> None:
    async def test() -> None:
        towns = {"alba": make_town("alba", warehouse=WarehouseLimits(queries=1))}
        crowd = Crowd(Slots(lambda: towns))
        await crowd.send("a@alba 1", "b@alba 1")
        assert crowd.inside == ["a@alba 1"]
        towns["alba"] = make_town("alba", warehouse=WarehouseLimits(queries=2))
        await crowd.send("c@alba 1")
        assert "c@alba 1" in crowd.inside

    run(test)
