"""How often a page is made anew: ISO 8601 durations without months and years."""

from __future__ import annotations

import re
from datetime import timedelta

LEAST, MOST = timedelta(minutes=5), timedelta(days=366)
_DURATION = re.compile(
    r"P(?=.)(?:(?P<weeks>\d{1,3})W)?(?:(?P<days>\d{1,4})D)?"
    r"(?:T(?=.)(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,8})S)?)?"
)


def parse_refresh(text: str) -> timedelta | None:
    """Return how often a page is made anew, None for an empty text; raise `ValueError` with what is allowed."""
    if not text:
        return None
    hit = _DURATION.fullmatch(text)
    if hit is None:
        raise ValueError(f"{text!r} is no duration: write PT15M, PT1H or P1D")
    duration = timedelta(**{unit: int(number) for unit, number in hit.groupdict().items() if number})
    if not LEAST <= duration <= MOST:
        raise ValueError(f"{text} is out of range: between PT5M and P366D")
    return duration
