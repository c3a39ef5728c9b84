"""What is over goes, with the names that stood only there, and nothing else, whatever fails on the way."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.audit_process import AuditProcess
from urbanlab.contract import environment
from urbanlab.contract.audit import ENTRIES_EXPIRED, EVENTS, make_entry
from urbanlab.contract.records import Tenant, write_tenant
from urbanlab_services.audit import app
from urbanlab_services.audit.chain import Line
from urbanlab_services.audit.handlers import Desk
from urbanlab_services.audit.head import DamagedError
from urbanlab_services.audit.index import Index, Question
from urbanlab_services.audit.log import Draft, Log
from urbanlab_services.audit.places import INDEX, LOG, PEOPLE
from urbanlab_services.audit.retention import expire
from urbanlab_services.audit.verify import verify
from urbanlab_services.audit.writer import Writer
from urbanlab_services.records_watcher import RecordsWatcher
from urbanlab_services.service import ServiceSettings, ServiceSettingsError

NOW = datetime.now(UTC)
ALL = Question(None, EVENTS, limit=1000)


def _fill(state: Path, days: Iterable[int], tenant: str = "town") -> None:
    """Write a line for each age in days, the oldest first."""
    log = Log(state / LOG)
    for number, age in enumerate(sorted(days, reverse=True)):
        body = {"time": "", "salt": f"{number:032x}", "people": {}, "data": {"reason": f"r{number}"}}
        draft = Draft("login-refused", tenant, "hub", f"{number:032x}", body)
        log.append([draft], NOW - timedelta(days=age))
    log.close()


def _read_people(state: Path) -> set[str]:
    database = sqlite3.connect(state / PEOPLE)
    try:
        return {row[0] for row in database.execute("SELECT hub_user FROM people")}
    finally:
        database.close()


def _spoil_oldest(state: Path) -> None:
    oldest = min((state / LOG).glob("*.jsonl"))
    oldest.write_bytes(oldest.read_bytes().replace(b"login", b"logon", 1))


def test_people_go_with_the_last_of_their_entries(tmp_path: Path, make_tenant: Callable[..., Tenant]) -> None:
    writer = Writer(tmp_path)
    for person, tenant in (("anna", "town"), ("berta", "town"), ("carl", "village")):
        writer.take("hub", [make_entry("logout", tenant, person=f"{person}@{tenant}")])
    assert len(writer.export("berta@town")) == 1  # which is an entry that names her
    tenants = {"town": make_tenant("town", audit_days=30), "village": make_tenant("village")}
    assert writer.expire(tenants, NOW + timedelta(days=20)) == 0
    assert len(_read_people(tmp_path)) == 3
    assert writer.expire(tenants, NOW + timedelta(days=40)) == 3
    assert _read_people(tmp_path) == {"carl@village"}
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or not {b"anna@town", b"berta@town"} & set(path.read_bytes().split(b'"'))
    assert [event["event"] for event in writer.find(ALL)] == [ENTRIES_EXPIRED, "logout"]
    writer.take("hub", [make_entry("logout", "town", person="anna@town")])  # who comes back is somebody new
    assert writer.expire({}, NOW + timedelta(days=10_000)) == 2
    assert _read_people(tmp_path) == set()
    # What permits lines to be empty is kept for ever: the chain is proved by it.
    assert {event["event"] for event in writer.find(ALL)} == {ENTRIES_EXPIRED}
    writer.close()
    assert verify(tmp_path).seq == 8


def test_a_disk_that_is_full_loses_no_line(tmp_path: Path) -> None:
    class FullLog(Log):
        def replace(self, file: str, lines: Iterable[Line]) -> None:
            raise OSError(errno.ENOSPC, "the disk is full")

    _fill(tmp_path, [100, 99, 2, 1, 0])
    log = FullLog(tmp_path / LOG)
    index = Index(tmp_path / INDEX, log)
    over = index.list_expired("town", (NOW - timedelta(days=50)).isoformat())
    assert len(over) == 2
    with pytest.raises(OSError, match="full"):
        expire(log, index, over)
    assert not index.is_whole(log)
    index.catch_up(log)
    assert index.is_whole(log)
    assert len(index.find(ALL)) == 5
    index.close()
    log.close()


def test_a_line_that_was_changed_is_said_and_ends_nothing(tmp_path: Path) -> None:
    _fill(tmp_path, [800, 1])
    writer = Writer(tmp_path)
    _spoil_oldest(tmp_path)
    with pytest.raises(DamagedError, match="byte 0: it was changed"):
        writer.expire({})
    assert [event["data"]["reason"] for event in writer.find(Question(None, ["login-refused"], limit=1))] == [
        "r1"
    ]
    writer.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: (state / INDEX).unlink() or _spoil_oldest(state),
        lambda state: (state / PEOPLE).write_bytes(b"no database" * 1000),
    ],
)
def test_a_service_that_cannot_start_says_why(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    _fill(tmp_path, [800, 1])
    Writer(tmp_path).close()
    assert verify(tmp_path)
    spoil(tmp_path)
    with pytest.raises(DamagedError):
        verify(tmp_path)
    settings = ServiceSettings.from_environ("audit", environ={environment.SERVICE_STATE: str(tmp_path)})
    with pytest.raises(ServiceSettingsError, match="not as it was left"):
        app.make_desk(settings)


def test_an_index_that_is_no_database_is_made_again(tmp_path: Path) -> None:
    _fill(tmp_path, [3, 2, 1])
    Writer(tmp_path).close()
    (tmp_path / INDEX).write_bytes(b"no database" * 1000)
    writer = Writer(tmp_path)
    assert len(writer.find(ALL)) == 3
    writer.close()


def test_nothing_goes_while_nobody_knows_for_how_long_it_is_kept(service: AuditProcess) -> None:
    service.stop()
    _fill(service.state, [3000, 1000, 1])
    service.start()
    assert len(service.ask()) == 3
    assert None not in [line["body"] for line in service.lines()]


async def test_what_is_over_goes_soon_after_the_tenants_can_be_read(
    tmp_path: Path, make_tenant: Callable[..., Tenant], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "RETRY_SECONDS", 0.01)
    _fill(tmp_path, [3000, 1])
    settings = ServiceSettings.from_environ("audit", environ={environment.SERVICE_STATE: str(tmp_path)})
    desk: Desk = app.make_desk(settings)
    work = asyncio.create_task(app.expire_regularly(desk, RecordsWatcher(tmp_path / "records", interval=0)))

    async def count() -> int:
        return len(await desk.run(desk.writer.find, Question(None, ["login-refused"])))

    await asyncio.sleep(0.05)
    assert await count() == 2
    (tmp_path / "records").mkdir()
    write_tenant(tmp_path / "records", make_tenant("village"))
    async with asyncio.timeout(10):
        while await count() == 2:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)
    assert await count() == 1
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    desk.thread.shutdown()
    desk.writer.close()
