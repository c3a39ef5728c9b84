"""Dates and times as people write them."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from urbanlab.loading.columns import Reading, TextColumn, Understood, understand
from urbanlab.loading.wall_time import to_utc

BERLIN = ZoneInfo("Europe/Berlin")


def _read(words: list[str]) -> Understood:
    return understand(TextColumn(pa.array(words), range(2, len(words) + 2)), Reading("Europe/Berlin"))


def _utc(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("word", "instant"),
    [
        ("2015-01-31 14:05", "2015-01-31T13:05"),
        ("2015-07-31T14:05:06.25", "2015-07-31T12:05:06.250"),
        ("2015-07-31T14:05:06+02:00", "2015-07-31T12:05:06"),
        ("2015-07-31T14:05:06Z", "2015-07-31T14:05:06"),
        ("2015-07-31T14:05:06-0430", "2015-07-31T18:35:06"),
        ("2015/07/31 14:05", "2015-07-31T12:05"),
        ("31.01.2015 14:05", "2015-01-31T13:05"),
        ("31.1.15, 14:05 Uhr", "2015-01-31T13:05"),
        ("Sa, 31.01.2015 14:05", "2015-01-31T13:05"),
        ("31.12.2015 24:00", "2015-12-31T23:00"),
        ("1/31/2015 0:00", "2015-01-30T23:00"),
        ("1/31/2015 2:05 PM", "2015-01-31T13:05"),
        ("1/31/2015 12:05 AM", "2015-01-30T23:05"),
        ("31/1/2015 14:05", "2015-01-31T13:05"),
    ],
)
def test_words_are_read_as_instants(word: str, instant: str) -> None:
    assert _read([word]).values.to_pylist() == [_utc(instant)]


@pytest.mark.parametrize("words", [["31.01.2015", ""], ["2015-01-31", "na"], ["1/31/2015", "-"]])
def test_days_without_a_time_are_dates(words: list[str]) -> None:
    assert _read(words).values.to_pylist() == [datetime.date(2015, 1, 31), None]


@pytest.mark.parametrize(
    "words",
    [
        ["31.02.2015", "2015-13-01"],
        ["14:05", "15:05"],
        ["25.5.2015 25:00"],
        ["1.2.3", "4.5.6"],
        ["0000-01-01"],
    ],
)
def test_what_is_no_moment_stays_text(words: list[str]) -> None:
    assert _read(words).values.to_pylist() == words


@pytest.mark.parametrize(
    ("words", "first", "note"),
    [
        (["1/2/2015", "1/3/2015", "1/12/2015", "2/1/2015"], (2015, 1, 2), "month/day/year"),
        (["1/2/2015", "2/2/2015", "12/2/2015", "1/3/2015"], (2015, 2, 1), None),
        (["3/4/2015"], (2015, 4, 3), "read as day/month/year, though month/day/year is possible too"),
        (["3/4/2015", "3/13/2015"], (2015, 3, 4), "month/day/year"),
    ],
)
def test_month_or_day_first_is_told_over_the_whole_column(
    words: list[str], first: tuple[int, int, int], note: str | None
) -> None:
    found = _read(words)
    assert found.values[0].as_py() == datetime.date(*first)
    assert [said.say("en") for said in found.notes] == ([note] if note else [])


def _walls(*clocks: str) -> np.ndarray:
    return np.array([f"{clock}" for clock in clocks], "datetime64[us]").astype("i8")


def _autumn(*clocks: str) -> np.ndarray:
    return _walls(*(f"2015-10-25T{clock}" for clock in clocks))


@pytest.mark.parametrize(
    ("clocks", "hours", "doubtful"),
    [
        (("01:00", "02:00", "02:00", "03:00"), (23, 24, 25, 26), 0),
        (("03:00", "02:00", "02:00", "01:00"), (26, 25, 24, 23), 0),  # newest first
        (("01:00", "02:00", "03:00"), (23, 24, 26), 1),  # one of the two is absent
        (("01:00", "01:00", "02:00", "02:00", "02:00", "02:00", "03:00"), (23, 23, 24, 24, 25, 25, 26), 0),
        (("01:00", "01:00", "02:00", "02:00", "03:00", "03:00"), (23, 23, 24, 24, 26, 26), 2),
        (("01:00", "02:00", "02:00", "03:00", "01:00", "02:00", "02:00"), (23, 24, 25, 26, 23, 24, 25), 0),
    ],
)
def test_the_doubled_hour_of_autumn_is_told_apart_by_order(
    clocks: tuple[str, ...], hours: tuple[int, ...], doubtful: int
) -> None:
    utc = to_utc(_autumn(*clocks), "Europe/Berlin")
    start = np.datetime64("2015-10-24T00:00", "us").astype("i8")
    assert ((utc.values - start) / 3.6e9).tolist() == list(hours)
    assert len(utc.doubtful) == doubtful


def test_quarters_of_the_doubled_hour_are_told_apart_where_time_goes_back() -> None:
    clocks = [f"{hour:02}:{minute:02}" for hour in (1, 2, 2, 3) for minute in (0, 15, 30, 45)]
    utc = to_utc(_autumn(*clocks), "Europe/Berlin")
    assert set(np.diff(utc.values)) == {900_000_000} and len(utc.told) == 8


def test_the_hour_that_spring_skips_moves_on_and_is_told() -> None:
    utc = to_utc(_walls("2015-03-29T01:00", "2015-03-29T02:00", "2015-03-29T03:00"), "Europe/Berlin")
    assert (np.diff(utc.values) / 3.6e9).tolist() == [1, 0]
    assert utc.skipped.tolist() == [1]


def test_the_report_names_the_lines_of_spring_and_autumn() -> None:
    found = _read(["29.03.2015 02:30", "25.10.2015 01:00", "25.10.2015 02:00", "25.10.2015 02:00"])
    said = " ".join(note.say("de") for note in found.notes)
    assert "verschoben (Zeilen 2)" in said and "aufgelöst: 2 Zeit(en) (Zeilen 4–5)" in said


def test_a_clock_that_is_never_put_forward_is_noticed() -> None:
    found = _read([f"{day}.2015 0{hour}:00" for day in ("29.03", "25.10") for hour in range(5)])
    assert "looks like winter time" in found.notes[-2].say("en")


MOMENTS = st.datetimes(datetime.datetime(1920, 1, 1), datetime.datetime(2200, 1, 1))


@settings(deadline=None)
@given(st.lists(MOMENTS, min_size=1), st.sampled_from(["%d.%m.%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S"]))
@example([datetime.datetime(2154, 3, 31, 2, fold=1)], "%d.%m.%Y %H:%M:%S")
def test_what_is_written_in_german_or_iso_is_read_back(moments: list[datetime.datetime], form: str) -> None:
    found = _read(
        [
            f"{moment.year:04}".join(moment.strftime(form).split(moment.strftime("%Y"), 1))
            for moment in moments
        ]
    )
    for moment, instant in zip(moments, found.values.to_pylist(), strict=True):
        local = moment.replace(microsecond=0, tzinfo=BERLIN)
        # In doubled and skipped hours another reading is right as well.
        assert abs(instant - local.astimezone(datetime.UTC)) <= datetime.timedelta(hours=1)
        if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
            assert instant == local


@settings(deadline=None)
@given(st.lists(MOMENTS, min_size=1), st.integers(-14, 14))
def test_an_offset_is_taken_off_exactly(moments: list[datetime.datetime], hours: int) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=hours))
    zoned = [moment.replace(tzinfo=zone) for moment in moments]
    assert _read([moment.isoformat() for moment in zoned]).values.to_pylist() == zoned


def test_every_hour_of_a_year_survives_the_way_over_local_time() -> None:
    hours = np.arange(np.datetime64("2023-01-01", "h"), np.datetime64("2024-01-01", "h")).astype(
        "datetime64[s]"
    )
    instants = [moment.replace(tzinfo=datetime.UTC) for moment in hours.tolist()]
    words = [moment.astimezone(BERLIN).strftime("%d.%m.%Y %H:%M") for moment in instants]
    assert _read(words).values.to_pylist() == instants
