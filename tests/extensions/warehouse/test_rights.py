"""Each right and who has it, at both walls: the policy before the engine, and the bare role in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from urbanlab_services.warehouse.errors import WarehouseError

from .engine_parse import Engine, open_engine

PREPARATION = (
    "CREATE TABLE alpha.more (a Int8) ENGINE = MergeTree ORDER BY a",
    "CREATE TABLE alpha.sensors (id String) ENGINE = MergeTree ORDER BY id",
    "CREATE TABLE lab_alpha.draft (a Int8) ENGINE = MergeTree ORDER BY a",
    "CREATE VIEW open_data.beta__air SQL SECURITY NONE AS SELECT 'public' AS a FROM beta.secret",
    "CREATE VIEW shared_with_alpha.celle__air SQL SECURITY NONE AS SELECT 'shared' AS a FROM beta.secret",
    "CREATE VIEW shared_with_beta.alpha__air SQL SECURITY NONE AS SELECT 'shared' AS a FROM alpha.footfall",
    "CREATE VIEW shared_with_alpha.celle__rain SQL SECURITY NONE AS SELECT 'shared' AS a FROM beta.secret",
)
ACCESSES = ("analyst", "steward", "reports", "publications")
NOBODY, STEWARD, STAFF = (), ("steward",), ("analyst", "steward")
DECLARED, ALL = (*STAFF, "reports"), ACCESSES  # the tenant's file names it for the reports

RIGHTS = (
    # reading
    ("SELECT people FROM alpha.footfall", DECLARED),
    ("SELECT a FROM alpha.more", STAFF),
    ("SELECT people FROM lab_alpha.own", DECLARED),
    ("SELECT a FROM lab_alpha.draft", STAFF),
    ("SELECT a FROM shared_with_alpha.celle__air", DECLARED),
    ("SELECT a FROM shared_with_alpha.celle__rain", STAFF),
    ("SELECT a FROM open_data.beta__air", ALL),
    ("SELECT people FROM beta.footfall", NOBODY),
    ("SELECT * FROM shared_with_beta.alpha__air", NOBODY),
    # rows
    ("INSERT INTO lab_alpha.own SELECT now(), 'x', 1", STAFF),
    ("DELETE FROM lab_alpha.own WHERE people = 7", STAFF),
    ("INSERT INTO alpha.footfall SELECT now(), 'x', 1", STEWARD),
    ("INSERT INTO alpha.more SELECT 1", STEWARD),
    ("INSERT INTO alpha.sensors SELECT 'x'", NOBODY),
    ("INSERT INTO beta.footfall SELECT now(), 'x', 1", NOBODY),
    ("DELETE FROM alpha.footfall WHERE people = 7", STEWARD),
    ("ALTER TABLE alpha.footfall UPDATE people = 2 WHERE people = 7", STEWARD),
    ("ALTER TABLE alpha.footfall DELETE WHERE people = 7", STEWARD),
    ("OPTIMIZE TABLE alpha.footfall", STEWARD),
    ("ALTER TABLE alpha.sensors DELETE WHERE id = 'x'", NOBODY),
    # tables of the workshop
    ("CREATE TABLE IF NOT EXISTS lab_alpha.fresh (a Int8) ENGINE = MergeTree ORDER BY a", STAFF),
    ("CREATE OR REPLACE VIEW lab_alpha.glance AS SELECT people FROM alpha.footfall", STAFF),
    ("ALTER TABLE lab_alpha.draft ADD COLUMN IF NOT EXISTS b Int8", STAFF),
    ("ALTER TABLE lab_alpha.draft ADD CONSTRAINT IF NOT EXISTS c CHECK a < 100", STAFF),
    ("RENAME TABLE IF EXISTS lab_alpha.gone TO lab_alpha.back", STAFF),
    ("TRUNCATE TABLE lab_alpha.draft", STAFF),
    ("DROP TABLE lab_alpha.spare", STAFF),
    # own data that the tenant's file does not declare
    ("CREATE TABLE IF NOT EXISTS alpha.fresh (a Int8) ENGINE = MergeTree ORDER BY a", STEWARD),
    ("CREATE OR REPLACE VIEW alpha.glance AS SELECT people FROM alpha.footfall", STEWARD),
    ("ALTER TABLE alpha.more ADD COLUMN IF NOT EXISTS b Int8", STEWARD),
    ("RENAME TABLE IF EXISTS alpha.gone TO alpha.back", STEWARD),
    ("TRUNCATE TABLE alpha.more", STEWARD),
    ("DROP TABLE alpha.spare", STEWARD),
    # what it declares stays as the catalogue says
    ("ALTER TABLE alpha.footfall ADD COLUMN b Int8", NOBODY),
    ("ALTER TABLE alpha.footfall MODIFY TTL hour + INTERVAL 1 DAY", NOBODY),
    ("ALTER TABLE alpha.footfall MODIFY COMMENT 'x'", NOBODY),
    ("RENAME TABLE alpha.footfall TO alpha.feet", NOBODY),
    ("RENAME TABLE alpha.more TO alpha.sensors", NOBODY),
    ("EXCHANGE TABLES alpha.more AND alpha.footfall", NOBODY),
    ("CREATE OR REPLACE TABLE alpha.footfall (a Int8) ENGINE = MergeTree ORDER BY a", NOBODY),
    ("TRUNCATE TABLE alpha.footfall", NOBODY),
    ("DROP TABLE alpha.footfall", NOBODY),
    ("DROP TABLE alpha.sensors", NOBODY),
    # what others are shown
    ("CREATE VIEW open_data.alpha__own AS SELECT 1", NOBODY),
    ("CREATE VIEW shared_with_beta.alpha__own AS SELECT 1", NOBODY),
    ("DROP VIEW open_data.beta__air", NOBODY),
    ("DROP VIEW shared_with_alpha.celle__air", NOBODY),
)
REFUSALS = r"You may not change|no such table|declares"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine(tmp_path_factory.mktemp("rights")) as engine:
        for statement in PREPARATION:
            engine.run("operator", statement)
        yield engine


@pytest.mark.parametrize("access", ACCESSES)
@pytest.mark.parametrize(("statement", "who"), RIGHTS)
def test_a_right_holds_at_the_first_wall(
    engine: Engine, statement: str, who: tuple[str, ...], access: str
) -> None:
    if access in who:
        assert engine.judge(statement, access).role == f"alpha_{access}"
    else:
        with pytest.raises(WarehouseError, match=REFUSALS):
            engine.judge(statement, access)


@pytest.mark.parametrize("access", ACCESSES)
@pytest.mark.parametrize(("statement", "who"), RIGHTS)
def test_a_right_holds_at_the_second_wall(
    engine: Engine, statement: str, who: tuple[str, ...], access: str
) -> None:
    for database in ("alpha", "lab_alpha") if "spare" in statement else ():
        engine.run(
            "operator", f"CREATE TABLE IF NOT EXISTS {database}.spare (a Int8) ENGINE = MergeTree ORDER BY a"
        )
    answer = engine.run_allowing_errors(f"alpha_{access}", statement)
    if access in who:
        assert "DB::Exception" not in answer
    else:
        assert "ACCESS_DENIED" in answer or "UNKNOWN_TABLE" in answer


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM {}", "SELECT 1 IN {}", "SELECT * FROM (SELECT * FROM {}) AS x"]
)
def test_a_report_reads_without_the_database_what_it_declares(engine: Engine, statement: str) -> None:
    assert engine.judge(statement.format("footfall"), "reports").kind == "read"
    assert engine.judge(f"WITH more AS (SELECT 1 AS a) {statement.format('more')}", "reports").kind == "read"
    with pytest.raises(WarehouseError, match=r"no such table.*: more"):
        engine.judge(statement.format("more"), "reports")


def test_what_a_report_declares_can_be_described_and_nothing_else(engine: Engine) -> None:
    for statement in (
        "DESCRIBE TABLE alpha.footfall",
        "SHOW COLUMNS FROM own FROM lab_alpha",
        "EXISTS TABLE footfall",
    ):
        assert engine.judge(statement, "reports").kind == "show"
    for statement in ("DESCRIBE TABLE alpha.more", "SHOW COLUMNS FROM more", "SHOW TABLES FROM lab_alpha"):
        with pytest.raises(WarehouseError, match="no such table"):
            engine.judge(statement, "reports")


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (
            "ALTER TABLE alpha.footfall DROP COLUMN people",
            "alpha.footfall is a feed that the tenant's file declares: its rows can be added, corrected "
            "and deleted; what columns it has is changed in that file, by the operator",
        ),
        (
            "INSERT INTO alpha.sensors SELECT 'x'",
            "You may not change alpha.sensors; it is written from the tenant's file; you may write to alpha, "
            "lab_alpha",
        ),
        (
            "INSERT INTO beta.footfall SELECT 1",
            "There is no such table or database, or it is none of yours: beta.footfall",
        ),
    ],
)
def test_a_steward_reads_why_and_what_to_do(engine: Engine, statement: str, sentence: str) -> None:
    with pytest.raises(WarehouseError) as caught:
        engine.judge(statement, "steward")
    assert caught.value.message == sentence
