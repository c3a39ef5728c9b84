"""The lists of names beside the policy, compared with what the engine itself knows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from urbanlab_services.warehouse import policy_names as names

from .engine_parse import Engine, open_engine

# Words of the language that the parser turns into functions of its own; the engine lists none of them.
SYNTAX = {"exists", "grouping", "lambda", "untuple"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine(tmp_path_factory.mktemp("lists")) as engine:
        yield engine


def test_every_function_of_the_engine_stands_on_exactly_one_list(engine: Engine) -> None:
    known = engine.list_names("SELECT lower(name) FROM system.functions")
    assert not names.ALLOWED_FUNCTIONS & names.REFUSED_FUNCTIONS
    assert known == (names.ALLOWED_FUNCTIONS | names.REFUSED_FUNCTIONS) - SYNTAX


def test_every_function_outside_the_engine_is_syntax(engine: Engine) -> None:
    known = engine.list_names("SELECT lower(name) FROM system.functions")
    assert names.ALLOWED_FUNCTIONS - known == SYNTAX


def test_a_function_is_admitted_only_by_its_own_name_or_a_combinator(engine: Engine) -> None:
    known = engine.list_names("SELECT name FROM system.functions")
    assert {name.lower() for name in known if names.is_allowed_function(name)} == (
        names.ALLOWED_FUNCTIONS - SYNTAX
    )
    assert {name.lower() for name in known if names.is_refused_function(name)} >= names.REFUSED_FUNCTIONS


def test_every_combinator_is_taken_off_allowed_and_refused_aggregates(engine: Engine) -> None:
    for combinator in engine.list_names("SELECT name FROM system.aggregate_function_combinators"):
        assert names.is_allowed_function(f"quantile{combinator}"), combinator
        assert names.is_allowed_function(f"sumArray{combinator}If"), combinator
        assert not names.is_allowed_function(f"flameGraph{combinator}"), combinator
        assert names.is_refused_function(f"flameGraph{combinator}If"), combinator


def test_no_aggregate_of_the_engine_slips_in_by_a_suffix(engine: Engine) -> None:
    combinators = engine.list_names("SELECT name FROM system.aggregate_function_combinators")
    refused = engine.list_names("SELECT name FROM system.functions WHERE is_aggregate") - {
        name
        for name in engine.list_names("SELECT name FROM system.functions WHERE is_aggregate")
        if names.is_allowed_function(name)
    }
    assert {name.lower() for name in refused} <= names.REFUSED_FUNCTIONS
    assert not [
        name + suffix
        for name in refused
        for suffix in combinators
        if names.is_allowed_function(name + suffix)
    ]


@pytest.mark.parametrize(
    "name",
    ["file", "FILE", "dictGetOrNull", "joinGet", "hostName", "evalMLMethod", "sleepEachRow", "unheardOf", ""],
)
def test_a_dangerous_or_unknown_function_is_not_allowed(name: str) -> None:
    assert not names.is_allowed_function(name)


@pytest.mark.parametrize(
    ("ours", "query"),
    [
        (names.TABLE_FUNCTIONS, "SELECT lower(name) FROM system.table_functions"),
        (names.TABLE_ENGINES, "SELECT name FROM system.table_engines"),
        (names.INPUT_FORMATS, "SELECT name FROM system.formats WHERE is_input"),
        (names.OUTPUT_FORMATS, "SELECT name FROM system.formats WHERE is_output"),
        (
            names.SETTINGS,
            "SELECT name FROM system.settings UNION ALL SELECT name FROM system.merge_tree_settings",
        ),
        (names.IN_FUNCTIONS, "SELECT lower(name) FROM system.functions"),
        (names.CALLING_FUNCTIONS, "SELECT lower(name) FROM system.functions"),
        (names.CODECS - {"codec", "none", "default", "lz4hc"}, "SELECT lower(name) FROM system.codecs"),
    ],
)
def test_the_engine_knows_every_name_on_a_list(engine: Engine, ours: frozenset[str], query: str) -> None:
    assert ours <= engine.list_names(query)


@pytest.mark.parametrize(
    ("ours", "word"),
    [
        (names.SETTINGS, "schema"),
        (names.SETTINGS, "readonly"),
        (names.SETTINGS, "path"),
        (names.SETTINGS, "disk"),
        (names.SETTINGS, "async"),
        (names.SETTINGS, "analyzer"),
        (names.SETTINGS, "log_"),
        (names.OUTPUT_FORMATS, "Template"),
        (names.OUTPUT_FORMATS, "Proto"),
        (names.INPUT_FORMATS, "Schema"),
    ],
)
def test_no_list_has_a_name_that_reaches_beyond_rows(ours: frozenset[str], word: str) -> None:
    assert not [name for name in ours if word in name]
