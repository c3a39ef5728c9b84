"""`ul.load` on real engine and gateway processes, with signed credentials from a tokens service on a socket."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import urbanlab as ul
from tests.extensions.warehouse.conftest import Warehouse, make_town, make_warehouse
from urbanlab.contract import environment
from urbanlab.contract.naming import make_staging_name
from urbanlab.errors import LoadError
from urbanlab.warehouse import _make_client

SMALL = pd.DataFrame({"place": ["A", "B"], "count": [1, 2]})


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    running = make_warehouse(tmp_path_factory.mktemp("loading"), make_town("town"))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def analyst(
    warehouse: Warehouse, tokens: Any, environ: dict[str, str], use_session: Any
) -> Iterator[dict[str, str]]:
    """Be an analyst of the tenant town, in a kernel, with an empty workshop."""
    tokens.make_token["warehouse"] = lambda: warehouse.token("town")
    own = {**environ, environment.WAREHOUSE_URL: warehouse.url}
    use_session(own)
    yield own
    use_session(own)
    for name in _list_tables():
        ul.client().command(f"DROP TABLE lab_town.`{name}`")
    _make_client.cache_clear()


def _list_tables() -> list[str]:
    return [row[0] for row in ul.client().query("SHOW TABLES FROM lab_town").result_rows]


def _rows(name: str) -> list[dict[str, Any]]:
    return list(ul.query_arrow(f"SELECT * FROM lab_town.{name} ORDER BY ALL").to_pylist())


def test_a_frame_becomes_a_table_and_the_report_names_it() -> None:
    report = ul.load(SMALL, "small")
    assert (report.table, report.rows) == ("lab_town.small", 2)
    assert _rows("small") == [{"place": "A", "count": 1}, {"place": "B", "count": 2}]
    assert "lab_town.small: 2 rows, 2 columns" in repr(report) and _list_tables() == ["small"]


def test_every_kind_of_column_comes_back_as_it_went(tmp_path: Path) -> None:
    text = (
        "time;day;n;x;ok;word;empty\n"
        '1.7.2015 12:00;1.1.1900;-5;1,5;ja;Straße "a\\b\'c";\n'
        "2.7.2015 12:00:00.25;1.1.2200;;;;;\n"
    )
    (tmp_path / "kinds.csv").write_text(text)
    report = ul.load(tmp_path / "kinds.csv", "kinds")
    first, second = ul.query("SELECT * FROM lab_town.kinds ORDER BY time").to_dict("records")
    assert first["time"] == pd.Timestamp("2015-07-01 10:00Z") and second["time"].microsecond == 250_000
    assert (str(first["day"])[:10], str(second["day"])[:10]) == ("1900-01-01", "2200-01-01")
    assert (first["n"], first["x"], first["ok"], first["word"]) == (-5, 1.5, True, 'Straße "a\\b\'c"')
    assert all(pd.isna(second[name]) for name in ("n", "x", "ok", "word", "empty"))
    assert [column.missing for column in report.columns] == [0, 0, 1, 1, 1, 1, 2]


def test_loading_again_replaces_at_once_also_with_other_columns() -> None:
    ul.load(SMALL, "small")
    ul.load(pd.DataFrame({"other": [1.5]}), "small")
    assert _rows("small") == [{"other": 1.5}] and _list_tables() == ["small"]


def test_readers_see_the_old_table_or_the_new_one_and_never_none() -> None:
    frames = [pd.DataFrame({"n": [value] * 50_000}) for value in (1, 2)]
    ul.load(frames[0], "flip")
    seen: list[tuple[int, int]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(
                tuple(ul.client().query("SELECT count(), uniqExact(n) FROM lab_town.flip").result_rows[0])
            )

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    for turn in range(6):
        ul.load(frames[turn % 2], "flip")
    done.set()
    reader.join()
    assert len(seen) > 5 and set(seen) == {(50_000, 1)}


def test_a_load_that_fails_leaves_the_old_table_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    ul.load(SMALL, "small")
    # A type that the rows do not fit: the engine refuses while they go in.
    monkeypatch.setattr("urbanlab.loading.tables.choose_kind", lambda _: "Array(Int64)")
    with pytest.raises(ul.UrbanlabError):
        ul.load(SMALL, "small")
    assert len(_rows("small")) == 2 and _list_tables() == ["small"]


KILLED = """
import os, sys
import pandas as pd
import urbanlab as ul
from urbanlab.loading import tables

tables._BATCH_ROWS = 1000
insert, sent = tables.Workshop._send, []

def send(self, staging, rows):
    insert(self, staging, rows)
    sent.append(rows.num_rows)
    if len(sent) == 3:  # a part of the rows is there, the rest is about to follow
        os.kill(os.getpid(), 9)

tables.Workshop._send = send
ul.load(pd.DataFrame({"place": ["new"] * 10_000, "count": range(10_000)}), "small", mode=sys.argv[1])
"""


@pytest.mark.parametrize("mode", ["replace", "append"])
def test_a_load_that_is_killed_leaves_the_old_table_whole_and_is_cleared_away_later(
    analyst: dict[str, str], mode: str
) -> None:
    ul.load(SMALL, "small")
    environ = {**analyst, "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, mode], env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert _rows("small") == [{"place": "A", "count": 1}, {"place": "B", "count": 2}]
    (left,) = [name for name in _list_tables() if name != "small"]
    assert left.startswith("small__") and left not in {item.name for item in ul.catalog()}
    old = make_staging_name("small", time.time() - 7 * 3600, 1)
    ul.client().command(f"RENAME TABLE lab_town.`{left}` TO lab_town.`{old}`")
    young = make_staging_name("other", time.time() - 5 * 3600, 1)
    ul.client().command(f"CREATE TABLE lab_town.`{young}` (n Int64) ENGINE = MergeTree ORDER BY n")
    ul.load(SMALL, "another")
    assert _list_tables() == ["another", young, "small"]


def test_rows_are_added_and_missing_values_make_room_for_themselves() -> None:
    ul.load(SMALL, "more", mode="append")
    ul.load(pd.DataFrame({"count": [None, 4], "place": [None, "D"]}), "more", mode="append")
    rows = ul.query("SELECT place, count FROM lab_town.more ORDER BY count NULLS LAST").values.tolist()
    assert [row[0] for row in rows[:3]] == ["A", "B", "D"] and len(rows) == 4 and pd.isna(rows[3][1])
    assert _list_tables() == ["more"]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pd.DataFrame({"place": ["C"]}), "not in what is to be added: count"),
        (pd.DataFrame({"place": ["C"], "count": [1], "x": [1]}), "not in the table: x"),
        (
            pd.DataFrame({"place": ["C"], "count": ["many"]}),
            "column count of small is Int64, here it is String",
        ),
    ],
)
def test_rows_that_do_not_fit_are_not_added(frame: pd.DataFrame, said: str) -> None:
    ul.load(SMALL, "small")
    with pytest.raises(LoadError, match=said):
        ul.load(frame, "small", mode="append")
    assert len(_rows("small")) == 2


def test_a_table_that_is_there_already_is_not_touched_if_asked() -> None:
    ul.load(SMALL, "small", mode="fail")
    with pytest.raises(LoadError, match="There is a table small in the workshop already"):
        ul.load(SMALL, "small", mode="fail")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "Meine Straße"}, "Take for example meine_strasse"),
        ({"name": "a`; DROP TABLE x"}, "cannot name a dataset"),
        ({"name": ""}, "cannot name a dataset"),
        ({"name": 5}, "must be a text"),
        ({"mode": "overwrite"}, "one of replace, append, fail"),
        ({"missing": "na"}, r"missing takes a list: missing=\['na'\]"),
        ({"time_zone": "Berlin"}, "no time zone"),
    ],
)
def test_a_wrong_argument_is_told_before_anything_is_read(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(LoadError, match=said):
        ul.load("absent.csv", **{"name": "small", **arguments})


def test_real_files_load_and_sums_in_sql_are_those_of_the_source(open_data: Path) -> None:
    path = open_data / "muenster-zaehlstelle-wetter/zaehlstelle_wolbecker_2016_stundenauswertung.csv"
    ul.load(path, "wolbecker")
    with path.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if "/2016" in row["Stunden"]]
    total = sum(
        int(row["Wolbecker Straße (gesamt)"]) for row in rows if row["Wolbecker Straße (gesamt)"].isdigit()
    )
    answer = ul.query("SELECT count() AS n, sum(wolbecker_strasse_gesamt) AS total FROM lab_town.wolbecker")
    assert answer.values.tolist() == [[len(rows), total]] == [[8784, 3589382]]


def test_a_month_of_baden_wuerttemberg_loads_and_the_next_is_added(open_data: Path) -> None:
    folder = open_data / "bw-radzaehler-wetter"
    rows = [
        ul.load(folder / f"{month}.csv.gz", "counters", mode=mode).rows  # type: ignore[arg-type]
        for month, mode in (("202307", "replace"), ("202308", "append"))
    ]
    answer = ul.query("SELECT count() AS n, min(iso_timestamp) AS first FROM lab_town.counters")
    assert answer["n"][0] == sum(rows) > 150_000
    assert answer["first"][0] <= pd.Timestamp("2023-06-30 22:00Z")


def test_a_warehouse_that_is_away_is_told(environ: dict[str, str], use_session: Callable[..., Any]) -> None:
    use_session(environ)
    with pytest.raises(ul.UrbanlabError, match="does not answer"):
        ul.load(SMALL, "small")
