"""What visitors may vary: choices and ranges; a few pages are made ahead, the others when somebody asks."""

from __future__ import annotations

import dataclasses
import itertools
import keyword
import math
import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from urbanlab.contract.publications import Choice, Parameter, make_variant
from urbanlab.contract.ranges import (
    RANGE_KINDS,
    check_value,
    check_values,
    count_values,
    find_default,
    find_limits,
    find_today,
    is_range,
    list_values,
    parse_variant,
    to_number,
    write_number,
)

MAX_VARIANTS = 24  # that are made ahead
MAX_VALUES = 100_000  # of one range
MAX_PARAMETERS = 4
MAX_LENGTH = 80
KINDS = ("text", "integer", "number", "date")
RESERVED = frozenset({"lang"})  # the portal's own
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_LIMITS = ("min", "max", "step")
_KEYS = {"name", "title", "kind", "choices", "default", *_LIMITS}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,14})?")


def parse_parameters(values: object) -> tuple[Parameter, ...]:
    """Return the parameters that a list of mappings describes; raise `ValueError` with what is wrong."""
    if not isinstance(values, list | tuple):
        raise ValueError("must be a list")
    if len(values) > MAX_PARAMETERS:
        raise ValueError(f"there are {len(values)}; a page can have {MAX_PARAMETERS}")
    parameters = tuple(_parse_parameter(value) for value in values)
    names = [parameter.name for parameter in parameters]
    if len(set(names)) < len(names):
        raise ValueError("two have the same name")
    return parameters


def list_variants(parameters: Iterable[Parameter], today: date | None = None) -> dict[str, dict[str, str]]:
    """Return the values of each variant that is made ahead by its `make_variant`, the one of the defaults first.

    These are all, where they are few; else those of the choices, with ranges at their defaults; else that one.
    """
    parameters, today = tuple(parameters), today or find_today()
    names = [parameter.name for parameter in parameters]
    rows = (
        dict(zip(names, values, strict=True)) for values in itertools.product(*_list_sets(parameters, today))
    )
    return {make_variant(row): row for row in rows}


def count_variants(parameters: Iterable[Parameter], today: date | None = None) -> int:
    """Return how many variants there can be, made ahead or on demand."""
    return math.prod(count_values(parameter, today or find_today()) for parameter in parameters)


def find_variant(parameters: Iterable[Parameter], variant: str, today: date | None = None) -> dict[str, str]:
    """Return the values of any variant that may be asked for; raise `ValueError` for what may not."""
    values = check_values(parameters, parse_variant(variant), today or find_today())
    if make_variant(values) != variant:
        raise ValueError("another spelling")
    return values


def fix_defaults(parameters: Iterable[Parameter], variant: str) -> tuple[Parameter, ...]:
    """Return the parameters with the values of a variant as defaults, so that ``today`` is the day it was made."""
    values = parse_variant(variant)
    return tuple(
        dataclasses.replace(each, default=values[each.name]) if each.name in values else each
        for each in parameters
    )


def to_notebook_values(
    parameters: Iterable[Parameter], values: Mapping[str, str]
) -> dict[str, str | int | float]:
    """Return a variant's values as the notebook gets them."""
    makers: dict[str, type[str] | type[int] | type[float]] = {"integer": int, "number": float}
    return {each.name: makers.get(each.kind, str)(values[each.name]) for each in parameters}


def _list_sets(parameters: tuple[Parameter, ...], today: date) -> list[list[str]]:
    if 0 < count_variants(parameters, today) <= MAX_VARIANTS:
        return [list_values(each, today) for each in parameters]
    if math.prod(len(each.choices) or 1 for each in parameters) <= MAX_VARIANTS:
        return [
            [find_default(each, today)] if is_range(each) else list_values(each, today) for each in parameters
        ]
    return [[find_default(each, today)] for each in parameters]


def _parse_parameter(value: object) -> Parameter:
    if not isinstance(value, Mapping) or not isinstance(name := value.get("name"), str):
        raise ValueError("each needs a name, and choices or limits")
    unknown = [str(key) for key in value if key not in _KEYS]
    if unknown:
        raise ValueError(f"{name} has {', '.join(unknown)}, which is not known")
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or name in RESERVED:
        raise ValueError(f"{name!r} cannot name a parameter: use letters, digits and underscores, not `lang`")
    kind, title = value.get("kind") or "text", value.get("title") or name
    if kind not in KINDS:
        raise ValueError(f"the kind of {name} can be {', '.join(KINDS)}")
    if any(value.get(key) not in (None, "") for key in _LIMITS) and not value.get("choices"):
        return _parse_range(name, _to_text(name, title), str(kind), value)
    if any(value.get(key) not in (None, "") for key in _LIMITS):
        raise ValueError(f"{name} has choices and limits; it can have one of them")
    choices = _parse_choices(name, str(kind), value.get("choices"))
    default = _to_text(name, value.get("default") or "") or choices[0].value
    if default not in {choice.value for choice in choices}:
        raise ValueError(f"the default of {name} is none of its choices")
    return Parameter(name, _to_text(name, title), choices, str(kind), default)


def _parse_range(name: str, title: str, kind: str, value: Mapping[str, object]) -> Parameter:
    if kind not in RANGE_KINDS:
        raise ValueError(f"{name} has limits, so its kind can be {', '.join(sorted(RANGE_KINDS))}")
    texts = {key: _to_text(name, value.get(key, "")) for key in (*_LIMITS, "default")}
    if not texts["min"] or not texts["max"]:
        raise ValueError(f"{name} needs both `min` and `max`")
    step = texts["step"] or ("1" if kind != "number" else "")
    if not step:
        raise ValueError(f"{name} needs `step`: by how much its numbers differ")
    try:
        # Of the days the words are kept, of the numbers their one spelling.
        spell = (lambda text: text) if kind == "date" else (lambda text: write_number(to_number(text, kind)))
        limits = spell(texts["min"]), spell(texts["max"])
        step = write_number(to_number(step, "number" if kind == "number" else "integer"))
        default = spell(texts["default"]) if texts["default"] else ""
        parameter = Parameter(name, title, (), kind, default, *limits, step)
        find_limits(parameter, find_today())
        default = find_default(parameter, find_today())
    except ValueError:
        raise ValueError(
            f"a limit, the step or the default of {name} is no {kind}; a day is 2026-01-31, today or today-365d"
        ) from None
    _check_range(parameter, default)
    return parameter if parameter.default else dataclasses.replace(parameter, default=parameter.minimum)


def _check_range(parameter: Parameter, default: str) -> None:
    """Raise `ValueError` unless a range has values today, not too many, its default among them."""
    name, today = parameter.name, find_today()
    if Decimal(parameter.step) <= 0:
        raise ValueError(f"`step` of {name} must be greater than 0")
    if (count := count_values(parameter, today)) < 1:
        raise ValueError(f"`min` of {name} lies above its `max`")
    if count > MAX_VALUES:
        raise ValueError(f"{name} has {count} values between `min` and `max`; there can be {MAX_VALUES}")
    try:
        check_value(parameter, default, today)
    except ValueError:
        raise ValueError(f"the default of {name} is none of its values") from None


def _parse_choices(name: str, kind: str, values: object) -> tuple[Choice, ...]:
    if not isinstance(values, list | tuple) or not values:
        raise ValueError(f"{name} needs choices: the values that visitors may choose")
    if len(values) > 1000:
        raise ValueError(f"{name} has {len(values)} choices; there can be 1000")
    choices = tuple(_parse_choice(name, kind, value) for value in values)
    if len({choice.value for choice in choices}) < len(choices):
        raise ValueError(f"{name} has a choice twice")
    return choices


def _parse_choice(name: str, kind: str, choice: object) -> Choice:
    if isinstance(choice, Mapping):
        if not set(choice) <= {"value", "title"} or "value" not in choice:
            raise ValueError(f"a choice of {name} has a value and, if you like, a title")
        value, title = _to_text(name, choice["value"]), _to_text(name, choice.get("title") or "")
    else:
        value, title = _to_text(name, choice), ""
    pattern = {"integer": _INTEGER, "number": _NUMBER}.get(kind)
    if not value or (pattern and not pattern.fullmatch(value)):
        raise ValueError(f"{value!r}, a choice of {name}, is no {kind}")
    if kind == "date":
        _check_day(name, value)
    if "&" in value:
        raise ValueError(f"{value!r}, a choice of {name}, has a `&`, which divides parameters in an address")
    return Choice(value, title)


def _check_day(name: str, value: str) -> None:
    try:
        is_day = date.fromisoformat(value).isoformat() == value
    except ValueError:
        is_day = False
    if not is_day:
        raise ValueError(f"{value!r}, a choice of {name}, is no date like 2026-01-31")


def _to_text(name: str, value: object) -> str:
    if type(value) is date:  # as YAML reads 2026-01-31
        value = value.isoformat()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"what belongs to {name} must be text or numbers")
    text = str(value).strip()
    if len(text) > MAX_LENGTH or not text.isprintable():
        raise ValueError(f"texts of {name} have at most {MAX_LENGTH} characters, all of them visible")
    return text
