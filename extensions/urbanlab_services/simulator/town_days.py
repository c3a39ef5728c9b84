"""What kind of day it is in a town: holidays of its state, closed Sundays, market days, Christmas market."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import holidays

MARKET_WEEKDAYS = (2, 5)  # Wednesday and Saturday
SATURDAY, SUNDAY = 5, 6


@dataclass(frozen=True)
class TownDay:
    """One local day; `kind` is `weekday`, `saturday` or `closed` (Sundays and holidays)."""

    kind: str
    weekday: int
    market: bool
    christmas_market: bool


@lru_cache(maxsize=1024)
def make_town_day(state: str, day: date) -> TownDay:
    """Return what kind of day `day` is in a town of the state (ISO 3166-2 without the country: NW)."""
    closed = day.weekday() == SUNDAY or day in _find_holidays(state, day.year)
    return TownDay(
        kind="closed" if closed else "saturday" if day.weekday() == SATURDAY else "weekday",
        weekday=day.weekday(),
        market=day.weekday() in MARKET_WEEKDAYS and not closed,
        christmas_market=_find_christmas_market(day.year) <= day <= date(day.year, 12, 23),
    )


def _find_christmas_market(year: int) -> date:
    """Return the first day of the market: the Monday after the Sunday of the dead, before the first Advent."""
    christmas = date(year, 12, 25)
    fourth_advent = christmas - timedelta(days=christmas.weekday() + 1)
    return fourth_advent - timedelta(days=21 + 6)


@lru_cache(maxsize=256)
def _find_holidays(state: str, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("DE", subdiv=state, years=year))
