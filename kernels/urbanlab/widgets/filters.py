"""What the filter box of a tail takes: words that must occur, and comparisons of fields."""

from __future__ import annotations

import operator
import re
import shlex
from collections.abc import Callable
from typing import Any

from urbanlab.messages import Message

Filter = Callable[[Message], bool]

_COMPARISON = re.compile(r"^([\w.]+)(>=|<=|!=|=|>|<)(.*)$")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


def parse_filter(text: str) -> Filter:
    """Return a test of messages: all words must hold.

    ``sensor=kolbeplatz persons>=20 mast``: a field compared with a number or a text, and a word that
    occurs anywhere, whatever its case. Quotation marks keep blanks together. No text lets everything pass.
    """
    tests = [_parse_word(word) for word in _split(text)]
    return lambda message: all(test(message) for test in tests)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quotation mark that is still being typed
        return text.replace('"', " ").replace("'", " ").split()


def _parse_word(word: str) -> Filter:
    hit = _COMPARISON.match(word)
    if hit is None:
        needle = word.lower().encode()
        return lambda message: needle in message.raw.lower() or needle in message.key.lower().encode()
    field, compare, wanted = hit[1], _OPERATORS[hit[2]], hit[3]
    return lambda message: _holds(_get(message, field), compare, wanted)


def _get(message: Message, field: str) -> Any:
    if field == "key":
        return message.key
    return (message.value or {}).get(field)


def _holds(value: Any, compare: Callable[[Any, Any], bool], wanted: str) -> bool:
    if value is None:
        return False
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return compare(value, float(wanted.replace(",", ".")))
        except ValueError:
            return False
    return compare(str(value).lower(), wanted.lower())
