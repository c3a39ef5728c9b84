"""Holds a tenant's values against the schema, and says what was probably meant."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from urbanlab.contract.lean_imports import leave_out_address_parser
from urbanlab_hub.settings import CHECKOUT
from urbanlab_hub.tenant_yaml import KeyPath

SCHEMA = CHECKOUT / "hub_config" / "tenants" / "_schema.json"
_KINDS: dict[type, str] = {list: "a list", dict: "a list of keys with values", type(None): "empty"}
_SHOWN = (str, int, float, bool)

Problem = tuple[KeyPath, str]


def find_schema_problems(values: Mapping[str, Any]) -> list[Problem]:
    """Return the key and a sentence for everything that the schema does not allow."""
    problems: list[Problem] = []
    for error in _make_validator().iter_errors(values):
        explain = _EXPLANATIONS.get(str(error.validator), _explain_value)
        problems += explain(tuple(error.absolute_path), error)
    # A group with several missing keys is reported once for each of them.
    return sorted(dict.fromkeys(problems), key=lambda problem: [str(part) for part in problem[0]])


@cache
def _make_validator() -> Any:
    # Most commands check no tenant, and the library takes longer to import than they need.
    leave_out_address_parser()
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_load_schema())


@cache
def _load_schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return schema


# `error` is a jsonschema ValidationError; its fields are typed there as possibly unset, which they never are.


def _explain_unknown(key: KeyPath, error: Any) -> Iterator[Problem]:
    known = error.schema["properties"]
    for name in error.instance:
        if name not in known:
            yield (*key, name), f"{to_text((*key, name))} is unknown{_suggest(name, key, list(known))}"


def _explain_missing(key: KeyPath, error: Any) -> Iterator[Problem]:
    # Which key it is stands only in jsonschema's own message.
    for name in error.validator_value:
        if name not in error.instance:
            yield key, f"{to_text((*key, name))} is missing"


def _explain_value(key: KeyPath, error: Any) -> Iterator[Problem]:
    found, wanted = error.instance, error.schema["description"]
    if "propertyNames" in error.absolute_schema_path:
        yield (*key, found), f"{to_text((*key, found))} cannot be a name: it must be {wanted}"
        return
    shown = repr(found) if isinstance(found, _SHOWN) else _KINDS.get(type(found), f"{found}")
    close = difflib.get_close_matches(str(found), error.schema.get("enum", ()), n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    yield key, f"{to_text(key) or 'the file'} is {shown} but must be {wanted}{meant}"


_EXPLANATIONS: dict[str, Callable[[KeyPath, Any], Iterator[Problem]]] = {
    "additionalProperties": _explain_unknown,
    "required": _explain_missing,
}


def to_text(key: KeyPath) -> str:
    """Return a key as it is written in sentences: ``feeds.weather.key``."""
    return ".".join(map(str, key))


def _suggest(name: str, key: KeyPath, here: list[str]) -> str:
    close = difflib.get_close_matches(name, here, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    elsewhere = [path for path in _list_paths(_load_schema(), ()) if path[-1] == name and path[:-1] != key]
    if elsewhere:
        return f" here; did you mean {to_text(elsewhere[0])}?"
    return f"; possible are {', '.join(here)}"


def _list_paths(schema: Any, above: KeyPath) -> Iterator[KeyPath]:
    """Yield every key path that the schema knows; names that the operator chooses are shown as NAME."""
    if "$ref" in schema:
        schema = _load_schema()["$defs"][schema["$ref"].rpartition("/")[2]]
    for name, below in schema.get("properties", {}).items():
        yield (*above, name)
        yield from _list_paths(below, (*above, name))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _list_paths(schema["additionalProperties"], (*above, "NAME"))
