"""The second wall: what a tenant's role cannot reach in the bare engine, with no policy before it."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from chdb._exceptions import ChdbError

from urbanlab_services.warehouse.engine import roles
from urbanlab_services.warehouse.errors import WarehouseError, from_engine

from .engine_parse import MARKER, TENANTS, Engine, open_engine
from .hostile_statements import HOSTILE

ROWS = "(k String, a String) ENGINE = MergeTree"
ROLES = ("alpha_analyst", "alpha_steward", "alpha_reports", "alpha_publications", "nobody")
FOREIGN = {"d": "beta", "t": "secret"}

# Statements in order; together they may build something in the lab first and read it afterwards.
_READING = (
    "SELECT * FROM beta.secret",
    "SELECT a FROM beta.view",
    f"SELECT '{MARKER[:4]}' || if('{MARKER}' IN beta.secret, '{MARKER[4:]}', '')",
    "SELECT * FROM merge('beta', '.*')",
    "SELECT * FROM merge(REGEXP('.*'), 'secret')",
    "SELECT * FROM remote('127.0.0.1', beta, secret)",
    "SELECT * FROM loop('beta', 'secret') LIMIT 1",
    "SELECT * FROM mergeTreeIndex('beta', 'secret', with_minmax = 1)",
    "SELECT * FROM viewIfPermitted(SELECT a FROM beta.secret ELSE null('a String'))",
    "SELECT joinGet('beta.joined', 'a', 'k')",
    "SELECT a FROM beta.joined",
    "CREATE TABLE lab_alpha.merged (a String) ENGINE = Merge('beta', 'secret');SELECT * FROM lab_alpha.merged",
    "CREATE TABLE lab_alpha.buffer (a String) ENGINE = Buffer(beta, secret, 1, 1, 1, 1, 1, 1, 1);"
    "SELECT * FROM lab_alpha.buffer",
    "CREATE TABLE lab_alpha.alias ENGINE = Alias(beta, secret);SELECT * FROM lab_alpha.alias",
    "CREATE TABLE lab_alpha.far (a String) ENGINE = Distributed('default', 'beta', 'secret');SELECT "
    "* FROM lab_alpha.far",
    "CREATE TABLE lab_alpha.clone CLONE AS beta.secret;SELECT * FROM lab_alpha.clone",
    "CREATE TABLE lab_alpha.copy ENGINE = MergeTree ORDER BY a AS SELECT * FROM beta.secret;SELECT "
    "* FROM lab_alpha.copy",
    "CREATE VIEW lab_alpha.v1 AS SELECT * FROM beta.secret;SELECT * FROM lab_alpha.v1",
    "CREATE VIEW lab_alpha.v2 SQL SECURITY NONE AS SELECT * FROM beta.secret;SELECT * FROM lab_alpha.v2",
    "CREATE VIEW lab_alpha.v3 DEFINER = default SQL SECURITY DEFINER AS SELECT * FROM beta.secret;"
    "SELECT * FROM lab_alpha.v3",
    "CREATE VIEW lab_alpha.v4 (a String) AS SELECT a FROM merge('beta', 'secret');SELECT * FROM lab_alpha.v4",
    "CREATE MATERIALIZED VIEW lab_alpha.m1 ENGINE = MergeTree ORDER BY a POPULATE AS SELECT * FROM beta.secret;"
    "SELECT * FROM lab_alpha.m1",
    "CREATE MATERIALIZED VIEW lab_alpha.m2 REFRESH EVERY 1 SECOND ENGINE = MergeTree ORDER BY a "
    "AS SELECT * FROM beta.secret;SELECT * FROM lab_alpha.m2",
    "CREATE DICTIONARY lab_alpha.d (a String) PRIMARY KEY a SOURCE(CLICKHOUSE(QUERY 'SELECT a FROM beta.secret')) "
    "LAYOUT(COMPLEX_KEY_HASHED()) LIFETIME(0);SELECT * FROM lab_alpha.d;SELECT * FROM dictionary('lab_alpha.d')",
    "CREATE TABLE lab_alpha.late (k String, a String DEFAULT joinGet('beta.joined', 'a', 'k')) ORDER BY k;"
    "INSERT INTO lab_alpha.late (k) VALUES ('k');SELECT * FROM lab_alpha.late",
    "CREATE TABLE lab_alpha.sub (k String, a String DEFAULT (SELECT any(a) FROM beta.secret)) ORDER BY k;"
    "INSERT INTO lab_alpha.sub (k) VALUES ('k');SELECT * FROM lab_alpha.sub",
    "CREATE TABLE IF NOT EXISTS lab_alpha.s (a String) ORDER BY a;"
    "ALTER TABLE lab_alpha.s ATTACH PARTITION tuple() FROM beta.secret;SELECT * FROM lab_alpha.s",
    "CREATE TABLE IF NOT EXISTS lab_alpha.s (a String) ORDER BY a;"
    "ALTER TABLE lab_alpha.s REPLACE PARTITION tuple() FROM beta.secret;SELECT * FROM lab_alpha.s",
    "CREATE TABLE IF NOT EXISTS lab_alpha.s (a String) ORDER BY a;"
    "INSERT INTO lab_alpha.s SELECT * FROM beta.secret;SELECT * FROM lab_alpha.s",
    "CREATE TEMPORARY TABLE x AS SELECT * FROM beta.secret;SELECT * FROM x",
    "CREATE TEMPORARY TABLE x (a String) ENGINE = Merge('beta', 'secret');SELECT * FROM x",
    "CREATE TEMPORARY TABLE x (a String) ENGINE = Buffer(beta, secret, 1, 1, 1, 1, 1, 1, 1);SELECT * FROM x",
    # What runs later, in nobody's name: mutations, keys, and what old rows should have been.
    f"CREATE TABLE lab_alpha.u {ROWS} ORDER BY k;INSERT INTO lab_alpha.u VALUES ('k', 'x');"
    "ALTER TABLE lab_alpha.u UPDATE a = (SELECT any(a) FROM beta.secret) WHERE 1 "
    "SETTINGS mutations_sync = 2;SELECT * FROM lab_alpha.u",
    f"CREATE TABLE lab_alpha.u {ROWS} ORDER BY k;INSERT INTO lab_alpha.u VALUES ('k', 'x');"
    "ALTER TABLE lab_alpha.u UPDATE a = joinGet('beta.joined', 'a', k) WHERE 1 "
    "SETTINGS mutations_sync = 2;SELECT * FROM lab_alpha.u",
    f"CREATE TABLE lab_alpha.u {ROWS} ORDER BY k;INSERT INTO lab_alpha.u VALUES ('k', 'x');"
    "ALTER TABLE lab_alpha.u ADD COLUMN b String MATERIALIZED joinGet('beta.joined', 'a', k);"
    "ALTER TABLE lab_alpha.u MATERIALIZE COLUMN b SETTINGS mutations_sync = 2;SELECT b FROM lab_alpha.u",
    f"CREATE TABLE lab_alpha.w {ROWS} PARTITION BY (SELECT any(a) FROM beta.secret) ORDER BY k;"
    "INSERT INTO lab_alpha.w VALUES ('k', 'x');SELECT partition FROM system.parts WHERE table = 'w'",
    f"CREATE TABLE lab_alpha.o {ROWS} ORDER BY k;"
    "ALTER TABLE lab_alpha.o ADD COLUMN z String, MODIFY ORDER BY (k, joinGet('beta.joined', 'a', z));"
    "INSERT INTO lab_alpha.o VALUES ('k', 'x', 'k');SELECT * FROM mergeTreeIndex('lab_alpha', 'o')",
    "CREATE TABLE lab_alpha.l (k String, a String TTL toDateTime(length(joinGet('beta.joined', 'a', k)))) "
    "ENGINE = MergeTree ORDER BY k;INSERT INTO lab_alpha.l VALUES ('k', 'x');SELECT * FROM lab_alpha.l",
    "CREATE TABLE lab_alpha.i (k String, INDEX i joinGet('beta.joined', 'a', k) TYPE set(9)) ENGINE = MergeTree "
    "ORDER BY k;INSERT INTO lab_alpha.i VALUES ('k');SELECT * FROM mergeTreeIndex('lab_alpha', 'i')",
    "SELECT a FROM beta.secret SETTINGS use_query_cache = 1",
    "SELECT * FROM lab_alpha.own SETTINGS additional_result_filter = 'sensor IN (SELECT a FROM beta.secret)'",
    "CREATE TEMPORARY TABLE y (a String) ENGINE = Merge('beta', 'secret');SELECT * FROM y",
    "CREATE TEMPORARY TABLE z (a String) ENGINE = Distributed('default', 'beta', 'secret');SELECT * FROM z",
    "BACKUP TABLE beta.secret TO Memory('b');RESTORE TABLE beta.secret AS lab_alpha.back FROM Memory('b');"
    "SELECT * FROM lab_alpha.back",
    "CREATE FUNCTION peek AS x -> (SELECT any(a) FROM beta.secret);SELECT peek(1)",
    "EXPLAIN SELECT * FROM beta.secret",
    "SELECT * FROM (EXPLAIN ESTIMATE SELECT * FROM beta.secret)",
    "EXPLAIN QUERY TREE SELECT * FROM beta.view",
)
_TAKING = (
    "CREATE TABLE lab_alpha.t (a String) ORDER BY a;"
    "ALTER TABLE beta.secret MOVE PARTITION tuple() TO TABLE lab_alpha.t;SELECT * FROM lab_alpha.t",
    "RENAME TABLE beta.secret TO lab_alpha.stolen;SELECT * FROM lab_alpha.stolen",
    "EXCHANGE TABLES beta.secret AND lab_alpha.t;SELECT * FROM lab_alpha.t",
    "GRANT SELECT ON beta.* TO alpha_analyst;SELECT * FROM beta.secret",
)
_CHANGING = (
    "INSERT INTO beta.secret VALUES ('x')",
    "ALTER TABLE beta.secret DELETE WHERE 1 SETTINGS mutations_sync = 2",
    "ALTER TABLE beta.secret ADD COLUMN b Int8",
    "DELETE FROM beta.secret WHERE 1",
    "TRUNCATE TABLE beta.secret",
    "DROP TABLE beta.secret",
    "DETACH TABLE beta.secret",
    "OPTIMIZE TABLE beta.secret FINAL",
    "CREATE TABLE beta.more (a Int8) ORDER BY a",
    "CREATE DATABASE more",
    "DROP DATABASE beta",
    "CREATE TABLE lab_alpha.into (a String) ENGINE = Buffer(beta, secret, 1, 0, 0, 1, 1, 1, 1);"
    "INSERT INTO lab_alpha.into VALUES ('x');OPTIMIZE TABLE lab_alpha.into",
    "CREATE TABLE lab_alpha.from (a String) ENGINE = Null;"
    "CREATE MATERIALIZED VIEW lab_alpha.m3 TO beta.secret AS SELECT a FROM lab_alpha.from;"
    "INSERT INTO lab_alpha.from VALUES ('x')",
)
_LISTING = (
    "SHOW DATABASES",
    "SHOW TABLES FROM beta",
    "SELECT name FROM system.databases",
    "SELECT database, name FROM system.tables",
    "SELECT database, table, name FROM system.columns",
    "SELECT database, table FROM system.parts",
    "SELECT table_schema, table_name FROM information_schema.tables",
    "DESCRIBE TABLE beta.secret",
    "EXISTS TABLE beta.secret",
    "SHOW CREATE TABLE beta.secret",
    "CHECK TABLE beta.secret",
)
# `HOST` is a port on this machine that nobody may come to, `FILE` a file that the engine's account can read.
_REACHING = (
    *("SELECT * FROM url('http://HOST/', 'LineAsString')", "SELECT * FROM remote('HOST', beta, secret)"),
    *(
        "SELECT * FROM remoteSecure('HOST', beta, secret)",
        "SELECT * FROM postgresql('HOST', 'd', 't', 'u', 'p')",
    ),
    *("SELECT * FROM mysql('HOST', 'd', 't', 'u', 'p')", "SELECT * FROM redis('HOST', 'k', 'k String')"),
    "SELECT * FROM mongodb('HOST', 'd', 'c', 'u', 'p', 'k String')",
    *(
        "SELECT * FROM s3('http://HOST/bucket/x.csv', NOSIGN, 'CSV', 'a String')",
        "SELECT * FROM deltaLake('http://HOST/bucket/x')",
    ),
    *(
        "SELECT * FROM file('FILE', 'LineAsString')",
        "INSERT INTO FUNCTION file('FILE.new', 'CSV', 'a String') SELECT 'x'",
    ),
    *(
        "SELECT * FROM sqlite('FILE', 't')",
        "SELECT * FROM icebergLocal('FILE')",
        "SELECT * FROM odbc('DSN=x', 'd', 't')",
    ),
    "CREATE TABLE lab_alpha.n (a String) ENGINE = File(CSV, 'FILE')",
    "CREATE TABLE lab_alpha.n (a String) ENGINE = URL('http://HOST/', 'CSV')",
    "CREATE TABLE lab_alpha.n (a String) ENGINE = S3('http://HOST/bucket/x.csv', 'CSV')",
    "CREATE TABLE lab_alpha.n (a String) ENGINE = Kafka('HOST', 't', 'g', 'CSV')",
    "CREATE TABLE lab_alpha.n (a String) ENGINE = SQLite('FILE', 't')",
    # A disk of one's own is neither a table function nor an engine.
    "CREATE TABLE lab_alpha.n (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = web, endpoint = 'http://HOST/')",
    "CREATE TABLE lab_alpha.n (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = s3, "
    "endpoint = 'http://HOST/bucket/', access_key_id = 'a', secret_access_key = 'b')",
    *(
        "BACKUP TABLE lab_alpha.own TO File('FILE.new')",
        "CREATE DATABASE n ENGINE = MySQL('HOST', 'd', 'u', 'p')",
    ),
)
# What no grant holds back: the allow-list alone stops these. None of them reaches another tenant's rows while
# the engine process holds nothing worth reading, which is the third wall.
ONLY_THE_ALLOW_LIST = {
    "SELECT file('{file}')": "in a file",
    "INSERT INTO lab_alpha.lines FROM INFILE '{file}' FORMAT LineAsString;SELECT * FROM "
    "lab_alpha.lines": "in a file",
    "SELECT 'to a file' INTO OUTFILE '{target}';SELECT file('{target}')": "to a file",
    "SELECT currentRoles()": "alpha_analyst",
    "SET ROLE operator;SELECT currentRoles()": "operator",
    "SELECT query FROM system.processes": "system.processes",
    "SELECT name FROM system.errors UNION ALL SELECT 'errors'": "errors",
    "SELECT name FROM system.disks": "default",
    "SELECT name FROM system.server_settings": "max_thread_pool_size",
    "KILL QUERY WHERE 1 TEST": "default",
    "SELECT 1 SETTINGS format_schema = 'x'": "1",
    # The engine's lists are for everybody.
    "SELECT table FROM system.dropped_tables UNION ALL SELECT 'dropped'": "dropped",
    "SELECT user FROM system.user_processes": "default",
    "SELECT metadata_path != '' FROM system.tables WHERE name = 'footfall'": "1",
    "SELECT create_table_query FROM system.tables WHERE database = 'open_data'": "beta.secret",
    "SHOW CREATE TABLE open_data.celle__air": "beta.secret",
    "EXPLAIN SELECT * FROM open_data.celle__air": "beta.secret",
    "CREATE TEMPORARY TABLE x (a Int8);INSERT INTO x VALUES (7);SELECT a FROM x": "7",
    "CREATE TABLE lab_alpha.r (a String) ENGINE = Executable('id', 'CSV');SELECT 'made'": "made",
    # The key of a table is computed in nobody's name; `parsing.check_security` refuses this a second time.
    f"CREATE TABLE lab_alpha.key {ROWS} ORDER BY joinGet('beta.joined', 'a', k);"
    "INSERT INTO lab_alpha.key VALUES ('k', 'x');SELECT * FROM mergeTreeIndex('lab_alpha', 'key');"
    "DROP TABLE lab_alpha.key": MARKER,
    "SELECT 'waited' WHERE sleep(0.01) = 0": "waited",
    # The engine's process looks for this a second time, see `parsing.check_security`.
    "CREATE VIEW lab_alpha.v5 (a String) DEFINER = default SQL SECURITY DEFINER AS SELECT a FROM beta.secret;"
    "SELECT * FROM lab_alpha.v5;DROP VIEW lab_alpha.v5": MARKER,
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine(tmp_path_factory.mktemp("roles")) as engine:
        view = "CREATE VIEW open_data.celle__air SQL SECURITY NONE AS SELECT 'public' AS a FROM beta.secret"
        engine.run("operator", view)
        yield engine


def run_all(engine: Engine, role: str, statements: str) -> str:
    """Run statements in one session and return all they answer; a refusal does not end it."""
    answers = []
    connection = engine.connect()
    try:
        connection.query(f"SET ROLE {role}")
        for statement in statements.split(";"):
            try:
                answers.append(connection.query(statement, "TSV").bytes().decode(errors="replace"))
            except ChdbError:
                answers.append("")
    finally:
        connection.close()
    return "".join(answers)


@pytest.mark.parametrize("statements", _READING + _TAKING)
def test_a_role_reads_nothing_of_another_tenant(engine: Engine, statements: str) -> None:
    for role in ROLES:
        assert MARKER not in run_all(engine, role, statements), role


def test_the_attacks_are_real_for_whoever_has_every_right(engine: Engine) -> None:
    reached = set()
    for statements in _READING:
        if MARKER in run_all(engine, "operator", statements):
            reached.add(statements)
        # What they built would give later tests the marker.
        run_all(engine, "operator", "DROP DATABASE lab_alpha;CREATE DATABASE lab_alpha")
    assert len(reached) >= 25


def test_no_statement_of_the_hostile_list_reads_anything_with_the_role_alone(engine: Engine) -> None:
    reading = [statement for statement, _ in HOSTILE if "beta" in statement]
    assert len(reading) > 60
    for statement in reading:
        assert MARKER not in engine.run_allowing_errors("alpha_analyst", statement, **FOREIGN), statement


@pytest.mark.parametrize("statements", _CHANGING)
def test_a_role_changes_nothing_of_another_tenant(engine: Engine, statements: str) -> None:
    for role in ROLES:
        run_all(engine, role, statements)
    assert engine.run("operator", "SELECT * FROM beta.secret") == f"{MARKER}\n"
    assert engine.run("operator", "SHOW TABLES FROM beta").split() == ["footfall", "joined", "secret", "view"]


@pytest.mark.parametrize("statement", _LISTING)
def test_a_role_is_told_of_nothing_that_another_tenant_has(engine: Engine, statement: str) -> None:
    for role in ROLES:
        assert "beta" not in run_all(engine, role, statement)
        assert "secret" not in run_all(engine, role, statement)


def test_a_guess_at_another_table_is_answered_without_a_hint(engine: Engine) -> None:
    for table in ("beta.secret", "beta.secrets", "beta.nothing"):
        with pytest.raises(ChdbError) as caught:
            engine.run("alpha_analyst", f"SELECT * FROM {table}")
        error = from_engine(str(caught.value))
        assert error.message == f"There is no such table or database, or it is none of yours: {table}"


@pytest.mark.parametrize(
    ("role", "statement", "allowed"),
    [
        ("ingest", "INSERT INTO beta.footfall VALUES (now(), 'x', 1)", True),
        ("ingest", "SELECT * FROM beta.secret", False),
        ("ingest", "INSERT INTO beta.secret VALUES ('x')", False),
        ("ingest", "CREATE TABLE alpha.more (a Int8) ORDER BY a", False),
        ("publisher", "SELECT people FROM alpha.footfall", False),
        ("nobody", "SELECT people FROM alpha.footfall", False),
    ],
)
def test_a_role_of_the_platform_can_do_its_work_and_no_more(
    engine: Engine, role: str, statement: str, *, allowed: bool
) -> None:
    refused = "ACCESS_DENIED" in engine.run_allowing_errors(role, statement)
    assert refused is not allowed


@pytest.mark.parametrize("name", sorted(roles.LIMITS))
@pytest.mark.parametrize("form", ["SET {name} = {value}", "SELECT 1 SETTINGS {name} = {value}"])
def test_a_limit_can_be_lowered_and_never_lifted(engine: Engine, name: str, form: str) -> None:
    # No threads mean as many as the machine has: less than the ceiling, not more.
    for value in (roles.LIMITS[name] + 1, *([0] if name != "max_threads" else [])):
        with pytest.raises(ChdbError, match="SETTING_CONSTRAINT_VIOLATION"):
            engine.run("alpha_analyst", form.format(name=name, value=value))
    engine.run("alpha_analyst", form.format(name=name, value=max(1, roles.LIMITS[name] // 2)))


@pytest.mark.parametrize(
    "change",
    [
        "allow_introspection_functions = 1",
        "default_normal_view_sql_security = 'NONE'",
        "dialect = 'kusto'",
        "async_insert = 1",
    ],
)
def test_what_the_profile_fixes_stays(engine: Engine, change: str) -> None:
    with pytest.raises(ChdbError, match="SETTING_CONSTRAINT_VIOLATION"):
        engine.run("alpha_analyst", f"SET {change}")


@pytest.fixture(scope="module")
def connections() -> Iterator[tuple[int, list[object]]]:
    """A port on this machine, and who came there."""
    seen: list[object] = []

    def accept() -> None:
        with suppress(OSError):  # it is closed in the end
            while True:
                connection, address = listener.accept()
                seen.append(address)
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], seen


@pytest.mark.parametrize("statement", _REACHING)
def test_a_role_reaches_neither_the_network_nor_a_file(
    engine: Engine, connections: tuple[int, list[object]], tmp_path: Path, statement: str
) -> None:
    port, seen = connections
    (tmp_path / "lines").write_text("in a file\n")
    text = statement.replace("HOST", f"127.0.0.1:{port}").replace("FILE", str(tmp_path / "lines"))
    for role in ROLES:
        answer = engine.run_allowing_errors(role, text)
        assert re.search("ACCESS_DENIED|SETTING_CONSTRAINT_VIOLATION", answer), answer
    assert not seen


@pytest.mark.parametrize(("statements", "answer"), ONLY_THE_ALLOW_LIST.items())
def test_what_only_the_allow_list_stops_is_refused_there(
    engine: Engine, tmp_path: Path, statements: str, answer: str
) -> None:
    (tmp_path / "lines").write_text("in a file\n")
    statements = statements.format(file=tmp_path / "lines", target=tmp_path / "target")
    engine.run("operator", "CREATE TABLE IF NOT EXISTS lab_alpha.lines (a String) ORDER BY a")
    assert answer in run_all(engine, "alpha_analyst", statements)
    with pytest.raises(WarehouseError):
        engine.judge(statements.partition(";")[0])


def test_every_tenant_has_the_same_roles_and_none_may_create_freely() -> None:
    grants = roles.make_roles(TENANTS.values())
    for access in ("analyst", "steward", "reports", "publications"):
        ours, theirs = grants[f"alpha_{access}"], grants[f"beta_{access}"]
        assert [grant.replace("alpha", "beta") for grant in ours] == theirs
    powers = [power for name, listed in grants.items() if name != "operator" for power in listed]
    # In memory, and gone with its session: see the temporary tables above.
    harmless = "GRANT CREATE TEMPORARY TABLE ON *.*"
    wide = [power for power in powers if "CREATE ON" in power or "ALL ON" in power or "*.*" in power]
    assert set(wide) == {harmless}


def test_names_in_the_rendered_configuration_are_escaped(tmp_path: Path) -> None:
    assert "<grants><query>GRANT SELECT ON a&amp;b</query></grants>" in roles.render_users(
        {"r": ["GRANT SELECT ON a&b"]}
    )
    assert "a&lt;b" in roles.render_config(Path("/a<b"))


def test_what_is_acknowledged_is_on_the_disk_and_nobody_can_choose_otherwise(engine: Engine) -> None:
    asked = "SELECT name, value FROM system.merge_tree_settings WHERE name LIKE 'fsync%' AND changed ORDER BY name"
    assert engine.run("operator", asked) == "fsync_after_insert\t1\nfsync_part_directory\t1\n"
    with pytest.raises(WarehouseError, match="fsync_after_insert"):
        engine.judge(
            "CREATE TABLE lab_alpha.x (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS fsync_after_insert = 0"
        )
