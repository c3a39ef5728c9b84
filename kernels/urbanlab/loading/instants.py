"""Words into dates and times: ISO, German and American ways of writing them, told apart over a whole column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from urbanlab.loading.notes import Note, note

_TIME = (
    r"(?:(?:T|,?\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,9}))?)?"
    r"\s*(?P<half>[AaPp][Mm])?(?:\s*Uhr)?\s*(?P<offset>Z|[+-]\d{2}(?::?\d{2})?)?)?$"
)
_WEEKDAY = r"^(?:(?:Mo|Di|Mi|Do|Fr|Sa|So)\.?,?\s+)?"
ISO = r"^(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})" + _TIME
GERMAN = _WEEKDAY + r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4}|\d{2})" + _TIME
_EITHER = r"^(?P<%s>\d{1,2})[/-](?P<%s>\d{1,2})[/-](?P<year>\d{4})" + _TIME
DAY_FIRST, MONTH_FIRST = _EITHER % ("day", "month"), _EITHER % ("month", "day")

_DAY = 86_400_000_000
# What the warehouse can keep: https://clickhouse.com/docs/sql-reference/data-types/datetime64
_FIRST, _LAST = (int(np.datetime64(text, "us").astype("i8")) for text in ("1900-01-01", "2299-12-31"))


@dataclass
class Moments:
    """Moments in the order of the words.

    Attributes:
        values: Microseconds since 1970; UTC where there is an offset, else of the local wall.
        is_moment: Where a word is a moment at all.
        has_offset: Where the word says how far it is from UTC.
        has_time: Where the word has a time of day.
        notes: How the words were read.
    """

    values: np.ndarray[Any, Any]
    is_moment: np.ndarray[Any, Any]
    has_offset: np.ndarray[Any, Any]
    has_time: np.ndarray[Any, Any]
    notes: list[Note]


def parse_moments(words: Any) -> Moments | None:
    """Return what the words mean, or `None` if none is a moment; the words in the order of their first use."""
    plain = pc.utf8_trim(words, " \t\r\n\u00a0'")  # some put times in quotation marks of their own
    found = [part for pattern in (ISO, GERMAN) if (part := _parse(plain, pattern)) is not None]
    either = _parse_either(plain)
    if either is not None:
        found.append(either)
    if not found:
        return None
    first = found[0]
    for other in found[1:]:
        first = _join(first, other)
    return first


def _parse(words: Any, pattern: str) -> Moments | None:
    parts = pc.extract_regex(words, pattern)
    if parts.null_count == len(parts):
        return None
    fields = {part.name: pc.struct_field(parts, part.name) for part in parts.type}
    year, month, day = (_integers(fields[name]) for name in ("year", "month", "day"))
    short = _lengths(fields["year"]) == 2
    year = np.where(short, np.where(year < 69, 2000, 1900) + year, year)
    hour, minute, second = (_integers(fields[name]) for name in ("hour", "minute", "second"))
    half = pc.fill_null(pc.utf8_lower(fields["half"]), "").to_numpy(zero_copy_only=False)
    hour = np.where(half == "", hour, hour % 12 + np.where(half == "pm", 12, 0))
    days, exists = _count_days(year, month, day)
    # 24:00 is how German time series write the end of a day.
    clock = (hour * 60 + minute) * 60 + second
    fits = exists & (minute < 60) & (second < 60) & (clock <= 86_400)
    part = pc.fill_null(pc.utf8_rpad(fields["part"], 6, "0"), "")
    micros = _integers(pc.utf8_slice_codeunits(part, 0, 6))
    offset = _offset_minutes(fields["offset"])
    values = days * _DAY + clock * 1_000_000 + micros - offset * 60_000_000
    is_moment = fits & ~_nulls(parts) & (values >= _FIRST) & (values < _LAST)
    return Moments(values, is_moment, _lengths(fields["offset"]) > 0, _lengths(fields["hour"]) > 0, [])


def _parse_either(words: Any) -> Moments | None:
    """Parse a/b/year; which comes first is told by numbers above 12, then by order, then by custom."""
    day_first = _parse(words, DAY_FIRST)
    month_first = _parse(words, MONTH_FIRST)
    if day_first is None or month_first is None:
        return None
    days, months = int(day_first.is_moment.sum()), int(month_first.is_moment.sum())
    if days != months:
        chosen, notes = (day_first, []) if days > months else (month_first, [note("month_first")])
    elif _ascends(month_first) and not _ascends(day_first):
        chosen, notes = month_first, [note("month_first")]
    elif _ascends(day_first) and not _ascends(month_first):
        chosen, notes = day_first, []
    else:
        chosen, notes = day_first, [note("day_first_guess")]
    chosen.notes.extend(notes)
    return chosen if chosen.is_moment.any() else None


def _ascends(moments: Moments) -> bool:
    values = moments.values[moments.is_moment]
    return len(values) > 1 and bool((np.diff(values) >= 0).all())


def _join(first: Moments, second: Moments) -> Moments:
    takes = first.is_moment
    return Moments(
        np.where(takes, first.values, second.values),
        takes | second.is_moment,
        np.where(takes, first.has_offset, second.has_offset),
        np.where(takes, first.has_time, second.has_time),
        [*first.notes, *second.notes],
    )


def _count_days(year: Any, month: Any, day: Any) -> tuple[Any, Any]:
    """Return days since 1970 and whether there is such a day."""
    fits = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = np.where(fits, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(fits, day - 1, 0)
    return days.astype("i8"), fits & (days.astype("datetime64[M]") == months)


def _offset_minutes(texts: Any) -> Any:
    sign = np.where(pc.fill_null(pc.starts_with(texts, "-"), False).to_numpy(zero_copy_only=False), -1, 1)
    digits = pc.utf8_rpad(pc.replace_substring_regex(texts, r"[^0-9]", ""), 4, "0")
    number = _integers(digits)
    return sign * (number // 100 * 60 + number % 100)


def _integers(texts: Any) -> Any:
    filled = pc.if_else(pc.fill_null(pc.equal(texts, ""), True), "0", texts)
    return pc.cast(filled, pa.int64()).to_numpy(zero_copy_only=False)


def _lengths(texts: Any) -> Any:
    return pc.fill_null(pc.utf8_length(texts), 0).to_numpy(zero_copy_only=False)


def _nulls(array: Any) -> Any:
    return pc.is_null(array).to_numpy(zero_copy_only=False)
