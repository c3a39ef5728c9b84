"""The engine's database by itself: new roles hold whatever asks meanwhile, and room is watched to the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from chdb._exceptions import ChdbError
from chdb.state.sqlitelike import Connection

from tests.extensions.warehouse.conftest import make_town
from urbanlab_services.warehouse.embedded import EmbeddedEngine
from urbanlab_services.warehouse.engine.database import Database
from urbanlab_services.warehouse.engine.room import Room
from urbanlab_services.warehouse.engine_client import ATTEMPTS
from urbanlab_services.warehouse.errors import WarehouseError
from urbanlab_services.warehouse.exchange import EngineLostError
from urbanlab_services.warehouse.wire import FrameReader, Job, Outcome


class _TellingDatabase(Database):
    """Tells when somebody has connected."""

    def __init__(self, state: Path, executor: ThreadPoolExecutor) -> None:
        super().__init__(state, executor)
        self.connected = threading.Event()

    def connect(self) -> Connection:
        connection = super().connect()
        self.connected.set()
        return connection


async def test_new_roles_hold_although_something_asks_meanwhile(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as executor:
        database = _TellingDatabase(tmp_path, executor)
        await database.open([make_town("alba")])
        database.connected.clear()
        asking = asyncio.create_task(database.ask("SELECT sleep(1)"))
        await asyncio.to_thread(database.connected.wait, 10)
        assert await database.reopen([make_town("alba"), make_town("bern")])
        try:
            with closing(database.connect()) as connection:
                connection.query("SET ROLE bern_analyst")
            assert await asking == [[0]]
        finally:
            await database.close()


async def test_room_is_watched_on_after_a_look_that_failed() -> None:
    looks: list[list[list[Any]] | None] = [[["lab_alba", 10]], None, [["lab_alba", 9_999]]]
    is_killed = asyncio.Event()

    async def ask(question: str) -> list[list[Any]]:
        rows = looks.pop(0) if len(looks) > 1 else looks[0]
        if rows is None:
            raise ChdbError("Code: 999. DB::Exception: The database is being opened again")
        return rows

    async def kill(tag: str) -> None:
        is_killed.set()

    job = Job("alba_analyst", "INSERT …", "insert", fills="lab_alba", room_mb=100)
    async with Room(ask, kill).watched(job) as watch:
        await asyncio.wait_for(is_killed.wait(), 10)
    assert watch.error is not None
    assert "lab_alba holds 999.9 of 100 MB" in watch.error


class _DyingEngine(EmbeddedEngine):
    """Goes away with each statement."""

    asked = 0

    async def run(
        self,
        job: Job,
        outcomes: list[Outcome],
        source: AsyncIterator[bytes] | None = None,
        reader: FrameReader | None = None,
    ) -> AsyncGenerator[bytes, None]:
        self.asked += 1
        yield b"1"
        raise EngineLostError


async def test_a_question_that_ends_the_engine_is_not_asked_for_ever(tmp_path: Path) -> None:
    engine = _DyingEngine(tmp_path)
    with pytest.raises(WarehouseError, match="try again") as caught:
        await asyncio.wait_for(engine.collect(Job("operator", "SELECT 1", "read")), 10)
    assert (caught.value.status, engine.asked) == (503, ATTEMPTS)
