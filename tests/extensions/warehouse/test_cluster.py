"""The same tests against a ClickHouse server as the engine: here one that judges nothing, with users of its own.

What is imported below runs here a second time: this module's fixture `warehouse` takes the place of the other.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from clickhouse_connect.driver.client import Client
from hypothesis import given
from hypothesis import strategies as st

from tests.extensions.conftest import get_free_port, wait_until
from tests.extensions.warehouse.conftest import Warehouse, make_town, make_warehouse
from tests.extensions.warehouse.engine_parse import Engine, open_engine
from tests.extensions.warehouse.test_cancelling import test_a_query_is_ended_by_its_id  # noqa: F401
from tests.extensions.warehouse.test_client import (  # noqa: F401
    table,
    test_a_command_may_carry_its_rows,
    test_a_failing_query_is_an_error_with_its_code,
    test_a_frame_is_inserted,
    test_a_large_answer_arrives_whole,
    test_a_long_text_goes_as_a_form,
    test_a_query_takes_parameters_that_can_hold_anything,
    test_an_answer_without_rows_has_its_columns,
    test_an_error_behind_rows_is_an_error_at_the_client,
    test_arrow_keeps_the_types,
    test_services_use_their_secrets_as_passwords,
)
from tests.extensions.warehouse.test_drivers import (  # noqa: F401
    test_the_async_client_works,
    test_the_names_and_types_of_columns_come_along,
)
from tests.extensions.warehouse.test_externals import (  # noqa: F401
    test_a_client_brings_its_own_table,
    test_a_structure_is_columns_and_nothing_else,
)
from tests.extensions.warehouse.test_failures import test_an_upload_that_breaks_off_is_not_stored  # noqa: F401
from tests.extensions.warehouse.test_http import (  # noqa: F401
    test_a_database_may_be_chosen_among_ones_own,
    test_a_syntax_error_says_where,
    test_rows_may_follow_the_argument_or_the_text,
    test_what_is_not_available_says_so,
)
from tests.extensions.warehouse.test_sessions import (  # noqa: F401
    test_a_session_is_nobody_elses_whatever_name_they_give,
    test_somebody_who_is_revoked_has_no_session_any_more,
)
from urbanlab.contract import environment
from urbanlab.contract.secrets import Secret
from urbanlab_services.warehouse.cluster_access import (
    ADMINISTRATOR,
    list_statements,
    make_password,
    make_user,
)
from urbanlab_services.warehouse.late_errors import LateErrors, encode_late_error

SECRET = Secret("the-administrators-password")
FORM = (
    "ALTER COLUMN, ALTER TTL, ALTER MODIFY COMMENT, ALTER INDEX, ALTER CONSTRAINT, "
    "CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, TRUNCATE"
)
WORK = f"SELECT, INSERT, ALTER UPDATE, ALTER DELETE, OPTIMIZE, {FORM}"
EVERYBODY = ["+ SELECT ON open_data.*", "+ CREATE TEMPORARY TABLE ON *.*"]
ANALYST = [
    "+ SELECT ON alba.*",
    "+ SELECT ON shared_with_alba.*",
    *EVERYBODY,
    f"+ {WORK} ON lab_alba.*",
]
GRANTS = {
    "nobody": [],
    "publisher": [],
    "ingest": ["+ SELECT, INSERT ON alba.footfall", "+ SELECT, INSERT ON alba.live"],
    "alba_analyst": ANALYST,
    "alba_steward": [
        *ANALYST,
        f"+ {WORK} ON alba.*",
        f"- {FORM} ON alba.footfall",
        f"- {FORM} ON alba.live",
        f"- {FORM}, INSERT, ALTER UPDATE, ALTER DELETE ON alba.sensors",
    ],
    "alba_reports": [*EVERYBODY, "+ SELECT ON alba.footfall"],
    "alba_publications": EVERYBODY,
}
TOWNS = [make_town("alba"), make_town("bern"), make_town("celle")]


@dataclass
class ClusterWarehouse(Warehouse):
    """A gateway whose engine is a server, behind which is an engine of its own."""

    server: subprocess.Popen[bytes] = field(init=False)
    server_port: int = 0

    def make_environ(self) -> dict[str, str]:
        (self.folder / "secrets" / "warehouse-cluster").write_text(SECRET.reveal())
        self.server_port = get_free_port()
        command = (sys.executable, "-m", "tests.extensions.warehouse.open_server", str(self.socket))
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                [*command, SECRET.reveal(), str(self.server_port), str(self.folder)],
                cwd=Path(__file__).parents[3],
                stdout=log,
                stderr=log,
            )
        wait_until(self.is_serving, 20, "the server serves")
        cluster = {environment.WAREHOUSE_CLUSTER: f"http://127.0.0.1:{self.server_port}"}
        return super().make_environ() | cluster | {environment.ENGINE_SOCKET: str(self.folder / "none")}

    def is_serving(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.server_port}/ping", timeout=5).text == "Ok.\n"
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        super().kill()
        self.server.kill()

    def stop(self) -> None:
        super().stop()
        self.server.kill()
        self.server.wait()


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    running = make_warehouse(tmp_path_factory.mktemp("cluster"), *TOWNS, kind=ClusterWarehouse)
    yield running
    running.stop()


@pytest.fixture
def client(warehouse: Warehouse) -> Iterator[Client]:
    with warehouse.client("alba") as client:
        yield client


def ask_server(warehouse: Warehouse, user: str, password: str, query: str) -> requests.Response:
    assert isinstance(warehouse, ClusterWarehouse)
    headers = {"X-ClickHouse-User": user, "X-ClickHouse-Key": password}
    address = f"http://127.0.0.1:{warehouse.server_port}"
    return requests.post(address, data=query.encode(), headers=headers, timeout=20)


def test_applying_again_changes_nothing(warehouse: Warehouse) -> None:
    assert warehouse.apply() == []
    assert warehouse.apply(dry_run=1) == []


def test_each_access_is_a_user_with_a_password_of_its_own(warehouse: Warehouse) -> None:
    """At the server itself, without the gateway; what a role may do is in its statements, below."""
    users = [make_user(role) for role in ("alba_analyst", "bern_analyst", "alba_publications", "nobody")]
    passwords = {user: make_password(SECRET, user).reveal() for user in users}
    assert len({*passwords.values(), SECRET.reveal()}) == len(users) + 1
    reading = {"alba_analyst": (200, 404), "bern_analyst": (404, 200), "nobody": (404, 404)}
    for role, statuses in reading.items():
        user = make_user(role)
        for town, status in zip(("alba", "bern"), statuses, strict=True):
            query = f"SELECT count() FROM {town}.footfall"
            assert ask_server(warehouse, user, passwords[user], query).status_code == status, (role, town)
    wrong = ask_server(warehouse, users[0], passwords[users[1]], "SELECT 1")
    assert wrong.headers["X-ClickHouse-Exception-Code"] == "516"


def test_a_server_that_is_away_is_said_to_be_and_no_log_holds_a_password(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path, make_town("alba"), kind=ClusterWarehouse)
    assert isinstance(warehouse, ClusterWarehouse)
    try:
        assert warehouse.gateway.get("/readyz")[0] == 200
        assert warehouse.post("alba", "SELECT 1").text == "1\n"
        warehouse.server.kill()
        warehouse.server.wait()
        status, text = warehouse.gateway.get("/readyz")
        assert (status, "does not answer" in text) == (503, True), text
        answer = warehouse.post("alba", "SELECT 1")
        assert (answer.status_code, "please try again" in answer.text) == (503, True), answer.text
        log = warehouse.gateway.log.read_text()
        for secret in (SECRET, make_password(SECRET, make_user("alba_analyst"))):
            assert secret.reveal() not in log
    finally:
        warehouse.kill()


def test_each_role_is_granted_what_it_needs_and_no_more() -> None:
    """In order, for a revocation takes from what was granted before it."""
    granted: dict[str, list[str]] = {}
    for statement in list_statements([make_town("alba")], SECRET):
        found = re.fullmatch(r"(GRANT|REVOKE) (.+) (?:TO|FROM) (\w+)", statement)
        if found is None:
            assert statement.startswith("CREATE "), statement
            continue
        granted.setdefault(found[3], []).append(f"{'+' if found[1] == 'GRANT' else '-'} {found[2]}")
    assert granted == {f"urbanlab_{role}": ["- ALL ON *.*", *grants] for role, grants in GRANTS.items()}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine(tmp_path_factory.mktemp("parser")) as engine:
        yield engine


def test_statements_about_users_are_sql_for_the_engine(engine: Engine) -> None:
    statements = list(list_statements(TOWNS, SECRET))
    for statement in statements:
        # It reads them; only a server carries them out.
        text = statement.replace("\\", "\\\\").replace("'", "\\'")
        assert engine.run("operator", f"SELECT length(formatQuerySingleLine('{text}')) > 10") == "1\n", (
            statement
        )
    written = "\n".join(statements)
    assert SECRET.reveal() not in written
    assert make_password(SECRET, "urbanlab_alba_analyst").reveal() not in written
    assert f"USER OR REPLACE {ADMINISTRATOR} " not in written
    assert "GRANT ALL" not in written


@given(rows=st.binary(max_size=200), size=st.integers(1, 60), said=st.text(max_size=40))
def test_an_error_behind_rows_is_told_from_them_wherever_pieces_end(
    rows: bytes, size: int, said: str
) -> None:
    text = f"Code: 395. DB::Exception: {said}. (X)\n"
    for stream, expected in ((rows + encode_late_error("t4g", text), text.rstrip("\n")), (rows, None)):
        late = LateErrors("t4g")
        pieces = [late.feed(stream[begin : begin + size]) for begin in range(0, len(stream), size)]
        assert b"".join([*pieces, late.finish()]) == rows
        assert late.error == (None if expected is None else text.rstrip("\n"))
