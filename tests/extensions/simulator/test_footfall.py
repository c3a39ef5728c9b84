"""The simulated city, statistically: a year of it looks like a town and is the same every time."""

from __future__ import annotations

import itertools
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from statistics import mean

import pytest

from urbanlab.contract.records import Sensor
from urbanlab_services.simulator.footfall import (
    find_expected,
    find_weather_factor,
    is_silent,
    make_pulses,
    measure_footfall,
)
from urbanlab_services.simulator.seeds import draw_count, make_random, smooth_noise
from urbanlab_services.simulator.town import Town
from urbanlab_services.simulator.town_days import make_town_day
from urbanlab_services.simulator.weather import Weather, make_weather

TOWN = Town("alpha", "NW", "Europe/Berlin", 100_000)
SENSOR = Sensor("square", "Square", "footfall", 8.4, 51.9, 1.0)
YEAR = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(8760)]


@pytest.fixture(scope="module")
def year() -> dict[datetime, int | None]:
    return {hour: measure_footfall(TOWN, SENSOR, hour) for hour in YEAR}


def average(year: dict[datetime, int | None], *hours: int, days: set[date] | None = None) -> float:
    """Return the mean of these UTC hours on these days."""
    return mean(
        persons
        for hour, persons in year.items()
        if persons is not None and hour.hour in hours and (days is None or hour.date() in days)
    )


def test_the_same_hour_is_the_same_in_every_process() -> None:
    program = (
        "from datetime import UTC, datetime\n"
        "from urbanlab.contract.records import Sensor\n"
        "from urbanlab_services.simulator.footfall import measure_footfall\n"
        "from urbanlab_services.simulator.town import Town\n"
        f"town, sensor = {TOWN!r}, {SENSOR!r}\n"
        "day = [datetime(2025, 5, 6, hour, tzinfo=UTC) for hour in range(24)]\n"
        "print([measure_footfall(town, sensor, hour) for hour in day])"
    )
    outside = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    inside = [measure_footfall(TOWN, SENSOR, datetime(2025, 5, 6, hour, tzinfo=UTC)) for hour in range(24)]
    assert outside.strip() == str(inside)


def test_towns_and_counters_differ(year: dict[datetime, int | None]) -> None:
    other_town = Town("beta", "NW", "Europe/Berlin", 100_000)
    other_sensor = Sensor("park", "Park", "footfall", 8.4, 51.9, 1.0)
    here = [year[hour] for hour in YEAR[:500]]
    assert here != [measure_footfall(other_town, SENSOR, hour) for hour in YEAR[:500]]
    assert here != [measure_footfall(TOWN, other_sensor, hour) for hour in YEAR[:500]]


def test_rhythm_of_day_and_week(year: dict[datetime, int | None]) -> None:
    assert average(year, 2) < 0.1 * average(year, 12)
    weekdays = {hour.date() for hour in YEAR if hour.weekday() < 5}
    sundays = {hour.date() for hour in YEAR if hour.weekday() == 6}
    saturdays = {hour.date() for hour in YEAR if hour.weekday() == 5}
    assert average(year, 10, 11, days=sundays) < 0.5 * average(year, 10, 11, days=weekdays)
    assert average(year, 10, 11, days=saturdays) > 1.2 * average(year, 10, 11, days=weekdays)


def test_holidays_are_like_sundays_and_only_in_their_state(year: dict[datetime, int | None]) -> None:
    corpus_christi = date(2025, 6, 19)  # a Thursday; a holiday in NW, not in Berlin
    usual = {corpus_christi + timedelta(weeks=n) for n in (-2, -1, 1, 2)}
    assert average(year, 10, 11, 12, days={corpus_christi}) < 0.6 * average(year, 10, 11, 12, days=usual)
    assert make_town_day("NW", corpus_christi).kind == "closed"
    assert make_town_day("BE", corpus_christi).kind == "weekday"


@pytest.mark.parametrize(
    ("day", "christmas_market", "market"),
    [
        (date(2025, 11, 23), False, False),  # Sunday of the dead
        (date(2025, 11, 24), True, False),
        (date(2025, 12, 3), True, True),
        (date(2025, 12, 23), True, False),
        (date(2025, 12, 24), False, True),
        (date(2022, 11, 21), True, False),  # Christmas on a Sunday: the fourth Advent is a week before
        (date(2022, 11, 20), False, False),
        (date(2025, 10, 4), False, True),
        (date(2025, 1, 1), False, False),  # a Wednesday, but a holiday
    ],
)
def test_market_days(day: date, christmas_market: bool, market: bool) -> None:
    town_day = make_town_day("NW", day)
    assert (town_day.christmas_market, town_day.market) == (christmas_market, market)


def test_rain_and_cold_keep_people_away(year: dict[datetime, int | None]) -> None:
    def ratios(rainy: bool) -> list[float]:
        """Footfall relative to what the same hour brings without any effect of the weather."""
        return [
            persons / (find_expected(TOWN, SENSOR, hour) / find_weather_factor(weather))
            for hour, persons in year.items()
            if persons is not None and 8 <= hour.hour <= 17
            for weather in [make_weather(TOWN, hour)]
            if (weather.rain > 0.5) == rainy
        ]

    assert mean(ratios(rainy=True)) < 0.88 * mean(ratios(rainy=False))
    factors = [find_weather_factor(Weather(temperature, 0, 10, 70)) for temperature in (-10, 5, 20, 38)]
    assert factors[0] < factors[1] < factors[2] > factors[3]


def test_counts_scatter_more_than_chance_alone_and_less_than_double(year: dict[datetime, int | None]) -> None:
    scatter = [
        (persons / find_expected(TOWN, SENSOR, hour) - 1) ** 2
        for hour, persons in year.items()
        if persons is not None and hour.hour == 12
    ]
    assert 0.12 < mean(scatter) ** 0.5 < 0.30


def test_counters_are_silent_now_and_then(year: dict[datetime, int | None]) -> None:
    silent = [hour for hour, persons in year.items() if persons is None]
    assert 20 < len(silent) < 400
    assert any(hour + timedelta(hours=1) in silent and hour + timedelta(hours=2) in silent for hour in silent)
    assert all(is_silent(TOWN, SENSOR.id, hour) for hour in silent)
    assert make_pulses(TOWN, SENSOR, silent[0]) is None


def test_pulses_of_an_hour_add_up_to_its_footfall(year: dict[datetime, int | None]) -> None:
    for hour in YEAR[4000:4048]:
        pulses = make_pulses(TOWN, SENSOR, hour)
        if pulses is not None:
            assert len(pulses) == 720
            assert sum(pulses) == year[hour]


def test_the_weather_of_a_year() -> None:
    weather = [make_weather(TOWN, hour) for hour in YEAR]
    january = mean(w.temperature for w, hour in zip(weather, YEAR, strict=True) if hour.month == 1)
    july = mean(w.temperature for w, hour in zip(weather, YEAR, strict=True) if hour.month == 7)
    assert -3 < january < 5 and 15 < july < 23
    assert 400 < sum(w.rain for w in weather) < 1300
    raining = [w.rain > 0 for w in weather]
    again = mean(later for now, later in itertools.pairwise(raining) if now)
    assert again > 4 * mean(raining)  # rain comes in spells
    steps = [abs(a.temperature - b.temperature) for a, b in itertools.pairwise(weather)]
    assert max(steps) < 6
    assert all(w.rain >= 0 and 0 < w.wind < 80 and 20 < w.humidity <= 100 for w in weather)


@pytest.mark.parametrize("expected", [0.0, 0.4, 5.0, 39.0, 41.0, 900.0])
def test_counts_are_around_their_mean(expected: float) -> None:
    chance = make_random("test", expected)
    counts = [draw_count(chance, expected, 0.2) for _ in range(4000)]
    assert min(counts) >= 0
    assert mean(counts) == pytest.approx(expected, rel=0.05, abs=0.05)


def test_noise_is_smooth_and_bounded() -> None:
    values = [smooth_noise("test", n / 50) for n in range(5000)]
    assert -1 <= min(values) < -0.8 and 0.8 < max(values) <= 1
    assert max(abs(a - b) for a, b in itertools.pairwise(values)) < 0.1
