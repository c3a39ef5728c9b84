"""Parameters of a query: bound by the server, never written into the text."""

from __future__ import annotations

import datetime
import decimal
import re
import uuid
import zoneinfo
from collections.abc import Mapping
from typing import Any

from urbanlab.errors import ParameterError

# Strings, quoted names and comments come first, so that braces in them are left alone.
_TOKEN = re.compile(
    r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`|--[^\n]*|#[ !][^\n]*|/\*.*?\*/"
    r"|\{\s*(?P<name>[A-Za-z_]\w*)\s*(?::(?P<kind>[^}]*))?\}",
    re.DOTALL,
)
_ZONE = re.compile(r"'([^']+)'")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
# In this order: a bool is an int, a datetime is a date.
_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "Bool"),
    (int, "Int64"),
    (float, "Float64"),
    (str, "String"),
    (datetime.datetime, "DateTime64(6, 'UTC')"),
    (datetime.date, "Date32"),
    (uuid.UUID, "UUID"),
)


def prepare(sql: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the text with the type of each placeholder written out, and the values to send beside it.

    ``{name}`` gets the type that the value has; ``{name:Type}`` keeps its own. Raises `ParameterError`
    for a value without a placeholder, a placeholder without a value, and a value whose type cannot be told.
    """
    plain = {name: _plain(value) for name, value in parameters.items()}
    sent: dict[str, Any] = {}

    def complete(hit: re.Match[str]) -> str:
        name = hit["name"]
        if name is None:
            return hit[0]
        if name not in plain:
            raise ParameterError(f"The query has {{{name}}}, but {name} has no value: give it as {name}=…")
        kind = (hit["kind"] or guess_type(name, plain[name])).strip()
        sent[name] = _render(plain[name], kind)
        return f"{{{name}:{kind}}}"

    text = _TOKEN.sub(complete, sql)
    unused = sorted(set(plain) - set(sent))
    if unused:
        raise ParameterError(
            f"The query does not use {', '.join(unused)}: write {{{unused[0]}}} where the value belongs"
        )
    return text, sent


def find_names(sql: str) -> set[str]:
    """Return the names that stand in placeholders of the text."""
    return {hit["name"] for hit in _TOKEN.finditer(sql) if hit["name"]}


def guess_type(name: str, value: Any) -> str:
    """Return the warehouse's type of a Python value; raise `ParameterError` where there is no clear one."""
    if isinstance(value, decimal.Decimal) and value.is_finite():
        return f"Decimal(76, {min(76, max(0, -int(value.as_tuple().exponent)))})"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ParameterError(f"{name} is too large for Int64: give its type, {{{name}:Int256}}")
    if value is None:
        raise ParameterError(f"{name} is None: give its type, {{{name}:Nullable(String)}}")
    if isinstance(value, list):
        kinds = {guess_type(name, item) for item in value}
        if kinds == {"Int64", "Float64"}:
            return "Array(Float64)"
        if len(kinds) == 1:
            return f"Array({kinds.pop()})"
        raise ParameterError(f"The list {name} is empty or mixed: give its type, {{{name}:Array(String)}}")
    for python_type, kind in _TYPES:
        if isinstance(value, python_type):
            return kind
    raise ParameterError(f"{name} is a {type(value).__name__}: give its type, {{{name}:String}}")


def _plain(value: Any) -> Any:
    """Return Python's own value for one of numpy or pandas."""
    # numpy's instants have no zone, and their `tolist` gives bare numbers.
    zoneless = isinstance(value, datetime.datetime) and value.tzinfo is None
    if zoneless or getattr(getattr(value, "dtype", None), "kind", "") == "M":
        raise ParameterError(
            f"{str(value)[:60]} has no time zone: write it with one, for example "
            "pandas.Timestamp('2026-03-01 12:00', tz='Europe/Berlin')"
        )
    if isinstance(value, datetime.datetime):
        return value
    if hasattr(value, "tolist"):  # arrays, series and numpy's scalars
        return _plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value


def _render(value: Any, kind: str) -> Any:
    """Return the value as the server reads it for this type; in a zone, an instant as seconds since 1970."""
    if isinstance(value, list):
        return [_render(item, kind) for item in value]
    if not isinstance(value, datetime.datetime):
        return value
    zone = _ZONE.search(kind)
    if zone is None:
        return _render_wall(value, datetime.UTC, kind)
    micros = (value - _EPOCH) // datetime.timedelta(microseconds=1)
    seconds, part = divmod(abs(micros), 1_000_000)
    if micros < 0 and not seconds:  # the server knows no negative zero
        return _render_wall(value, _get_zone(zone[1], kind), kind)
    _get_zone(zone[1], kind)
    # The wall time of a zone would not say which of autumn's two hours is meant.
    return f"{'-' if micros < 0 else ''}{seconds:010}{f'.{part:06}' if 'DateTime64' in kind else ''}"


def _render_wall(value: datetime.datetime, zone: datetime.tzinfo, kind: str) -> str:
    return value.astimezone(zone).strftime(f"%Y-%m-%d %H:%M:%S{'.%f' if 'DateTime64' in kind else ''}")


def _get_zone(name: str, kind: str) -> datetime.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise ParameterError(f"{kind} names a time zone that does not exist") from None
