"""The warehouse as an analyst meets it: own data as it is, nobody else's, and clear words when a part is away."""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.installation import Installation

from .login import StaffSession, login
from .operator_access import ask_warehouse, kill_part, read_part, wait_until_healthy

CHECKOUT = Path(__file__).parents[2]
OPEN_DATA = Path(os.environ.get("URBANLAB_OPEN_DATA") or CHECKOUT.parent / "shared" / "data")
LAB = "lab_guetersloh"


@pytest.fixture(scope="module")
def analyst(installation: Installation) -> Iterator[StaffSession]:
    """An analyst at work; the tables that these tests make are dropped."""
    with StaffSession(installation, "analyst-guetersloh") as session:
        session.run("import json, time, urllib.error, urllib.request; import urbanlab as ul")
        yield session
        tables = session.ask_json(f"print(json.dumps(list(ul.query('SHOW TABLES FROM {LAB}').iloc[:, 0])))")
        for table in tables:
            if table.startswith("it_"):
                session.run(f"ul.client().command('DROP TABLE {LAB}.{table}')")


# --- what is there ---


def test_the_catalogue_shows_the_own_data_and_no_other_tenant(analyst: StaffSession) -> None:
    entries = analyst.ask_json(
        "print(json.dumps([[d.name, d.kind, d.owner, d.table] for d in ul.catalog()]))"
    )
    own = {name for name, kind, _, _ in entries if kind == "own"}
    assert own >= {"footfall", "footfall_live", "weather", "sensors"}
    assert {owner for _, kind, owner, _ in entries if kind in ("own", "lab")} == {"guetersloh"}
    closed = [table for _, kind, _, table in entries if kind != "open"]
    assert not [table for table in closed if "detmold" in table or "rietberg" in table]


def test_a_dataset_says_what_it_is_and_gives_all_of_its_rows(
    installation: Installation, analyst: StaffSession
) -> None:
    code = """
weather = ul.dataset("weather")
frame = weather.to_frame(["observed_at", "rain"], where="observed_at < {end}", end="2026-06-01")
print(json.dumps([weather.table, weather.simulated, weather.licence, [c.unit for c in weather.columns],
                  len(frame), float(frame["rain"].sum()), str(frame["observed_at"].dtype)]))
"""
    table, simulated, licence, units, rows, rain, kind = analyst.ask_json(code)
    plain = ask_warehouse(
        installation, "SELECT rain FROM guetersloh.weather WHERE observed_at < '2026-06-01 00:00:00'"
    )
    assert (table, simulated, licence) == ("guetersloh.weather", True, "dl-de/zero-2.0")
    assert {"Cel", "mm", "km/h", "%"} <= set(units)
    assert rows == len(plain) > 1000
    assert rain == pytest.approx(sum(float(value) for (value,) in plain))
    assert "Europe/Berlin" in kind  # shown as the town's clocks say, kept in UTC


def test_a_query_and_the_client_give_what_the_source_rows_add_up_to(
    installation: Installation, analyst: StaffSession
) -> None:
    code = """
sums = ul.query("SELECT sensor, sum(persons) AS persons FROM guetersloh.footfall "
                "WHERE observed_at < {end:DateTime} GROUP BY sensor ORDER BY sensor", end="2026-06-01 00:00:00")
count = ul.client().command("SELECT count() FROM guetersloh.footfall WHERE observed_at < '2026-06-01'")
print(json.dumps([dict(zip(sums["sensor"], sums["persons"].tolist())), count]))
"""
    sums, count = analyst.ask_json(code)
    plain: dict[str, list[int]] = {}
    for sensor, persons in ask_warehouse(
        installation, "SELECT sensor, persons FROM guetersloh.footfall WHERE observed_at < '2026-06-01'"
    ):
        plain.setdefault(sensor, []).append(int(persons))
    assert sums == {sensor: sum(counts) for sensor, counts in plain.items()}
    assert count == sum(map(len, plain.values())) > 10_000


# --- real files, as they are ---


def read_open_data(name: str) -> tuple[bytes, list[list[str]]]:
    """Return a file of open data as it is, and its cells; the first row is the heading."""
    path = OPEN_DATA / name
    if not path.exists():
        pytest.skip(f"open data is not here: {path}")
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    return content, list(csv.reader(io.StringIO(text.decode())))


def add_up(rows: list[list[str]], place: int) -> list[float]:
    """Return count and sum of a column's cells that are numbers."""
    numbers = []
    for row in rows:
        try:
            numbers.append(float(row[place]))
        except ValueError:
            continue
    return [len(numbers), pytest.approx(sum(numbers))]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("muenster-zaehlstelle-wetter/zaehlstelle_neutor_2015_stundenauswertung.csv", range(1, 6)),
        ("muenster-zaehlstelle-wetter/zaehlstelle_wolbecker_2016_stundenauswertung.csv", range(1, 6)),
        ("bw-radzaehler-wetter/202307.csv.gz", range(10, 15)),
    ],
)
def test_real_open_data_is_loaded_as_it_is(analyst: StaffSession, name: str, columns: range) -> None:
    content, (_, *rows) = read_open_data(name)
    rows = [row for row in rows if row[0] not in {"Insgesamt", "Jahressumme", ""}]
    file = name.rpartition("/")[2]
    analyst.upload(file, content)
    code = f"""
report = ul.load({file!r}, "it_open_data")
names = [column.name for column in report.columns][{columns.start}:{columns.stop}]
figures = ul.query("SELECT " + ", ".join(f"count({{n}}), sum({{n}})" for n in names) + f" FROM {{report.table}}")
values = [float(value) for value in figures.iloc[0]]
print(json.dumps([report.rows, ul.query(f"SELECT count() AS n FROM {{report.table}}")["n"].item(), values]))
"""
    told, stored, values = analyst.ask_json(code)
    assert told == stored == len(rows)
    assert [values[place : place + 2] for place in range(0, len(values), 2)] == [
        add_up(rows, place) for place in columns
    ]


# --- clear words ---


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ul.query('SELECT count( FROM guetersloh.footfall')", "The query is no valid SQL, line 1:\n"),
        ("ul.query('SELECT * FROM guetersloh.footfal')", "Did you mean guetersloh.footfall"),
        ("ul.query('SELECT person FROM guetersloh.footfall')", "UnknownColumnError: "),
        ("ul.query('SELECT * FROM guetersloh.footfall WHERE persons > {least}')", "ParameterError: "),
        ("ul.dataset('footfal')", "Did you mean footfall"),
        ("ul.load('picture.csv', 'it_bad')", "FileFormatError: picture.csv is "),
        ("ul.load('nothing.csv', 'it_bad')", "FileFormatError: nothing.csv is empty"),
        ("ul.load('absent.csv', 'it_bad')", "LoadError: "),
        ("ul.load('picture.csv', 'It Bad')", "LoadError: "),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_with_what_to_do(analyst: StaffSession, code: str, said: str) -> None:
    analyst.upload("picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    analyst.upload("nothing.csv", b"")
    result = analyst.run(code)
    assert said in result.error
    shown = "\n".join(line for item in result.outputs for line in item.get("traceback", ()))
    assert said.partition(": ")[2] in shown
    assert "eyJ" not in shown
    # Forty lines of our own calls help nobody.
    assert str(CHECKOUT) not in shown


# --- a part that dies ---

WORK = """
import urbanlab.errors
client, table = ul.client(), "lab_guetersloh.it_PART"
client.command(f"CREATE OR REPLACE TABLE {table} (n Int64) ENGINE = MergeTree ORDER BY n")
acknowledged, refused, problems, number, end = [], [], [], 0, time.time() + 8
while time.time() < end:
    number += 1
    try:
        client.insert(table, [[number]], column_names=["n"])
        acknowledged.append(number)
    except Exception as error:
        refused.append(str(error))
    try:
        ul.query(f"SELECT count() FROM {table}")
    except ul.errors.UrbanlabError as error:
        problems.append(f"{type(error).__name__}: {error}")
    time.sleep(0.02)
print(json.dumps([acknowledged, number, refused, problems]))
"""


@pytest.mark.parametrize("part", ["engine", "warehouse"])
def test_a_part_killed_loses_no_acknowledged_row(
    installation: Installation, analyst: StaffSession, part: str
) -> None:
    restarts = read_part(installation, part)["restarts"]
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(analyst.ask_json, WORK.replace("PART", part))
        time.sleep(1.5)
        kill_part(installation, part)
        acknowledged, tried, refused, problems = work.result()
    print(f"{part}: {len(acknowledged)} of {tried} acknowledged; {refused[:2]}; {problems[:2]}")
    wait_until_healthy(installation)
    rows = [int(n) for (n,) in ask_warehouse(installation, f"SELECT n FROM {LAB}.it_{part} ORDER BY n")]
    assert len(acknowledged) > 10
    assert set(acknowledged) <= set(rows) <= set(range(1, tried + 1))
    assert len(rows) == len(set(rows))
    assert not [text for text in problems if not text.startswith("WarehouseDownError: The warehouse ")]
    assert not [text for text in refused if not re.search("restart|refused|Remote|reset", text)], refused
    assert read_part(installation, part)["restarts"] == restarts + 1


def test_keycloak_killed_interrupts_nobody_at_work_and_logins_come_back(
    installation: Installation, analyst: StaffSession
) -> None:
    assert not analyst.run("kept = 'still here'").error
    restarts = read_part(installation, "keycloak")["restarts"]
    kill_part(installation, "keycloak")
    during = analyst.run(
        "print(kept, ul.query('SELECT count() AS n FROM guetersloh.sensors')['n'].item() > 0)"
    )
    assert during.text == "still here True\n", during
    assert read_part(installation, "keycloak")["healthy"] is False
    wait_until_healthy(installation, 90)
    assert read_part(installation, "keycloak")["restarts"] == restarts + 1
    assert login(installation, "analyst-rietberg").get(f"{analyst.hub_url}hub/home", timeout=30).ok
    after = analyst.run("print(kept); print(next(iter(ul.stream('footfall_live', last=1))).topic)")
    assert after.text == "still here\nguetersloh.footfall_live\n", after
