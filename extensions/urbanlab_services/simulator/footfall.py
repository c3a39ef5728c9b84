"""Simulated pedestrians at a counter: rhythm of day and week, kind of day, weather, chance, silence."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from urbanlab.contract.records import Sensor
from urbanlab_services.simulator.seeds import draw_count, make_random
from urbanlab_services.simulator.town import Town
from urbanlab_services.simulator.town_days import TownDay, make_town_day
from urbanlab_services.simulator.weather import Weather, make_weather

PULSE_SECONDS = 5
PULSES_IN_HOUR = 3600 // PULSE_SECONDS
SPREAD = 0.16  # how much the same hour differs between alike days

# Share of the busiest hour's persons for each local hour of a kind of day.
PROFILES: dict[str, tuple[float, ...]] = {
    "weekday": (
        *(0.02, 0.01, 0.01, 0.01, 0.02, 0.05, 0.14, 0.27, 0.36, 0.46, 0.57, 0.65),
        *(0.70, 0.64, 0.62, 0.70, 0.79, 0.82, 0.66, 0.42, 0.25, 0.16, 0.09, 0.05),
    ),
    "saturday": (
        *(0.05, 0.04, 0.02, 0.02, 0.02, 0.03, 0.07, 0.16, 0.36, 0.62, 0.86, 0.98),
        *(1.00, 0.96, 0.92, 0.84, 0.70, 0.55, 0.42, 0.31, 0.24, 0.19, 0.14, 0.09),
    ),
    "closed": (
        *(0.06, 0.04, 0.02, 0.01, 0.01, 0.02, 0.03, 0.05, 0.09, 0.13, 0.18, 0.22),
        *(0.24, 0.26, 0.30, 0.31, 0.29, 0.25, 0.20, 0.15, 0.11, 0.08, 0.05, 0.03),
    ),
}
# Monday to Saturday; what a Sunday is its profile says already.
WEEKDAY_FACTORS = (0.90, 0.94, 0.98, 1.02, 1.10, 1.0, 1.0)
MARKET_HOURS = range(8, 13)
CHRISTMAS_MARKET_HOURS = range(14, 21)


def measure_footfall(town: Town, sensor: Sensor, hour: datetime) -> int | None:
    """Return the persons who pass in the hour that begins at `hour` (UTC); `None` where the counter is silent."""
    if is_silent(town, sensor.id, hour):
        return None
    chance = make_random(town.id, sensor.id, hour.isoformat())
    return draw_count(chance, find_expected(town, sensor, hour), SPREAD)


def find_expected(town: Town, sensor: Sensor, hour: datetime) -> float:
    """Return how many persons an average hour of this kind would bring."""
    local = hour.astimezone(_get_zone(town.time_zone))
    day = make_town_day(town.state, local.date())
    busiest = 180 + 0.006 * town.population
    weather = make_weather(town, hour)
    return busiest * sensor.level * _find_rhythm(day, local) * find_weather_factor(weather)


def find_weather_factor(weather: Weather) -> float:
    """Return how the weather changes footfall: rain keeps away, and so do cold and heat."""
    rain = max(0.5, math.exp(-0.22 * weather.rain**0.7))
    temperature = 0.72 + 0.33 * math.exp(-(((weather.temperature - 20) / 12) ** 2))
    return rain * temperature


@lru_cache(maxsize=512)
def make_pulses(town: Town, sensor: Sensor, hour: datetime) -> tuple[int, ...] | None:
    """Return the persons of each five seconds of the hour; their sum is the hour's footfall."""
    persons = measure_footfall(town, sensor, hour)
    if persons is None:
        return None
    chance = make_random(town.id, sensor.id, "pulses", hour.isoformat())
    counts = Counter(chance.choices(range(PULSES_IN_HOUR), k=persons))
    return tuple(counts[pulse] for pulse in range(PULSES_IN_HOUR))


def is_silent(town: Town, sensor_id: str, hour: datetime) -> bool:
    """Return whether the counter reports nothing in this hour: longer outages and single lost hours."""
    day = hour.astimezone(UTC).date()
    return hour.hour in _find_outage(town, sensor_id, day) or hour.hour + 24 in _find_outage(
        town, sensor_id, day - timedelta(days=1)
    )


@lru_cache(maxsize=4096)
def _find_outage(town: Town, sensor_id: str, day: date) -> range:
    chance = make_random(town.id, sensor_id, "outage", day)
    fate, start = chance.random(), chance.randrange(24)
    if fate < 0.03:
        return range(start, start + chance.randint(3, 18))
    return range(start, start + 1) if fate < 0.06 else range(0)


def _find_rhythm(day: TownDay, local: datetime) -> float:
    rhythm = PROFILES[day.kind][local.hour]
    if day.kind != "closed":
        rhythm *= WEEKDAY_FACTORS[day.weekday]
    if day.market and local.hour in MARKET_HOURS:
        rhythm *= 1.3
    if day.christmas_market and local.hour in CHRISTMAS_MARKET_HOURS:
        rhythm = rhythm * 1.35 + 0.18
    return rhythm


@lru_cache(maxsize=64)
def _get_zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
