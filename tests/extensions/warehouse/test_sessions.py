"""Sessions that clients name: temporary tables and settings that last, nobody else's, and not for ever."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.extensions.warehouse.conftest import HUB, Warehouse
from urbanlab_services.warehouse.arguments import Arguments
from urbanlab_services.warehouse.client_sessions import (
    MOST_IDLE,
    MOST_OF_ONE,
    ClientSession,
    ClientSessions,
)
from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.embedded import EmbeddedEngine
from urbanlab_services.warehouse.errors import WarehouseError
from urbanlab_services.warehouse.wire import Job

ANNA = Identity("anna@alba", "alba", "analyst")


@pytest.fixture
def client(warehouse: Warehouse) -> Iterator[Client]:
    """A client with a session, as `clickhouse_connect` makes one unless told otherwise."""
    name = uuid.uuid4().hex
    with warehouse.client("alba", session_id=name) as client:
        yield client
    warehouse.post("alba", "SELECT 1", session_id=name, close_session=1)


def test_a_temporary_table_lasts_from_one_statement_to_the_next(client: Client) -> None:
    client.command("CREATE TEMPORARY TABLE mine (a Int64, b LowCardinality(String))")
    client.insert("mine", [[1, "x"], [2, "y"]], column_names=["a", "b"])
    client.command("INSERT INTO mine SELECT number, 'z' FROM numbers(3)")
    assert client.query("SELECT count(), sum(a) FROM mine").result_rows == [(5, 6)]
    client.command("CREATE TEMPORARY TABLE twice AS SELECT a * 2 AS a FROM mine")
    assert client.query_df("SELECT sum(a) AS s FROM twice")["s"].tolist() == [12]
    client.command("DROP TABLE twice")
    with pytest.raises(DatabaseError, match="none of yours"):
        client.query("SELECT * FROM twice")


def test_settings_last_and_those_of_a_request_do_not(client: Client) -> None:
    asked = "SELECT timezone()"
    client.command("SET session_timezone = 'Europe/Berlin', max_threads = 1, extremes = true")
    assert client.command(asked) == "Europe/Berlin"
    assert client.command(asked, settings={"session_timezone": "Asia/Tokyo"}) == "Asia/Tokyo"
    assert client.command(asked) == "Europe/Berlin"
    with pytest.raises(DatabaseError, match="max_result_rows"):
        client.query("SELECT number FROM numbers(9)", settings={"max_result_rows": 5})
    assert client.query("SELECT number FROM numbers(9)").row_count == 9


@pytest.mark.parametrize(
    "statement",
    [
        "SET readonly = 0",
        "SET max_threads = DEFAULT",
        "SET ROLE operator",
        "SET param_x = 1",
        "SET profile = 'default'",
        "SET log_comment = 'x'",
        "CREATE TEMPORARY TABLE t (a Int64) ENGINE = File(CSV)",
        "CREATE TEMPORARY TABLE t (a Int64) ENGINE = URL('http://127.0.0.1/', CSV)",
        "CREATE TEMPORARY TABLE t AS SELECT * FROM file('/etc/passwd', CSV)",
        "CREATE TEMPORARY TABLE t (a String DEFAULT file('/etc/passwd'))",
        "CREATE TEMPORARY TABLE t AS SELECT * FROM bern.footfall",
        "CREATE TEMPORARY TABLE bern.t (a Int64)",
        "DROP TEMPORARY TABLE bern.footfall",
        "DROP DATABASE bern",
        "USE bern",
    ],
)
def test_a_session_allows_nothing_that_a_statement_does_not(client: Client, statement: str) -> None:
    client.command("CREATE TEMPORARY TABLE IF NOT EXISTS there (a Int64)")
    with pytest.raises(DatabaseError) as caught:
        client.command(statement)
    assert caught.value.code in (344, 60, 62, 497), caught.value
    assert client.query("SELECT count() FROM there").result_rows == [(0,)]


def test_limits_hold_in_a_session_whatever_is_set(client: Client) -> None:
    client.command("CREATE TEMPORARY TABLE there (a Int64)")
    for value in (0, 10**15):
        with pytest.raises(DatabaseError, match="max_memory_usage") as caught:
            client.command(f"SET max_memory_usage = {value}")
        assert caught.value.code == 452
    assert client.query("SELECT count() FROM there").result_rows == [(0,)]


def test_a_session_is_nobody_elses_whatever_name_they_give(warehouse: Warehouse) -> None:
    name = uuid.uuid4().hex
    make = "CREATE TEMPORARY TABLE mine AS SELECT 1 AS a"
    assert warehouse.post("alba", make, session_id=name).status_code == 200
    assert warehouse.post("alba", "SELECT a FROM mine", session_id=name).text == "1\n"
    for tenant, access in (("bern", "analyst"), ("alba", "steward"), ("alba", "reports")):
        other = warehouse.post(tenant, "SELECT a FROM mine", access, session_id=name)
        assert (other.status_code, "none of yours" in other.text) == (404, True), (tenant, access)
    colleague = {"Authorization": f"Bearer {warehouse.token('alba', person='bert')}"}
    answer = requests.post(
        warehouse.url, "SELECT a FROM mine", params={"session_id": name}, headers=colleague, timeout=20
    )
    assert (answer.status_code, "none of yours" in answer.text) == (404, True), answer.text
    assert warehouse.post("alba", "SELECT 1", session_id=name, close_session=1).text == "1\n"
    assert warehouse.post("alba", "SELECT a FROM mine", session_id=name).status_code == 404


def test_without_a_session_nothing_lasts(warehouse: Warehouse) -> None:
    for statement in ("SET max_threads = 1", "CREATE TEMPORARY TABLE t (a Int64)"):
        answer = warehouse.post("alba", statement)
        assert (answer.status_code, "session_id" in answer.text) == (400, True)


def test_a_session_that_must_be_there_is_missed(warehouse: Warehouse) -> None:
    answer = warehouse.post("alba", "SELECT 1", session_id=uuid.uuid4().hex, session_check=1)
    assert answer.headers["X-ClickHouse-Exception-Code"] == "372"


def test_somebody_who_is_revoked_has_no_session_any_more(warehouse: Warehouse) -> None:
    name, person = uuid.uuid4().hex, "rita"

    def ask(statement: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {warehouse.token('celle', person=person)}"}
        return requests.post(
            warehouse.url, params={"session_id": name}, data=statement, headers=headers, timeout=20
        )

    assert ask("CREATE TEMPORARY TABLE mine AS SELECT 1 AS a").status_code == 200
    body = {"hub_user": f"{person}@celle", "before": 1}
    hub = {"Authorization": f"Bearer {HUB}"}
    assert requests.post(f"{warehouse.url}/operator/revocations", json=body, headers=hub, timeout=20).ok
    assert ask("SELECT a FROM mine").status_code == 404


def test_one_account_keeps_so_many_sessions(warehouse: Warehouse) -> None:
    names = [uuid.uuid4().hex for _ in range(MOST_OF_ONE + 1)]
    answers = [warehouse.post("bern", "SET max_threads = 1", session_id=name) for name in names]
    assert [answer.status_code for answer in answers] == [200] * MOST_OF_ONE + [429]
    for name in names:
        warehouse.post("bern", "SELECT 1", session_id=name, close_session=1)


def test_temporary_tables_hold_so_much_and_end_with_the_session(warehouse: Warehouse) -> None:
    name = uuid.uuid4().hex
    warehouse.post("alba", "CREATE TEMPORARY TABLE big (a String)", session_id=name)
    fill = "INSERT INTO big SELECT randomString(1000) FROM numbers(300000)"
    answer = warehouse.post("alba", fill, session_id=name)
    assert answer.headers["X-ClickHouse-Exception-Code"] == "191", answer.text
    assert "256 MiB" in answer.text
    assert warehouse.post("alba", "SELECT 1", session_id=name).headers["X-ClickHouse-Exception-Code"] == "372"
    # The name is free again.
    assert warehouse.post("alba", "SELECT 1", session_id=name).text == "1\n"


def test_an_engine_that_was_restarted_knows_no_session(own_warehouse: Warehouse) -> None:
    own_warehouse.post("alba", "CREATE TEMPORARY TABLE mine (a Int64)", session_id="s")
    own_warehouse.kill_engine()
    own_warehouse.start_engine()
    answer = own_warehouse.post("alba", "SELECT * FROM mine", session_id="s")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "372"
    assert own_warehouse.post("alba", "SELECT 1", session_id="s").text == "1\n"


async def test_an_idle_session_ends_and_a_busy_one_is_not_shared(warehouse: Warehouse) -> None:
    now = 0.0
    sessions = ClientSessions(EmbeddedEngine(warehouse.socket), lambda: now)
    asked = Arguments(session_id="s", session_seconds=60)
    made = Job("role", "CREATE TEMPORARY TABLE x (a Int64)", "temporary", changes_table="x")
    async with sessions.hold(ANNA, asked) as first:
        assert isinstance(first, ClientSession)
        assert sessions.enter(ANNA, first, made).begins_session
        first.note(made)
        with pytest.raises(WarehouseError, match="in use"):
            async with sessions.hold(ANNA, asked):
                pass
    now = 59.0
    async with sessions.hold(ANNA, asked) as second:
        assert second is first
    now = 200.0
    async with sessions.hold(ANNA, asked) as third:
        assert third is not first
    assert len(sessions) == 0


async def test_of_two_that_came_at_once_one_begins_the_session(warehouse: Warehouse) -> None:
    engine = EmbeddedEngine(warehouse.socket)
    now = 0.0
    sessions = ClientSessions(engine, lambda: now)
    asked = Arguments(session_id="s", session_seconds=60)
    make = Job("alba_analyst", "CREATE TEMPORARY TABLE x (a Int64)", "temporary", changes_table="x")
    read = Job("alba_analyst", "SELECT 1", "read")
    async with sessions.hold(ANNA, asked) as first:
        async with sessions.hold(ANNA, replace(asked, closes_session=True)) as second:
            assert second is first
            begun = sessions.enter(ANNA, first, make)
            await engine.collect(begun)
            for job in (make, read):
                with pytest.raises(WarehouseError, match="in use"):
                    sessions.enter(ANNA, second, job)
        # The second has ended and asked to close; the first still works in the session.
        assert len(sessions) == 1
        now = 1000.0
        with pytest.raises(WarehouseError, match="in use"):
            async with sessions.hold(ANNA, asked):
                pass
        assert await engine.collect(replace(begun, text="EXISTS TEMPORARY TABLE x", kind="show")) == b"1\n"
    assert len(sessions) == 0
    with pytest.raises(WarehouseError, match="has ended"):
        await engine.collect(replace(begun, text="SELECT 1", kind="read", begins_session=False))


async def test_names_without_anything_behind_them_are_not_remembered_for_ever(warehouse: Warehouse) -> None:
    sessions = ClientSessions(EmbeddedEngine(warehouse.socket), lambda: 0.0)
    for number in range(MOST_IDLE + 5):
        async with sessions.hold(ANNA, Arguments(session_id=str(number))):
            pass
    for number, is_known in ((0, False), (4, False), (5, True), (MOST_IDLE + 4, True)):
        asked = Arguments(session_id=str(number), checks_session=True)
        if is_known:
            async with sessions.hold(ANNA, asked):
                pass
        else:
            with pytest.raises(WarehouseError, match="no such session"):
                async with sessions.hold(ANNA, asked):
                    pass
