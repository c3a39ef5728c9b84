"""Searches wait for one another, not other visitors for them, and not many of them."""

from __future__ import annotations

import asyncio
import threading

import pytest

from urbanlab_portal.errors import BusyError
from urbanlab_portal.turns import MAX_WAITING, Turns


async def test_who_comes_on_top_of_those_who_wait_is_told_and_the_others_get_theirs() -> None:
    turns, may_go = Turns("search-busy"), threading.Event()
    most = [0, 0]

    def work() -> int:
        most[0] += 1
        most[1] = max(most)
        may_go.wait(20)
        most[0] -= 1
        return threading.get_ident()

    tasks = [asyncio.create_task(turns.take(work)) for _ in range(1 + MAX_WAITING)]
    await asyncio.sleep(0)  # each is in line
    with pytest.raises(BusyError) as refused:
        await turns.take(work)
    assert (refused.value.status, refused.value.kind) == (503, "search-busy")
    may_go.set()
    assert len(set(await asyncio.gather(*tasks))) == 1
    assert most == [0, 1]
    assert await turns.take(lambda: "again") == "again"


async def test_what_fails_gives_its_place_back() -> None:
    turns = Turns("search-busy")
    for _ in range(2 + MAX_WAITING):
        with pytest.raises(ZeroDivisionError):
            await turns.take(lambda: 1 // 0)
