"""Real files of German cities, compared with a count of their cells that shares no code with the product."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import itertools
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.compute as pc
import pytest

from urbanlab.loading.prepare import Prepared

Understand = Callable[..., Prepared]
MUENSTER = "muenster-zaehlstelle-wetter"
NOT_A_ROW = {"Insgesamt", "Jahressumme", ""}


def _read_plain(path: Path) -> tuple[list[str], list[list[str]]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    heading, *rows = csv.reader(io.StringIO(content.decode()))
    return heading, rows


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _compare(found: Prepared, rows: list[list[str]], columns: range) -> None:
    assert found.table.num_rows == len(rows)
    for place in columns:
        numbers = [number for row in rows if (number := _number(row[place])) is not None]
        column = found.table.column(place)
        assert column.null_count == len(rows) - len(numbers), found.headings[place]
        assert (pc.sum(column).as_py() or 0) == pytest.approx(sum(numbers)), found.headings[place]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("zaehlstelle_neutor_2015_stundenauswertung", 8760),
        ("zaehlstelle_wolbecker_2016_stundenauswertung", 8784),
    ],
)
def test_muenster_loads_as_it_is(understand: Understand, open_data: Path, name: str, rows: int) -> None:
    path = open_data / MUENSTER / f"{name}.csv"
    found = understand(path)
    heading, plain = _read_plain(path)
    assert list(found.headings) == heading
    _compare(found, [row for row in plain if row[0] not in NOT_A_ROW], range(1, 6))
    assert found.table.num_rows == rows


def test_the_sum_row_of_muenster_is_told_and_is_the_sum_of_what_was_loaded(
    understand: Understand, open_data: Path
) -> None:
    found = understand(open_data / MUENSTER / "zaehlstelle_neutor_2015_stundenauswertung.csv")
    assert pc.sum(found.table["zaehlung_neutor"]).as_py() == 4041517
    assert any(note.say("en") == "Left out: sum row in line 8762: Insgesamt; 4041517" for note in found.notes)


def test_the_disturbed_hours_of_muenster_are_missing_and_told(
    understand: Understand, open_data: Path
) -> None:
    found = understand(open_data / MUENSTER / "zaehlstelle_wolbecker_2016_stundenauswertung.csv")
    (note,) = found.column_notes[1]
    assert (
        note.say("de") == "48 Zelle(n) passen nicht und fehlen nun: „technische Störung“ (Zeilen 8738–8785)"
    )
    assert found.table["wetter"].null_count == 293


def test_the_local_hours_of_muenster_are_in_utc(understand: Understand, open_data: Path) -> None:
    found = understand(open_data / MUENSTER / "zaehlstelle_neutor_2015_stundenauswertung.csv")
    hours = found.table["stunden"].to_pylist()
    assert hours[0] == datetime.datetime(2014, 12, 31, 23, tzinfo=datetime.UTC)
    assert hours[-1] == datetime.datetime(2015, 12, 31, 22, tzinfo=datetime.UTC)
    steps = [(after - before).total_seconds() / 3600 for before, after in itertools.pairwise(hours)]
    # The file writes spring's missing 2:00 as a second 3:00, and autumn's doubled 2:00 once.
    assert sorted(set(steps)) == [0, 1, 2] and steps.count(0) == steps.count(2) == 1
    said = " ".join(note.say("de") for note in found.column_notes[0])
    assert "mehrfach da, alle Zeilen sind erhalten (Zeilen 2092–2093)" in said and "(Zeilen 7132)" in said


@pytest.mark.parametrize("month", ["201301", "201907", "202310"])
def test_baden_wuerttemberg_loads_as_it_is(understand: Understand, open_data: Path, month: str) -> None:
    path = open_data / "bw-radzaehler-wetter" / f"{month}.csv.gz"
    found = understand(path)
    heading, rows = _read_plain(path)
    assert found.table.column_names == heading
    _compare(found, rows, range(10, 16))
    assert found.table["site_snow_accumulation"].null_count == len(rows)
    instants = found.table["iso_timestamp"].to_pylist()
    assert instants == [datetime.datetime.fromisoformat(row[9]) for row in rows]


def test_a_large_file_is_understood_in_two_seconds(understand: Understand, open_data: Path) -> None:
    path = open_data / "bw-radzaehler-wetter/202307.csv.gz"
    # Of this process alone: other tests may keep the machine busy.
    start = time.process_time()
    assert understand(path).table.num_rows == 77_457
    assert time.process_time() - start < 2
