"""`ul.query` and its kin against the real engine and gateway."""

from __future__ import annotations

import threading
import time
from typing import Any

import pandas as pd
import pytest

import urbanlab as ul
from urbanlab import errors
from urbanlab.contract.secrets import Secret
from urbanlab.session import Session
from urbanlab.warehouse import _make_client
from urbanlab_services.tokens.credentials import Holder, make_warehouse_token


@pytest.fixture(autouse=True)
def session_of_the_town(warehouse_session: Session) -> Session:
    _make_client.cache_clear()
    return warehouse_session


def test_a_query_gives_a_frame_with_instants_in_their_zone() -> None:
    frame = ul.query("SELECT * FROM town.footfall ORDER BY observed_at LIMIT 3")
    assert list(frame.persons) == [0, 1, 2] and str(frame.persons.dtype) == "int64"
    assert str(frame.observed_at.dt.tz) == "Europe/Berlin" and frame.observed_at[1].hour == 2
    assert frame.observed_at[1] == pd.Timestamp("2026-03-01 01:00", tz="UTC")
    assert set(frame.sensor) == {"counter"}


def test_parameters_are_bound_by_the_server() -> None:
    frame = ul.query(
        "SELECT count() AS n FROM town.footfall "
        "WHERE persons >= {least} AND observed_at < {until} AND sensor IN {who}",
        least=10,
        until=pd.Timestamp("2026-03-02 01:00", tz="Europe/Berlin"),
        who=["counter", "x' OR '1'='1"],
    )
    assert frame.n[0] == 14
    assert ul.query("SELECT {x} AS x", x="'; DROP TABLE town.footfall --").x[0].startswith("'; DROP")


def test_arrow_keeps_exact_types_and_a_long_answer_is_whole() -> None:
    table = ul.query_arrow("SELECT number, toString(number) AS s FROM numbers(300000);")
    assert table.num_rows == 300_000 and str(table.schema.field("number").type) == "uint64"
    assert ul.query("SELECT sum(persons) AS n FROM town.footfall").n[0] == 499_500


def test_places_come_as_geometries() -> None:
    frame = ul.query_geo("SELECT name, longitude, latitude FROM town.sensors ORDER BY id")
    assert frame.crs.to_epsg() == 4326
    assert {(place.x, place.y) for place in frame.geometry} == {(8.4, 51.9), (8.5, 51.8)}


def test_shapes_of_the_warehouse_make_it_a_frame_with_places() -> None:
    frame = ul.query("SELECT name, (longitude, latitude)::Point AS place FROM town.sensors ORDER BY id")
    assert frame.crs.to_epsg() == 4326 and [place.x for place in frame.place] == [8.4, 8.5]  # type: ignore[attr-defined]


def test_the_client_is_an_ordinary_one_and_writes_in_the_workshop() -> None:
    client = ul.client()
    client.command("CREATE TABLE lab_town.numbers (n Int64) ENGINE = MergeTree ORDER BY n")
    client.insert("lab_town.numbers", [[1], [2]], column_names=["n"])
    assert client.query("SELECT sum(n) FROM lab_town.numbers").result_rows == [(3,)]
    assert ul.query("SELECT count() AS n FROM lab_town.numbers").n[0] == 2
    client.command("DROP TABLE lab_town.numbers")
    assert ul.client() is client


def test_several_threads_query_at_once() -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(int(ul.query("SELECT {n} AS n", n=n).n[0])))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == list(range(6))


def test_the_catalogue_shows_own_datasets_and_no_others() -> None:
    catalog = ul.catalog()
    assert {"footfall", "sensors"} <= {item.name for item in catalog}
    assert "village" not in repr(catalog) + catalog._repr_html_()
    assert catalog["footfall"].table == "town.footfall" and catalog["footfall"].simulated
    assert [item.name for item in ul.catalog("latitude")] == ["sensors"]


def test_a_dataset_gives_the_part_that_is_asked_for() -> None:
    dataset = ul.dataset("footfall")
    frame = dataset.to_frame(
        ["persons"], where="sensor = {who} AND persons > {n}", limit=2, who="counter", n=5
    )
    assert list(frame.persons) == [6, 7] and list(frame.columns) == ["persons"]
    assert "town.footfall" in repr(dataset) and "<table>" in dataset._repr_html_()
    with pytest.raises(errors.UnknownColumnError, match="Did you mean persons"):
        dataset.to_frame("person")


def test_a_dataset_that_does_not_exist_names_a_similar_one() -> None:
    with pytest.raises(errors.DatasetNotFoundError, match="Did you mean footfall"):
        ul.dataset("footfal")


def test_a_syntax_error_shows_the_line_and_the_place() -> None:
    with pytest.raises(errors.QuerySyntaxError) as caught:
        ul.query("SELECT count()\nFORM town.footfall")
    lines = str(caught.value).splitlines()
    assert "line 2" in lines[0] and lines[1] == "  FORM town.footfall" and "^" in lines[2]


@pytest.mark.parametrize("table", ["village.footfall", "nowhere.footfall", "town.footfal"])
def test_anothers_table_is_as_unknown_as_none_and_similar_ones_are_named(table: str) -> None:
    with pytest.raises(errors.UnknownTableError, match=r"Did you mean .*town\.footfall") as caught:
        ul.query(f"SELECT * FROM {table}")
    assert str(caught.value).startswith("There is no such table or database, or it is none of yours")


@pytest.mark.parametrize(
    ("sql", "parameters", "kind"),
    [
        ("SELECT {n} AS n", {}, errors.ParameterError),
        ("SELECT {n:UInt8} AS n", {"n": "many"}, errors.WarehouseError),
        ("SELECT 1 AS n", {"n": 1}, errors.ParameterError),
        ("SELECT person FROM town.footfall", {}, errors.UnknownColumnError),
        ("SELECT * FROM file('/etc/passwd')", {}, errors.WarehouseError),
        ("SELECT throwIf(number = 250000) FROM numbers(300000)", {}, errors.WarehouseError),
        ("SELECT 1; SELECT 2", {}, errors.WarehouseError),
        ("", {}, errors.WarehouseError),
    ],
)
def test_what_goes_wrong_is_one_of_our_errors(
    sql: str, parameters: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught:
        ul.query(sql, **parameters)
    text = str(caught.value)
    assert text and "eyJ" not in text and "127.0.0.1" not in text and "__exception__" not in text
    assert "DB::Exception" not in text and caught.value.__cause__ is None


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO lab_town.t VALUES (1)",
        "-- a remark\n/* INSERT */ insert into lab_town.t SELECT {n}",
    ],
)
def test_who_writes_by_a_query_is_told_what_to_use(sql: str) -> None:
    with pytest.raises(errors.WarehouseError, match=r"ul\.load.*insert_df.*command"):
        ul.query(sql, **({"n": 1} if "{n}" in sql else {}))


def test_an_answer_that_breaks_off_says_why_and_not_that_it_is_no_table() -> None:
    with pytest.raises(errors.WarehouseError) as caught:
        ul.query(
            "SELECT throwIf(number = 2500000, 'too far') AS x, toString(number) AS s FROM numbers(3000000)"
        )
    assert "too far" in str(caught.value)


def test_an_ended_credential_is_renewed_without_a_word(tokens: Any, warehouse: Any) -> None:
    assert ul.query("SELECT 1 AS n").n[0] == 1
    import jwt

    claims = jwt.decode(warehouse.token("town"), options={"verify_signature": False})
    old = {**claims, "iat": int(time.time()) - 100, "exp": int(time.time()) - 60}
    ended = jwt.encode(old, warehouse.signing_key.reveal(), algorithm="EdDSA")
    tokens.make_token["warehouse"] = iter([ended, warehouse.token("town")]).__next__
    ul.client()  # the same client stays signed in
    from urbanlab.session import current_session

    current_session().credentials.forget("warehouse")
    asked = len(tokens.asked)
    assert ul.query("SELECT 2 AS n").n[0] == 2
    assert len(tokens.asked) == asked + 2


def test_somebody_who_lost_the_role_is_told_to_ask(tokens: Any) -> None:
    from urbanlab.session import current_session

    tokens.status = 403
    current_session().credentials.forget("warehouse")
    with pytest.raises(errors.SessionError, match="no longer gives this session access"):
        ul.query("SELECT 1")
    with pytest.raises(errors.SessionError):
        ul.catalog()


def test_the_hub_token_reaches_the_tokens_service_and_nobody_else(tokens: Any, warehouse: Any) -> None:
    from ..kernels.conftest import HUB_TOKEN_VALUE  # noqa: TID252

    ul.query("SELECT 1")
    assert {authorization for _, authorization in tokens.asked} == {f"token {HUB_TOKEN_VALUE}"}
    with pytest.raises(errors.UrbanlabError):
        ul.query("SELECT * FROM nothing")
    log = warehouse.gateway.log.read_text()
    assert HUB_TOKEN_VALUE not in log and "eyJ" not in log


def test_an_engine_that_is_killed_is_a_short_wait_or_a_clear_error(warehouse: Any) -> None:
    assert ul.query("SELECT count() AS n FROM town.footfall").n[0] == 1000
    warehouse.kill_engine()
    try:
        with pytest.raises(errors.WarehouseDownError, match="restarting"):
            ul.query("SELECT count() AS n FROM town.footfall")
    finally:
        warehouse.start_engine()
    warehouse.gateway.wait_until_ready()
    assert ul.query("SELECT count() AS n FROM town.footfall").n[0] == 1000


def test_a_warehouse_that_is_away_is_said(environ: dict[str, str], use_session: Any) -> None:
    use_session(environ)
    for ask in (lambda: ul.query("SELECT 1"), ul.catalog, ul.client):
        with pytest.raises(errors.WarehouseDownError, match="does not answer at the moment"):
            ask()


def test_a_credential_of_another_tenant_opens_only_that_one(tokens: Any, warehouse: Any) -> None:
    from urbanlab.session import current_session

    tokens.make_token["warehouse"] = lambda: make_warehouse_token(
        Holder("eva@village", "village", "analyst"), Secret(warehouse.signing_key.reveal())
    )
    current_session().credentials.forget("warehouse")
    assert ul.query("SELECT sum(persons) AS n FROM village.footfall").n[0] == 999_000
    with pytest.raises(errors.UnknownTableError):
        ul.query("SELECT 1 FROM town.footfall")
