"""What of a dataset somebody else may read, and for how long: partner, columns, rows, end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from urbanlab.contract.naming import NamingError, check_tenant_id
from urbanlab_services.errors import InvalidRequestError

MAX_COLUMNS = 1000
MAX_WHERE = 2000
MAX_NAME = 100


@dataclass(frozen=True)
class Terms:
    """The terms of a release; without a partner it is for everybody."""

    partner: str = ""
    columns: tuple[str, ...] = ()  # all where there are none
    where: str = ""  # which rows, an expression over its columns; all if empty
    until: str = ""  # an instant in UTC, to the minute; without an end if empty


def parse_terms(values: Mapping[str, Any], tenant: str, at: str, time_zone: str) -> Terms:
    """Return the terms that a request's `partner`, `columns`, `where` and `until` describe.

    Raises `InvalidRequestError`. Whether there is such a partner is not looked at: nobody learns it here.
    """
    return Terms(
        partner=_parse_partner(values.get("partner") or "", tenant),
        columns=_parse_columns(values.get("columns") or ()),
        where=_parse_where(values.get("where") or ""),
        until=parse_until(values.get("until") or "", at, time_zone),
    )


def parse_until(value: Any, at: str, time_zone: str) -> str:
    """Return when a release ends: at the end of a day, ``2026-12-31``, or at a time of a day, of the town's zone.

    Raises `InvalidRequestError` for anything else, and for what is over `at` that instant.
    """
    if not value:
        return ""
    try:
        end = (
            _parse_end(str(value).strip(), ZoneInfo(time_zone))
            .astimezone(UTC)
            .replace(second=0, microsecond=0)
        )
    except (ValueError, OverflowError):
        raise InvalidRequestError(
            f"{str(value)[:40]} is no day: write until as 2026-12-31 or 2026-12-31 18:00."
        ) from None
    if end <= datetime.fromisoformat(at):
        raise InvalidRequestError(f"{str(value)[:40]} is over already.")
    return end.isoformat(timespec="seconds")


def _parse_end(text: str, zone: ZoneInfo) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return datetime.combine(day + timedelta(days=1), time(), zone)


def _parse_partner(value: Any, tenant: str) -> str:
    try:
        partner = check_tenant_id(str(value).strip()) if value else ""
    except NamingError:
        raise InvalidRequestError(
            f"{str(value)[:40]} cannot be a tenant's id: it is made of a-z and digits, like herford."
        ) from None
    if partner == tenant:
        raise InvalidRequestError("Your own town has its data already; name another one.")
    return partner


def _parse_columns(value: Any) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InvalidRequestError("columns must be a list of names.")
    columns = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    if len(columns) > MAX_COLUMNS or any(len(name) > MAX_NAME for name in columns):
        raise InvalidRequestError("columns must be a list of names.")
    return columns


def _parse_where(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_WHERE:
        raise InvalidRequestError(f"where must be a text of {MAX_WHERE} characters.")
    return value.strip()
