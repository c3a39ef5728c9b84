"""Which values a parameter may take: a few, or any number or day of a range; the same for portal and publisher.

The limits of days may be relative: ``today``, ``today-365d``, ``today+7d``. Today is the day in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from urbanlab.contract.publications import Parameter

_RELATIVE = re.compile(r"today(?:([+-])([0-9]{1,5})d)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Few enough digits that a sum of two is exact.
_NUMBERS = {
    "integer": re.compile(r"-?[0-9]{1,12}"),
    "number": re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,8})?"),
}
RANGE_KINDS = frozenset({*_NUMBERS, "date"})


def find_today() -> date:
    """Return the day that relative limits are counted from."""
    return datetime.now(UTC).date()


def is_range(parameter: Parameter) -> bool:
    """Return whether a parameter has limits in place of choices."""
    return not parameter.choices


def to_day(text: str, today: date) -> date:
    """Return an absolute or relative day; raise `ValueError` for what is none."""
    relative = _RELATIVE.fullmatch(text)
    if relative is None:
        if not _DAY.fullmatch(text):
            raise ValueError(f"{text!r} is no day: write 2026-01-31, today or today-365d")
        return date.fromisoformat(text)
    days = timedelta(int(relative[2] or 0))
    try:
        return today - days if relative[1] == "-" else today + days
    except OverflowError:
        raise ValueError(f"{text!r} lies too far away") from None


def to_number(text: str, kind: str) -> Decimal:
    """Return a number; raise `ValueError` for what is none of that kind."""
    if not _NUMBERS[kind].fullmatch(text):
        raise ValueError(f"{text!r} is no {kind} of usual size")
    return Decimal(text)


def write_number(number: Decimal) -> str:
    """Return the one spelling of a number: 5, not 05, 5.0 or 5e0."""
    text = format(number.normalize(), "f")
    return "0" if text == "-0" else text


def find_limits(parameter: Parameter, today: date) -> tuple[str, str]:
    """Return the smallest and the greatest value of a range as they stand in an address."""
    limits = (parameter.minimum, parameter.maximum)
    if parameter.kind == "date":
        smallest, greatest = (to_day(limit, today).isoformat() for limit in limits)
    else:
        smallest, greatest = (write_number(to_number(limit, parameter.kind)) for limit in limits)
    return smallest, greatest


def check_value(parameter: Parameter, text: str, today: date) -> str:
    """Return a value that a parameter may take, in its one spelling; raise `ValueError` for all others."""
    if not is_range(parameter):
        if text not in {choice.value for choice in parameter.choices}:
            raise ValueError("none of the choices")
        return text
    smallest, greatest = find_limits(parameter, today)
    if parameter.kind == "date":
        if not _DAY.fullmatch(text) or not smallest <= text <= greatest:
            raise ValueError("no day between the limits")
        days = (date.fromisoformat(text) - date.fromisoformat(smallest)).days
        if days % int(parameter.step):
            raise ValueError("a day between the steps")
        return text
    number = to_number(text, parameter.kind)
    if not Decimal(smallest) <= number <= Decimal(greatest):
        raise ValueError("not between the limits")
    if (number - Decimal(smallest)) % Decimal(parameter.step):
        raise ValueError("a number between the steps")
    return write_number(number)


def find_default(parameter: Parameter, today: date) -> str:
    """Return the value of a parameter that nobody has chosen; raise `ValueError` for a day that is none."""
    if not is_range(parameter):
        return parameter.default or parameter.choices[0].value
    if not parameter.default:
        return find_limits(parameter, today)[0]
    return to_day(parameter.default, today).isoformat() if parameter.kind == "date" else parameter.default


def count_values(parameter: Parameter, today: date) -> int:
    """Return how many values a parameter may take."""
    if not is_range(parameter):
        return len(parameter.choices)
    smallest, greatest = find_limits(parameter, today)
    if parameter.kind == "date":
        width = Decimal((date.fromisoformat(greatest) - date.fromisoformat(smallest)).days)
    else:
        width = Decimal(greatest) - Decimal(smallest)
    return max(0, int(width // Decimal(parameter.step)) + 1)


def list_values(parameter: Parameter, today: date) -> list[str]:
    """Return all values of a parameter, the default first; ask `count_values` before how many that are."""
    default = find_default(parameter, today)
    if not is_range(parameter):
        values: Iterable[str] = (choice.value for choice in parameter.choices)
    elif parameter.kind == "date":
        first, step = date.fromisoformat(find_limits(parameter, today)[0]), int(parameter.step)
        count = count_values(parameter, today)
        values = ((first + timedelta(step * number)).isoformat() for number in range(count))
    else:
        smallest, width = Decimal(find_limits(parameter, today)[0]), Decimal(parameter.step)
        values = (write_number(smallest + width * number) for number in range(count_values(parameter, today)))
    return [default, *(value for value in values if value != default)]


def check_values(parameters: Iterable[Parameter], asked: dict[str, str], today: date) -> dict[str, str]:
    """Return a value for each parameter, the default where none is asked for.

    Raises `ValueError` for a name or a value that is not declared.
    """
    declared = {parameter.name: parameter for parameter in parameters}
    if not asked.keys() <= declared.keys():
        raise ValueError("a name that is not declared")
    values = {}
    for name, parameter in declared.items():
        default = find_default(parameter, today)
        text = asked.get(name, default)
        values[name] = text if text == default else check_value(parameter, text, today)
    return values


def parse_variant(variant: str) -> dict[str, str]:
    """Return the values that `make_variant` wrote; raise `ValueError` for what it never writes."""
    pairs = [part.partition("=") for part in variant.split("&")] if variant else []
    values = {name: value for name, sign, value in pairs if sign}
    if len(values) != len(pairs):
        raise ValueError("no variant")
    return values
