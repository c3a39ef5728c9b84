"""Numbers that are dates: 20150731, 201507311405, and days as Excel counts them."""

from __future__ import annotations

import datetime
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from urbanlab.loading.notes import Note, note

# Only where the heading says so: 20150731 may be a number of a contract, too.
_SAYS_DAY = re.compile(r"datum|date|(?:^|[\W_])(?:tag|day)(?:$|[\W_])", re.IGNORECASE)
_SAYS_TIME = re.compile(r"zeit|time|stamp|stunde|hour", re.IGNORECASE)
_FORMATS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_FIRST_DAY, _LAST_DAY = 14_611, 73_050  # from 1940 to 2099
_EXCEL_ZERO = 25_569  # the day 1970-01-01


def find_days(column: Any, heading: str) -> tuple[Any, Note] | None:
    """Return a column of Excel's numbers of days as dates or local times and what to say, or `None`."""
    if not _SAYS_DAY.search(heading) or not _is_between(column, _FIRST_DAY, _LAST_DAY):
        return None
    micros = np.round((column.cast(pa.float64()).to_numpy(zero_copy_only=False) - _EXCEL_ZERO) * 86_400) * 1e6
    found = _to_times(micros, column)
    return found, _say("day_numbers", column, found)


def find_digits(column: Any, heading: str) -> tuple[Any, Note] | None:
    """Return a column of whole numbers that spell dates or local times as such and what to say, or `None`."""
    if not (_SAYS_DAY.search(heading) or _SAYS_TIME.search(heading)) or not pa.types.is_int64(column.type):
        return None
    words = pc.cast(column, pa.string())
    lengths = pc.unique(pc.utf8_length(words.drop_null())).to_pylist()
    if len(lengths) != 1 or lengths[0] not in _FORMATS:
        return None
    try:
        # Each different word once: a column of times has few days.
        different = {
            word: datetime.datetime.strptime(word, _FORMATS[lengths[0]])  # noqa: DTZ007 - a wall time
            for word in pc.unique(words).to_pylist()
            if word is not None
        }
    except ValueError:
        return None
    if any(not 1900 <= moment.year <= 2100 for moment in different.values()):
        return None
    moments = [None if word is None else different[word] for word in words.to_pylist()]
    found = pa.array(moments, pa.timestamp("us"))
    if lengths[0] == 8:
        found = found.cast(pa.date32())
    return found, _say("digits", column, found)


def _is_between(column: Any, least: int, most: int) -> bool:
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return False
    ends = pc.min_max(column).as_py()
    return ends["min"] is not None and least <= ends["min"] and ends["max"] <= most


def _to_times(micros: Any, column: Any) -> Any:
    missing = np.isnan(micros)
    whole = np.where(missing, 0, micros).astype("i8")
    times = pa.array(whole, pa.int64(), mask=missing).cast(pa.timestamp("us"))
    return times.cast(pa.date32()) if not (whole % 86_400_000_000).any() else times


def _say(code: str, column: Any, found: Any) -> Note:
    place = pc.index(pc.is_valid(column), True).as_py()
    return note(code, word=column[place].as_py(), value=str(found[place].as_py()))
