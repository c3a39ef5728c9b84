"""What a visitor may ask for: the language and the choices that a page declares, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from urbanlab.contract.publications import Publication
from urbanlab.contract.ranges import check_values, find_today
from urbanlab_portal.errors import ParameterError
from urbanlab_portal.languages import LANGUAGES

LANGUAGE_PARAMETER = "lang"
MAX_QUERY = 2000
MAX_FIELDS = 30


@dataclass(frozen=True)
class Question:
    """The query of an address, taken apart: `language` is empty where the address does not say."""

    language: str
    values: dict[str, str]


def parse_query(query: str) -> Question:
    """Return what an address asks for; raise `ParameterError` for what cannot be understood in one way."""
    if len(query) > MAX_QUERY:
        raise ParameterError("too long")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:  # too many fields, or bytes that are no text
        raise ParameterError("not understood") from error
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ParameterError("a name stands there twice")
    language = values.pop(LANGUAGE_PARAMETER, "")
    if language and language not in LANGUAGES:
        raise ParameterError("no such language")
    return Question(language, values)


def choose(publication: Publication, asked: dict[str, str]) -> dict[str, str]:
    """Return a value for each parameter of the page; raise `ParameterError` for what it does not declare."""
    try:
        return check_values(publication.parameters, asked, find_today())
    except ValueError as error:
        raise ParameterError(str(error)) from None


def make_query(values: dict[str, str], language: str) -> str:
    """Return ``?a=1&lang=en``, sorted by name, or nothing where there is nothing to say."""
    pairs = sorted(values.items())
    if language:
        pairs.append((LANGUAGE_PARAMETER, language))
    return f"?{urlencode(pairs)}" if pairs else ""
