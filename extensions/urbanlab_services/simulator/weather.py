"""Simulated weather of a town: seasons, days, changing spells, rain that lasts for hours.

Each value is a function of town and hour alone: smooth noise gives what changes slowly, and the rain of an
hour is the sum of the spells that began on this day or the day before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from urbanlab_services.simulator.seeds import draw_count, make_random, smooth_noise
from urbanlab_services.simulator.town import Town

MEAN_TEMPERATURE = 10.2
SEASONAL_SWING = 8.6
SPELLS_ON_A_WET_DAY = 2.4
LONGEST_SPELL = 20


@dataclass(frozen=True)
class Weather:
    """The weather of one hour: degrees Celsius, millimetres, kilometres per hour, per cent."""

    temperature: float
    rain: float
    wind: float
    humidity: float


@dataclass(frozen=True)
class Spell:
    """Rain from hour `start` of its day on for `hours` hours."""

    start: int
    hours: int
    intensity: float


@lru_cache(maxsize=4096)
def make_weather(town: Town, hour: datetime) -> Weather:
    """Return the weather of the hour that begins at `hour` (UTC)."""
    days = hour.timestamp() / 86400
    wetness = _find_wetness(town.state, days)
    rain = _sum_rain(town, hour)
    daily = _find_daily_wave(hour) * (2.4 + 2.6 * _find_summer(days)) * (1.25 - 0.8 * wetness)
    temperature = _find_slow_temperature(town, days) + daily - (0.8 if rain else 0.0)
    wind = 11 + 7 * smooth_noise(f"{town.state} wind", days / 1.3) + 2.5 * _find_daily_wave(hour)
    gusts = 2.5 * smooth_noise(f"{town.id} gusts", days * 8) + min(rain, 4)
    humidity = 74 + 16 * (wetness - 0.5) - 2.6 * daily - 6 * _find_summer(days) + (10 if rain else 0)
    return Weather(
        temperature=round(temperature, 1),
        rain=rain,
        wind=round(max(0.4, wind + gusts), 1),
        humidity=round(min(100.0, max(24.0, humidity)), 1),
    )


def _find_summer(days: float) -> float:
    """Return 1 at the height of summer and 0 in the depth of winter."""
    return (1 - math.cos(2 * math.pi * (days - 20) / 365.2425)) / 2


def _find_daily_wave(hour: datetime) -> float:
    return math.cos(2 * math.pi * (hour.hour - 14) / 24)


def _find_slow_temperature(town: Town, days: float) -> float:
    season = MEAN_TEMPERATURE + SEASONAL_SWING * (2 * _find_summer(days) - 1)
    # Towns of one state share their weather systems; each adds a little of its own.
    regional = 5.0 * smooth_noise(f"{town.state} air", days / 5) + smooth_noise(f"{town.state} day", days)
    return season + regional + 0.7 * smooth_noise(f"{town.id} air", days * 2)


def _find_wetness(state: str, days: float) -> float:
    return 0.5 + 0.5 * smooth_noise(f"{state} wetness", days / 3)


def _sum_rain(town: Town, hour: datetime) -> float:
    total = 0.0
    for day, offset in ((hour.date(), 0), (hour.date() - timedelta(days=1), 24)):
        for spell in _make_spells(town, day):
            into = hour.hour + offset - spell.start
            if 0 <= into < spell.hours:
                total += spell.intensity * math.sin(math.pi * (into + 0.5) / spell.hours)
    return round(total, 1)


@lru_cache(maxsize=1024)
def _make_spells(town: Town, day: date) -> tuple[Spell, ...]:
    chance = make_random(town.id, "rain", day)
    days = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp() / 86400
    count = draw_count(chance, SPELLS_ON_A_WET_DAY * _find_wetness(town.state, days) ** 2, spread=0.3)
    # Summer rain falls in short showers, winter rain for hours.
    summer = _find_summer(days)
    return tuple(
        Spell(
            start=chance.randrange(24),
            hours=min(LONGEST_SPELL, 1 + int(chance.expovariate(1 / (4.5 - 2.5 * summer)))),
            intensity=0.2 + chance.expovariate(1 / (0.8 + 1.2 * summer)),
        )
        for _ in range(count)
    )
