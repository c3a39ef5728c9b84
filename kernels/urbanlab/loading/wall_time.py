"""Local time without an offset into UTC, with the hour that spring skips and the one that autumn doubles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR


@dataclass(frozen=True)
class Utc:
    """Microseconds since 1970 in UTC, and the positions of what was not plain."""

    values: np.ndarray[Any, Any]
    skipped: np.ndarray[Any, Any]  # times that spring skips
    told: np.ndarray[Any, Any]  # times in autumn's doubled hour whose order says which
    doubtful: np.ndarray[Any, Any]  # times there of which nothing says which; taken as summer time


def to_utc(walls: np.ndarray[Any, Any], zone: str) -> Utc:
    """Return what the clock of `zone` showed, in the order of the rows, in UTC."""
    import pandas as pd

    clock = pd.DatetimeIndex(walls.astype("datetime64[us]"))
    always = np.ones(len(clock), dtype=bool)
    skipped = np.flatnonzero(clock.tz_localize(zone, ambiguous=always, nonexistent="NaT").isna())
    later = pd.Timedelta(hours=1)
    twice = clock.tz_localize(zone, ambiguous="NaT", nonexistent=later).isna()
    is_summer, told = _tell_apart(walls, twice)
    local = clock.tz_localize(zone, ambiguous=is_summer, nonexistent=later)
    values = local.tz_convert("UTC").tz_localize(None).as_unit("us").asi8
    return Utc(values, skipped, np.flatnonzero(told), np.flatnonzero(twice & ~told))


def _tell_apart(walls: Any, twice: Any) -> tuple[Any, Any]:
    """Return for each time whether it is the first of two, and whether that could be told."""
    is_first, told = np.ones(len(walls), dtype=bool), np.zeros(len(walls), dtype=bool)
    if not twice.any():
        return is_first, told
    steps = np.diff(walls)
    backwards = np.count_nonzero(steps < 0) > np.count_nonzero(steps > 0)
    order = np.arange(len(walls))[::-1] if backwards else np.arange(len(walls))
    walls, twice = walls[order], twice[order]
    for block in _split_blocks(walls, twice):
        rows = block[twice[block]]
        for day in np.unique(walls[rows] // _DAY):
            night = rows[walls[rows] // _DAY == day]
            second, known = _find_second(walls, block, night)
            is_first[order[night[second]]] = False
            told[order[night[known]]] = True
    return is_first, told


def _split_blocks(walls: Any, twice: Any) -> list[Any]:
    """Split where time goes back, as where the next sensor begins, but not inside a doubled hour."""
    same_night = twice[1:] & twice[:-1] & (walls[1:] // _DAY == walls[:-1] // _DAY)
    starts = np.flatnonzero((np.diff(walls) < 0) & ~same_night) + 1
    blocks = np.split(np.arange(len(walls)), starts)
    return [block for block in blocks if twice[block].any()]


def _find_second(walls: Any, block: Any, night: Any) -> tuple[Any, Any]:
    """Return which of the night's times are the second, and which of them could be told."""
    times = walls[night]
    drops = np.flatnonzero(np.diff(times) < 0)
    if len(drops) == 1:
        return np.arange(len(night)) > drops[0], np.ones(len(night), dtype=bool)
    second, known = np.zeros(len(night), dtype=bool), np.zeros(len(night), dtype=bool)
    for time in np.unique(times):
        same = np.flatnonzero(times == time)
        # As many as an hour before or after would be one round of the sensors; twice as many are both.
        round_size = max(np.count_nonzero(walls[block] == time + step) for step in (-_HOUR, _HOUR))
        if round_size and len(same) == 2 * round_size:
            second[same[round_size:]] = True
            known[same] = True
    return second, known
