"""The figures of the curated notebook, computed once more from the source rows and without its libraries."""

from __future__ import annotations

from datetime import UTC, datetime
from statistics import fmean
from zoneinfo import ZoneInfo

import holidays

from tests.installation import Installation

from .operator_access import ask_warehouse

DAYS = ["montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag"]
BUSIEST = r"Am stärksten ist (\w+) zwischen (\d+) und \d+ Uhr mit im Mittel (\d+) Personen"

Count = tuple[str, datetime, int]


def read_counts(installation: Installation, tenant: str, days: int = 365, until: str = "") -> list[Count]:
    """Return sensor, hour and persons of the last days before `until` (ISO 8601), or before now."""
    end = f"parseDateTimeBestEffort('{until}')" if until else "now()"
    rows = ask_warehouse(
        installation,
        f"SELECT sensor, toUnixTimestamp(observed_at), persons FROM {tenant}.footfall "
        f"WHERE observed_at >= {end} - toIntervalDay({days}) AND observed_at <= {end}",
    )
    return [
        (sensor, datetime.fromtimestamp(int(instant), UTC), int(persons)) for sensor, instant, persons in rows
    ]


def find_busiest_hour(rows: list[Count]) -> tuple[str, int, int]:
    """Weekday, hour and mean of the busiest hour, where all counters counted and no holiday was."""
    sensors = {sensor for sensor, _, _ in rows}
    hours: dict[datetime, list[int]] = {}
    for _, instant, persons in rows:
        hours.setdefault(instant, []).append(persons)
    closed = holidays.Germany(subdiv="NW", years=range(2024, 2030))
    means: dict[tuple[int, int], list[int]] = {}
    for instant, counts in hours.items():
        local = instant.astimezone(ZoneInfo("Europe/Berlin"))
        if len(counts) == len(sensors) and local.date() not in closed:
            means.setdefault((local.weekday(), local.hour), []).append(sum(counts))
    (day, hour), counts = max(means.items(), key=lambda item: fmean(item[1]))
    return DAYS[day], hour, round(fmean(counts))
