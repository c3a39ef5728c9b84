"""What visitors may vary: finite choices, all of whose combinations are rendered ahead."""

from __future__ import annotations

import itertools
import keyword
import math
import re
from collections.abc import Iterable, Mapping

from urbanlab.contract.publications import Choice, Parameter, make_variant

MAX_VARIANTS = 24
MAX_PARAMETERS = 4
MAX_LENGTH = 80
KINDS = ("text", "integer", "number")
RESERVED = frozenset({"lang"})  # the portal's own
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_KEYS = {"name", "title", "kind", "choices", "default"}
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
    count = math.prod(len(parameter.choices) for parameter in parameters)
    if count > MAX_VARIANTS:
        raise ValueError(
            f"the choices make {count} variants; all are rendered ahead, so there can be {MAX_VARIANTS} at most"
        )
    return parameters


def list_variants(parameters: Iterable[Parameter]) -> dict[str, dict[str, str]]:
    """Return the values of each variant by its `make_variant`, the one of the defaults first."""
    parameters = tuple(parameters)
    names = [parameter.name for parameter in parameters]
    sets = [_list_values(parameter) for parameter in parameters]
    rows = (dict(zip(names, values, strict=True)) for values in itertools.product(*sets))
    return {make_variant(row): row for row in rows}


def to_notebook_values(
    parameters: Iterable[Parameter], values: Mapping[str, str]
) -> dict[str, str | int | float]:
    """Return a variant's values as the notebook gets them."""
    makers: dict[str, type[str] | type[int] | type[float]] = {"text": str, "integer": int, "number": float}
    return {each.name: makers[each.kind](values[each.name]) for each in parameters}


def _list_values(parameter: Parameter) -> list[str]:
    values = [choice.value for choice in parameter.choices]
    return sorted(values, key=lambda value: value != parameter.default)


def _parse_parameter(value: object) -> Parameter:
    if not isinstance(value, Mapping) or not isinstance(name := value.get("name"), str):
        raise ValueError("each needs a name and choices")
    unknown = [str(key) for key in value if key not in _KEYS]
    if unknown:
        raise ValueError(f"{name} has {', '.join(unknown)}, which is not known")
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or name in RESERVED:
        raise ValueError(f"{name!r} cannot name a parameter: use letters, digits and underscores, not `lang`")
    kind, title = value.get("kind") or "text", value.get("title") or name
    if kind not in KINDS:
        raise ValueError(f"the kind of {name} can be {', '.join(KINDS)}")
    choices = _parse_choices(name, str(kind), value.get("choices"))
    default = _to_text(name, value.get("default") or "") or choices[0].value
    if default not in {choice.value for choice in choices}:
        raise ValueError(f"the default of {name} is none of its choices")
    return Parameter(name, _to_text(name, title), choices, str(kind), default)


def _parse_choices(name: str, kind: str, values: object) -> tuple[Choice, ...]:
    if not isinstance(values, list | tuple) or not values:
        raise ValueError(f"{name} needs choices: the values that visitors may choose")
    if len(values) > 1000:
        raise ValueError(
            f"{name} has {len(values)} choices; all variants of a page are {MAX_VARIANTS} at most"
        )
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
    if "&" in value:
        raise ValueError(f"{value!r}, a choice of {name}, has a `&`, which divides parameters in an address")
    return Choice(value, title)


def _to_text(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"what belongs to {name} must be text or numbers")
    text = str(value).strip()
    if len(text) > MAX_LENGTH or not text.isprintable():
        raise ValueError(f"texts of {name} have at most {MAX_LENGTH} characters, all of them visible")
    return text
