"""The simulated feeds: which sensors send what, how often, and how far back a first run begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from urbanlab.contract.records import Sensor
from urbanlab_services.simulator.footfall import PULSE_SECONDS, is_silent, make_pulses, measure_footfall
from urbanlab_services.simulator.town import Town
from urbanlab_services.simulator.weather import make_weather

Values = dict[str, Any]


@dataclass(frozen=True)
class Series:
    """One kind of simulated feed; `measure` gives what one sensor reports for the step at an instant."""

    feed: str
    kind: str  # of the sensors that report
    step: timedelta
    history: timedelta  # what a first run sends
    longest_gap: timedelta | None  # after a pause, no more than this is made up for
    measure: Callable[[Town, Sensor, datetime], Values | None]

    def find_start(self, last: datetime | None, now: datetime) -> datetime:
        """Return the first instant to report, given the last one that was."""
        if last is None:
            return self.align(now - self.history)
        if self.longest_gap is not None:
            return max(last + self.step, self.align(now - self.longest_gap))
        return last + self.step

    def align(self, instant: datetime) -> datetime:
        """Return the last step that begins at or before `instant`."""
        seconds = int(self.step.total_seconds())
        return datetime.fromtimestamp(int(instant.timestamp()) // seconds * seconds, UTC)


def format_instant(instant: datetime) -> str:
    """Return ``2026-05-01T10:00:00Z``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _measure_footfall(town: Town, sensor: Sensor, hour: datetime) -> Values | None:
    persons = measure_footfall(town, sensor, hour)
    return None if persons is None else {"persons": persons}


def _measure_pulse(town: Town, sensor: Sensor, instant: datetime) -> Values | None:
    hour = instant.replace(minute=0, second=0)
    pulses = make_pulses(town, sensor, hour)
    seconds = int((instant - hour).total_seconds())
    return None if pulses is None else {"persons": pulses[seconds // PULSE_SECONDS]}


def _measure_weather(town: Town, sensor: Sensor, hour: datetime) -> Values | None:
    if is_silent(town, sensor.id, hour):
        return None
    weather = make_weather(town, hour)
    return {
        "temperature": weather.temperature,
        "rain": weather.rain,
        "wind": weather.wind,
        "humidity": weather.humidity,
    }


_YEAR, _QUARTER_HOUR = timedelta(days=365), timedelta(minutes=15)
_HOUR, _PULSE = timedelta(hours=1), timedelta(seconds=PULSE_SECONDS)

SERIES = {
    series.feed: series
    for series in (
        Series("footfall_live", "footfall", _PULSE, _QUARTER_HOUR, _QUARTER_HOUR, _measure_pulse),
        Series("footfall", "footfall", _HOUR, _YEAR, None, _measure_footfall),
        Series("weather", "weather", _HOUR, _YEAR, None, _measure_weather),
    )
}
