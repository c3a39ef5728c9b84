"""The first wall: statements that analysts write are admitted, everything else is refused by name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from urbanlab_services.warehouse.errors import WarehouseError
from urbanlab_services.warehouse.policy import check_settings

from .admitted_statements import CHANGES, INSERTS, READS, SHOWS
from .engine_parse import Engine, open_engine
from .hostile_statements import HOSTILE, IN_AN_EXPRESSION, UNREADABLE

PARSER_CODES = (62, 306, 167)  # syntax error, parsed too deeply, tree too deep
PARAMETERS = {"own": "footfall", "database": "alpha", "column": "people", "name": "own", "lab": "lab_alpha"}
# What a parameter may hold to reach another's table; all of it is tried in every place for a name.
FOREIGN = {"d": "beta", "t": "secret", "dotted": "beta.secret", "quoted": "beta`.`secret", "f": "file"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine(tmp_path_factory.mktemp("policy")) as engine:
        yield engine


def refusal(engine: Engine, statement: str, **parameters: str) -> str:
    """Return the sentence that an analyst reads."""
    with pytest.raises(WarehouseError) as caught:
        engine.judge(statement, **parameters)
    return caught.value.message


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        (statement, kind)
        for kind, statements in {"read": READS, "show": SHOWS, "insert": INSERTS, "change": CHANGES}.items()
        for statement in statements
    ],
)
def test_what_an_analyst_writes_is_admitted(engine: Engine, statement: str, kind: str) -> None:
    parameters = {} if kind == "insert" else PARAMETERS
    assert engine.judge(statement, **parameters).kind == kind


@pytest.mark.parametrize(("statement", "named"), HOSTILE)
def test_a_hostile_statement_is_refused_by_name(engine: Engine, statement: str, named: str) -> None:
    assert named in refusal(engine, statement, **FOREIGN)


@pytest.mark.parametrize(("expression", "named"), IN_AN_EXPRESSION)
@pytest.mark.parametrize(
    "place",
    [
        "SELECT {}",
        "SELECT 1 FROM footfall WHERE {} = ''",
        "SELECT 1 FROM footfall PREWHERE {} = ''",
        "SELECT 1 FROM footfall GROUP BY {}",
        "SELECT 1 FROM footfall GROUP BY GROUPING SETS (({}), ())",
        "SELECT 1 FROM footfall HAVING {} = ''",
        "SELECT 1 FROM footfall ORDER BY {} WITH FILL FROM {} TO {}",
        "SELECT 1 FROM footfall LIMIT 1 BY {}",
        "SELECT 1 LIMIT {}",
        "SELECT 1 FROM footfall QUALIFY {} = ''",
        "SELECT 1 FROM footfall AS a JOIN footfall AS b ON {} = ''",
        "SELECT 1 FROM footfall ARRAY JOIN [{}] AS x",
        "SELECT sum(1) OVER (PARTITION BY {} ORDER BY {} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
        "SELECT sum(1) OVER w FROM footfall WINDOW w AS (ORDER BY {})",
        "SELECT * REPLACE ({} AS people) FROM footfall",
        "SELECT * APPLY (x -> concat(x, {})) FROM footfall",
        "SELECT COLUMNS('p') APPLY (x -> {}) FROM footfall",
        "SELECT arrayMap(x -> {}, [1])",
        "SELECT quantile(toFloat64({}))(people) FROM footfall",
        "SELECT count() FILTER (WHERE {} = '') FROM footfall",
        "SELECT CASE WHEN {} = '' THEN 1 ELSE 2 END",
        "SELECT CAST({} AS String), ({})::String, [{}][1], ({}, 1).1, map('k', {})",
        "WITH {} AS x SELECT x",
        "WITH x AS (SELECT {}) SELECT * FROM x",
        "WITH (x -> {}) AS f SELECT f(1)",
        "SELECT 1 UNION ALL SELECT {}",
        "SELECT 1 INTERSECT SELECT {}",
        "SELECT * FROM (SELECT {})",
        "SELECT 1 IN (SELECT {})",
        "SELECT exists(SELECT {})",
        "SELECT * FROM view(SELECT {})",
        "SELECT * FROM numbers(toUInt64({}))",
        "SELECT * FROM values('a String', ({}))",
        "EXPLAIN SELECT {}",
        "EXPLAIN AST SELECT {}",
        "SHOW TABLES WHERE name = {}",
        "INSERT INTO lab_alpha.own SELECT {}",
        "INSERT INTO lab_alpha.own WITH x AS (SELECT {}) SELECT * FROM x",
        "CREATE VIEW lab_alpha.v AS SELECT {}",
        "CREATE TABLE lab_alpha.t ENGINE = MergeTree ORDER BY tuple() AS SELECT {}",
        "CREATE TABLE lab_alpha.t (a Int8, b String DEFAULT {}) ENGINE = MergeTree ORDER BY a",
        "CREATE TABLE lab_alpha.t (a Int8, b String MATERIALIZED {}) ENGINE = MergeTree ORDER BY a",
        "CREATE TABLE lab_alpha.t (a Int8, b String ALIAS {}) ENGINE = MergeTree ORDER BY a",
        "CREATE TABLE lab_alpha.t (a Int8, b String EPHEMERAL {}) ENGINE = MergeTree ORDER BY a",
        "CREATE TABLE lab_alpha.t (a Int8, CONSTRAINT c CHECK {} = '') ENGINE = MergeTree ORDER BY a",
        "CREATE TABLE lab_alpha.t (a Int8, INDEX i {} TYPE minmax) ENGINE = MergeTree ORDER BY a",
        "CREATE TABLE lab_alpha.t (a Date, b Int8 TTL toDate({})) ENGINE = MergeTree ORDER BY a",
        "CREATE TABLE lab_alpha.t (a Int8) ENGINE = MergeTree ORDER BY {}",
        "CREATE TABLE lab_alpha.t (a Int8) ENGINE = MergeTree PARTITION BY {} ORDER BY a",
        "CREATE TABLE lab_alpha.t (a Int8) ENGINE = MergeTree PRIMARY KEY {} ORDER BY a",
        "CREATE TABLE lab_alpha.t (a Int8) ENGINE = MergeTree ORDER BY a SAMPLE BY {}",
        "CREATE TABLE lab_alpha.t (a Date) ENGINE = MergeTree ORDER BY a TTL toDate({})",
        "CREATE TABLE lab_alpha.t (a Date) ENGINE = MergeTree ORDER BY a TTL a DELETE WHERE {} = ''",
        "CREATE TABLE lab_alpha.t (a Date) ENGINE = MergeTree ORDER BY a TTL a GROUP BY a SET b = {}",
        "ALTER TABLE lab_alpha.own ADD COLUMN b String DEFAULT {}",
        "ALTER TABLE lab_alpha.own MODIFY COLUMN sensor DEFAULT {}",
        "ALTER TABLE lab_alpha.own MODIFY TTL toDate({})",
        "ALTER TABLE lab_alpha.own UPDATE sensor = {} WHERE 1",
        "ALTER TABLE lab_alpha.own DELETE WHERE sensor = {}",
        "ALTER TABLE lab_alpha.own ADD INDEX i {} TYPE minmax",
        "DELETE FROM lab_alpha.own WHERE sensor = {}",
    ],
)
def test_an_expression_is_looked_at_in_every_place(
    engine: Engine, place: str, expression: str, named: str
) -> None:
    assert named in refusal(engine, place.replace("{}", expression))


@pytest.mark.parametrize(
    "place",
    [
        "SELECT 1 SETTINGS {}",
        "SELECT * FROM (SELECT 1 SETTINGS {})",
        "SELECT (SELECT 1 SETTINGS {})",
        "SELECT 1 IN (SELECT 1 SETTINGS {})",
        "WITH t AS (SELECT 1 SETTINGS {}) SELECT * FROM t",
        "SELECT 1 UNION ALL SELECT 2 SETTINGS {}",
        "SELECT 1 FORMAT CSV SETTINGS {}",
        "SELECT * FROM view(SELECT 1 SETTINGS {})",
        "EXPLAIN SELECT 1 SETTINGS {}",
        "SHOW TABLES SETTINGS {}",
        "INSERT INTO lab_alpha.own SETTINGS {} SELECT 1",
        "INSERT INTO lab_alpha.own SETTINGS {} FORMAT CSV",
        "INSERT INTO lab_alpha.own SELECT 1 SETTINGS {}",
        "CREATE TABLE lab_alpha.t (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS {}",
        "CREATE TABLE lab_alpha.t ENGINE = MergeTree ORDER BY a AS SELECT 1 AS a SETTINGS {}",
        "CREATE TABLE lab_alpha.t (a Int8 SETTINGS ({})) ENGINE = MergeTree ORDER BY a",
        "CREATE VIEW lab_alpha.v AS SELECT 1 SETTINGS {}",
    ],
)
@pytest.mark.parametrize(
    "setting",
    [
        "readonly = 0",
        "max_threads = 1, log_comment = 'x'",
        "format_schema = 'x'",
        "disk = disk(type = local)",
    ],
)
def test_a_setting_off_the_list_is_refused_wherever_it_stands(
    engine: Engine, place: str, setting: str
) -> None:
    sentence = refusal(engine, place.replace("{}", setting))
    assert "cannot be changed" in sentence
    assert setting.rpartition(",")[2].split()[0] in sentence


def test_a_setting_beside_the_statement_is_checked_too() -> None:
    check_settings({"max_threads": "2", "session_timezone": "Europe/Berlin"})
    with pytest.raises(WarehouseError, match="The setting readonly cannot be changed"):
        check_settings({"max_threads": "2", "readonly": "0"})


@pytest.mark.parametrize("statement", UNREADABLE)
def test_text_that_is_no_single_statement_is_an_error_of_the_parser(engine: Engine, statement: str) -> None:
    with pytest.raises(WarehouseError) as caught:
        engine.judge(statement)
    assert caught.value.number in PARSER_CODES
    assert "parseQueryToJSON" not in caught.value.message


@pytest.mark.parametrize("depth", [50, 300])
def test_depth_hides_nothing_from_the_policy(engine: Engine, depth: int) -> None:
    nested = "SELECT " + "toString(" * depth + "{}" + ")" * depth
    assert engine.judge(nested.replace("{}", "1")).kind == "read"
    assert "file()" in refusal(engine, nested.replace("{}", "file('/x')"))


def test_a_statement_too_deep_to_read_is_refused(engine: Engine) -> None:
    assert "nested too deeply" in refusal(engine, "SELECT " + "toString(" * 400 + "1" + ")" * 400)


def test_a_statement_as_long_as_the_parser_takes_is_judged_to_its_end(engine: Engine) -> None:
    many = ", ".join(f"toString({number})" for number in range(8000))
    assert engine.judge(f"SELECT {many}").kind == "read"
    assert "file()" in refusal(engine, f"SELECT {many}, file('/x')")


def test_another_tenants_table_and_a_missing_one_get_the_same_answer(engine: Engine) -> None:
    there, missing = (refusal(engine, f"SELECT * FROM beta.{table}") for table in ("secret", "nothing"))
    assert there.replace("secret", "nothing") == missing


# As they are sent, and as the engine writes them: this is what is judged and run.
CANONICAL = (
    ("select 1 -- file('/x')\n/* ; */;", "SELECT 1"),
    ("SELECT/**/people\tFROM\n`alpha`.footfall", "SELECT people FROM alpha.footfall"),
    ('SELECT "people" FROM "alpha"."footfall"', "SELECT people FROM alpha.footfall"),
    ("SELECT\u00a0a.people\u3000FROM footfall a", "SELECT a.people FROM footfall AS a"),
    ("FROM footfall SELECT 'SET ROLE operator'", "SELECT 'SET ROLE operator' FROM footfall"),
    ("SELECT 'b\\x65ta.secret', 'a\\'b'", "SELECT 'beta.secret', 'a\\'b'"),
    ("SELECT 0x1F, 1e3, $$t$$, DATE '2025-01-01'", "SELECT 31, 1000., 't', toDate('2025-01-01')"),
    ("SELECT 1 FORMAT CSV", "SELECT 1"),
    ("DESC footfall", "DESCRIBE TABLE footfall"),
    ("SHOW CREATE own FORMAT CSV", "SHOW CREATE TABLE own"),
    ("SELECT * FROM (VALUES (1))", "SELECT * FROM (SELECT * FROM SQLStandardValues((1)))"),
    ("INSERT INTO lab_alpha.own(people)select 1", "INSERT INTO lab_alpha.own (people) SELECT 1"),
    ("drop table lab_alpha . own", "DROP TABLE lab_alpha.own"),
)


@pytest.mark.parametrize(("sent", "run"), CANONICAL)
def test_what_is_run_is_the_engines_own_text(engine: Engine, sent: str, run: str) -> None:
    assert engine.judge(sent).text == run


@pytest.mark.parametrize("statement", READS + SHOWS + CHANGES)
def test_the_text_that_is_run_is_judged_like_the_text_that_was_sent(engine: Engine, statement: str) -> None:
    job = engine.judge(statement, **PARAMETERS)
    again = engine.judge(job.text, **PARAMETERS)
    assert (again.text, again.kind, again.tables) == (job.text, job.kind, job.tables)


@pytest.mark.parametrize("statement", READS + SHOWS + INSERTS + CHANGES)
def test_the_tree_that_is_judged_holds_all_that_the_text_says(engine: Engine, statement: str) -> None:
    parameters = {} if statement in INSERTS else PARAMETERS
    assert engine.find_loss(engine.judge(statement, **parameters).text) == ""


def test_no_hostile_piece_is_missing_in_the_tree(engine: Engine) -> None:
    for statement, _ in HOSTILE:
        canonical = asyncio.run(engine.parse(statement)).text
        assert engine.find_loss(canonical) == "", statement


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (
            "SELECT * FROM url('http://h/', 'CSV')",
            "The table function url() is not available in this warehouse; bring files in with ul.load",
        ),
        (
            "SELECT dictGet('d', 'a', 1)",
            "The function dictGet() is not available in this warehouse; use JOIN",
        ),
        (
            "UPDATE lab_alpha.own SET people = 1 WHERE 1",
            "UPDATE is not available in this warehouse; write ALTER TABLE … UPDATE … WHERE …",
        ),
        (
            "USE beta",
            "USE is not available in this warehouse; write the database before the name of the table",
        ),
        (
            "SELECT engine_full FROM system.tables",
            "engine_full is not available in a statement that reads system.tables: name some of its columns "
            "database, engine, is_temporary, name, partition_key, primary_key, sorting_key, total_bytes, "
            "total_rows, without names of your own for them",
        ),
        ("ALTER TABLE lab_alpha.own FREEZE", "ALTER TABLE … FREEZE ALL is not available in this warehouse"),
        (
            "CREATE TABLE lab_alpha.t (a Int8, PROJECTION p (SELECT a)) ENGINE = MergeTree ORDER BY a",
            "PROJECTION DECLARATION is not available in this warehouse",
        ),
    ],
)
def test_a_refusal_says_what_to_do_where_it_can(engine: Engine, statement: str, sentence: str) -> None:
    assert refusal(engine, statement) == sentence


@pytest.mark.parametrize(
    ("command", "fills"),
    [
        ("UPDATE sensor = repeat(sensor, 1000) WHERE 1", "lab_alpha"),
        ("MODIFY COLUMN people String", "lab_alpha"),
        ("MATERIALIZE COLUMN sensor", "lab_alpha"),
        ("MATERIALIZE INDEX i", "lab_alpha"),
        ("DELETE WHERE 1", ""),
        ("DROP COLUMN sensor", ""),
    ],
)
def test_what_may_make_a_table_larger_is_watched(engine: Engine, command: str, fills: str) -> None:
    assert engine.judge(f"ALTER TABLE lab_alpha.own {command}").fills == fills
