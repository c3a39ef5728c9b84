"""From the bytes of a message to a row of its feed's table, or to the reason why there is none.

The rules are strict, because a wrong figure in the warehouse is worse than a rejected record:

* one JSON object in UTF-8, no larger than `MAX_BYTES`, no field twice, no NaN or Infinity;
* every column of the feed is there and not null; fields that the feed does not know are left out;
* a value has its column's type; nothing is guessed from text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from urbanlab.contract.records import Column, Feed

MAX_BYTES = 64 * 1024
MAX_TEXT = 10_000
MAX_CATEGORY = 200
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# What the warehouse's DateTime and Date can hold.
_FIRST_YEAR, _LAST_YEAR = 1970, 2105

Row = dict[str, Any]
Key = tuple[Any, ...]


class MappingError(ValueError):
    """A record that cannot become a row; `code` is stable, the message says what is wrong in which field."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Mapping:
    """How the messages of one feed become rows."""

    feed: Feed

    def to_row(self, payload: bytes | None) -> Row:
        """Return the row, with values as ClickHouse's JSON formats take and give them; raise `MappingError`."""
        values = parse_object(payload)
        return {column.name: _to_value(column, values) for column in self.feed.columns}

    def to_key(self, row: Row) -> Key:
        """Return what makes a record the same as another."""
        return tuple(row[name] for name in self.feed.key)


def parse_object(payload: bytes | None) -> dict[str, Any]:
    """Return the JSON object in `payload`; raise `MappingError` for everything else."""
    if not payload:
        raise MappingError("empty", "The message is empty.")
    if len(payload) > MAX_BYTES:
        raise MappingError("too_large", f"The message has {len(payload)} bytes; {MAX_BYTES} are allowed.")
    try:
        values = json.loads(
            payload.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_refuse_twins
        )
    except UnicodeDecodeError as error:
        raise MappingError("not_utf8", f"The message is not UTF-8 at byte {error.start}.") from None
    except RecursionError:
        raise MappingError("too_deep", "The message is nested too deeply.") from None
    except MappingError:
        raise
    except ValueError as error:
        # Also for whole numbers with thousands of digits, which Python refuses to read.
        raise MappingError("not_json", f"The message is no JSON: {error}"[:300]) from None
    if not isinstance(values, dict):
        raise MappingError("not_object", "The message is no JSON object.")
    return values


def _refuse_constant(name: str) -> None:
    raise MappingError("not_json", f"The message contains {name}, which JSON does not have.")


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise MappingError("duplicate_field", "The message has a field twice.")
    return values


def _to_value(column: Column, values: dict[str, Any]) -> Any:
    value = values.get(column.name)
    if value is None:
        raise MappingError("missing_field", f"The field `{column.name}` is missing.")
    try:
        return _CONVERTERS[column.type](value)
    except ValueError as error:
        raise MappingError("wrong_type", f"The field `{column.name}` {error}.") from None


def _to_instant(value: Any) -> str:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("must be an instant like 2026-05-01T10:00:00Z, with its offset from UTC")
    try:
        instant = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is no instant that exists") from None
    if instant.microsecond:
        raise ValueError("has a fraction of a second; instants are kept in whole seconds")
    _check_year(instant.year)
    return instant.strftime("%Y-%m-%d %H:%M:%S")


def _to_date(value: Any) -> str:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("must be a date like 2026-05-01")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("is no date that exists") from None
    _check_year(day.year)
    return value


def _check_year(year: int) -> None:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise ValueError(f"must lie between the years {_FIRST_YEAR} and {_LAST_YEAR}")


def _to_integer(value: Any) -> int:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)  # JSON does not distinguish 5 from 5.0
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")
    if not -(2**63) <= value < 2**63:
        raise ValueError("is too large for a whole number of 64 bits")
    return value


def _to_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("is too large for a number")
    return number


def _to_text(value: Any, longest: int = MAX_TEXT) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    if len(value) > longest:
        raise ValueError(f"has {len(value)} characters; {longest} are allowed")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("contains half of a character") from None
    return value


def _to_category(value: Any) -> str:
    return _to_text(value, MAX_CATEGORY)


def _to_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "instant": _to_instant,
    "date": _to_date,
    "integer": _to_integer,
    "number": _to_number,
    "text": _to_text,
    "category": _to_category,
    "boolean": _to_boolean,
}
