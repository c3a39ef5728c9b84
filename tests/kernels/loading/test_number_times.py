"""Numbers that are times, zones that a source names itself, and second lines of headings."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest

from urbanlab.loading.prepare import Prepared
from urbanlab.loading.zone_words import find_zone

Understand = Callable[..., Prepared]


def _said(found: Prepared) -> str:
    return "\n".join(note.say("en") for notes in (found.notes, *found.column_notes) for note in notes)


@pytest.mark.parametrize(
    ("heading", "cell", "value"),
    [
        ("Datum", "20150731", datetime.date(2015, 7, 31)),
        ("MESS_DATUM", "201507311405", datetime.datetime(2015, 7, 31, 12, 5, tzinfo=datetime.UTC)),
        ("timestamp_utc", "20150731140506", datetime.datetime(2015, 7, 31, 14, 5, 6, tzinfo=datetime.UTC)),
        ("Vertrag", "20150731", 20150731),
        ("Datum", "20151331", 20151331),
        ("Datum", "99990101", 99990101),
        ("Datum", "42216", 42216),
        ("Zeitaufwand", "42216", 42216),
    ],
)
def test_digits_are_times_where_the_heading_says_so(
    understand: Understand, heading: str, cell: str, value: object
) -> None:
    found = understand(f"{heading};n\n{cell};1\n;2\n")
    assert found.table.column(0).to_pylist() == [value, None]
    assert ("digits read as a time" in _said(found)) == (not isinstance(value, int))


def test_columns_that_stay_text_stay_text(understand: Understand) -> None:
    found = understand("Datum;n\n20150731;1\n", text=["Datum"])
    assert found.table["datum"].to_pylist() == ["20150731"]


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("datetime_utc", "UTC"),
        ("Zeit (MEZ)", "Etc/GMT-1"),
        ("Zeitbezug:;MEZ\nOst:;1", "Etc/GMT-1"),
        ("MEZ / MESZ", None),
        ("UTC+1", None),
        ("UTC, MEZ", None),
        ("Metz", None),
        ("utcoffset", None),
        ("", None),
    ],
)
def test_a_zone_is_found_where_one_is_named(text: str, zone: str | None) -> None:
    found = find_zone(text)
    assert (found and found[1]) == zone


def test_the_zone_of_a_heading_counts_unless_the_analyst_names_one(understand: Understand) -> None:
    text = "Zeit UTC;Ortszeit\n01.07.2015 12:00;01.07.2015 12:00\n"
    found = understand(text)
    hours = [moment.hour for moment in found.table.to_pylist()[0].values()]
    assert hours == [12, 10] and "time zone as the source says (UTC)" in _said(found)
    asked = understand(text, zone="Asia/Tokyo", zone_is_asked=True)
    assert [moment.hour for moment in asked.table.to_pylist()[0].values()] == [3, 3]


def test_winter_time_above_the_table_counts(understand: Understand) -> None:
    rows = "".join(f"2025-07-{day:02} 12:00;{day},5;roh\n" for day in range(1, 20))
    found = understand(f"Quelle:;Amt\nZeitbezug:;MEZ\n\nDatum;Stand;Status\n{rows}")
    assert found.table["datum"][0].as_py().hour == 11 and "(MEZ)" in _said(found)


UNITS = "Zeit;Temperatur;Wind\n;Grad C;km/h\nUhrzeit;temperature;wind (10 m)\n"


def test_lines_of_units_are_left_out_and_told(understand: Understand) -> None:
    found = understand(UNITS + "".join(f"1.7.2015 {hour}:00;{hour},5;{hour}\n" for hour in range(10, 20)))
    assert found.table.num_rows == 10 and str(found.table["temperatur"].type) == "double"
    assert "further heading in line 2: Grad C; km/h" in _said(found) and "in line 3: Uhrzeit" in _said(found)


@pytest.mark.parametrize(
    "text",
    [
        "Zeit;a;b;c\n1.7.2015 9:00;Ausfall;Ausfall;Ausfall\n" + "1.7.2015 10:00;1;2;3\n" * 300,
        "Ort;Art\nGrad C;km/h\n" + "Gütersloh;Rad\n" * 20,
        "a;b\nx;y\n1;2\n",
    ],
)
def test_rows_that_only_resemble_headings_are_kept(understand: Understand, text: str) -> None:
    assert understand(text).table.num_rows == text.count("\n") - 1
