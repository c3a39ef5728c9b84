"""What somebody says about a page, in `app.yaml` or in a form: checked, completed, unknown keys refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import yaml

from urbanlab.contract.publications import MAX_SLUG, TOPICS, Choice, Parameter, check_slug
from urbanlab_services.errors import InvalidRequestError
from urbanlab_services.publisher.attachments import check_names
from urbanlab_services.publisher.durations import parse_refresh
from urbanlab_services.publisher.parameters import parse_parameters

KEYS = (
    *("title", "summary", "slug", "language", "parameters"),
    *("contact", "licence", "source", "refresh", "topics", "embed_in"),
    *("review_by", "expires", "pictures_in_text", "files", "refresh_on_change"),
)
LANGUAGES = ("de", "en")
DEFAULT_LICENCE = "dl-de/zero-2.0"
MAX_YAML_BYTES = 100_000
EXAMPLE_DAY = "2030-12-31"
FARTHEST = timedelta(days=10 * 365)
_LONGEST = {"title": 120, "summary": 1000, "contact": 200, "licence": 100, "source": 300}
_LISTS = ("topics", "embed_in", "files")
_OTHERS = (
    "parameters",
    "review_by",
    "expires",
    "pictures_in_text",
    "refresh_on_change",
)  # neither texts nor lists
_MOST = 10  # of what stands in a list
_ORIGIN = re.compile(
    r"https://(?:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?(:[0-9]{1,5})?"
)
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe"})


class ApplicationError(InvalidRequestError):
    """Values that cannot be taken; `problems` has a sentence for each field, for a form to show beside it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        sentences = (f"{field}: {problem}" for field, problem in self.problems.items())
        super().__init__(" ".join(sentences), code="invalid_application")


@dataclass(frozen=True)
class Application:
    """What the public is told about a page and may vary, complete and checked."""

    title: str
    slug: str
    summary: str = ""
    language: str = "de"
    parameters: tuple[Parameter, ...] = ()
    contact: str = ""
    licence: str = DEFAULT_LICENCE
    source: str = ""
    refresh: str = ""  # ISO 8601 duration of at least PT5M, or empty
    topics: tuple[str, ...] = ()  # of TOPICS
    embed_in: tuple[str, ...] = ()  # origins of web sites; those count that the tenant's file allows, too
    review_by: str = ""  # the day, ISO 8601, by which somebody looks whether the page still holds
    expires: str = ""  # the last day, ISO 8601, on which the public finds the page
    refresh_on_change: bool = False  # whether the page is made anew when data that it has read were written
    files: tuple[str, ...] = ()  # names of files that the notebook reads, handed in with it
    pictures_in_text: bool = False  # whether the text says what pictures without an alternative text show


def parse_application(values: Mapping[str, Any]) -> Application:
    """Return the application that `values`, fields of a form or of `app.yaml`, describe.

    Needs `title`; `slug` is made from it where it is not given, `language` is ``de``, `licence`
    ``dl-de/zero-2.0``. `parameters` is a list of ``{name, title, kind, choices, default}`` with `choices` a list of
    values or of ``{value, title}``. Raises `ApplicationError` that names every problem at once.
    """
    problems = {str(key): f"is not known; known are {', '.join(KEYS)}." for key in values if key not in KEYS}
    texts = {field: _take_text(values, field, problems) for field in KEYS if field not in (*_OTHERS, *_LISTS)}
    if not texts["title"]:
        problems.setdefault("title", "is missing: what is the page called?")
    language = texts["language"] or "de"
    if language not in LANGUAGES:
        problems["language"] = f"is {language!r}; it can be {' or '.join(LANGUAGES)}."
    slug = texts["slug"] or make_slug(texts["title"])
    _note("slug", problems, check_slug, slug)
    _note("refresh", problems, parse_refresh, texts["refresh"])
    parameters = _note("parameters", problems, parse_parameters, values.get("parameters") or ())
    topics = _note("topics", problems, _parse_topics, values.get("topics") or ())
    embed_in = _note("embed_in", problems, _parse_origins, values.get("embed_in") or ())
    files = _note("files", problems, _parse_files, values.get("files") or ())
    review_by, expires = "", ""
    try:
        review_by, expires = check_days(values.get("review_by"), values.get("expires"))
    except ApplicationError as error:
        problems |= error.problems
    on_change = _note("refresh_on_change", problems, _parse_flag, values.get("refresh_on_change"))
    in_text = _note("pictures_in_text", problems, _parse_flag, values.get("pictures_in_text"))
    if problems:
        raise ApplicationError(problems)
    return Application(
        title=texts["title"],
        slug=slug,
        summary=texts["summary"],
        language=language,
        parameters=parameters or (),
        contact=texts["contact"],
        licence=texts["licence"] or DEFAULT_LICENCE,
        source=texts["source"],
        refresh=texts["refresh"],
        topics=topics or (),
        embed_in=embed_in or (),
        review_by=review_by,
        expires=expires,
        pictures_in_text=in_text,
        refresh_on_change=on_change,
        files=files or (),
    )


def parse_app_yaml(text: bytes) -> dict[str, Any]:
    """Return the values of an `app.yaml`; raise `ApplicationError` where it is no mapping of plain values."""
    problem = {"app.yaml": "is no list of `key: value` lines; an example stands in the documentation."}
    if len(text) > MAX_YAML_BYTES:
        raise ApplicationError({"app.yaml": f"is longer than {MAX_YAML_BYTES // 1000} kB."})
    if b"&" in text and re.search(rb"(^|\s)[&*][A-Za-z0-9_]", text):
        # Anchors multiply: nine lines of them make a billion values.
        raise ApplicationError({"app.yaml": "must not use anchors (&name, *name)."})
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):
        raise ApplicationError(problem) from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ApplicationError(problem)
    return values


def make_slug(title: str) -> str:
    """Return an address made from a title, empty where nothing of it can stand in one.

    >>> make_slug("Fußgänger in der Königstraße – 2026")
    'fussgaenger-in-der-koenigstrasse-2026'
    """
    text = unicodedata.normalize("NFC", title).lower().translate(_LETTERS)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return slug[:MAX_SLUG].rstrip("-")


def application_from_dict(values: Mapping[str, Any]) -> Application:
    """Return the application that `dataclasses.asdict` took apart."""
    parameters = tuple(
        Parameter(**{**each, "choices": tuple(Choice(**choice) for choice in each["choices"])})
        for each in values["parameters"]
    )
    lists = {name: tuple(values.get(name, ())) for name in _LISTS}
    return Application(**{**values, **lists, "parameters": parameters})


def parse_day(value: object) -> str:
    """Return a day as ISO 8601, empty where none is given; raise `ValueError` for one that is none or not ahead."""
    if value is None or value == "":
        return ""
    try:
        day = date.fromisoformat(value.strip() if isinstance(value, str) else str(value))
    except ValueError:
        raise ValueError(f"is {str(value)[:40]!r}; write a day like {EXAMPLE_DAY}") from None
    today = datetime.now(UTC).date()
    if not today < day <= today + FARTHEST:
        raise ValueError(f"is {day}; it must lie ahead, by {FARTHEST.days // 365} years at most")
    return day.isoformat()


def check_days(review_by: object, expires: object) -> tuple[str, str]:
    """Return both days, empty for none; raise `ApplicationError` for days that are none or not in this order."""
    problems: dict[str, str] = {}
    review = _note("review_by", problems, parse_day, review_by) or ""
    end = _note("expires", problems, parse_day, expires) or ""
    if review and end and end < review:
        problems["review_by"] = "lies behind the last day on which the page is public."
    if problems:
        raise ApplicationError(problems)
    return review, end


def _parse_flag(value: object) -> bool:
    words = {None: False, "": False, True: True, False: False, "true": True, "false": False}
    if not isinstance(value, str | bool | None) or value not in words:
        raise ValueError("can be true or false")
    return words[value]


def _parse_topics(value: object) -> tuple[str, ...]:
    topics = _take_list(value)
    for topic in topics:
        if topic not in TOPICS:
            raise ValueError(f"has {topic!r}; known are {', '.join(TOPICS)}")
    return topics


def _parse_files(value: object) -> tuple[str, ...]:
    return check_names(_take_list(value))


def _parse_origins(value: object) -> tuple[str, ...]:
    origins = _take_list(value)
    for origin in origins:
        if len(origin) > 261 or not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"has {origin!r}; write web sites without a path, like https://www.herford.example"
            )
    return origins


def _take_list(value: object) -> tuple[str, ...]:
    """Return the words of a list, or of a form's field with blanks or commas between them."""
    words = re.split(r"[,\s]+", value.strip(", \n")) if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise ValueError("must be a list of words")
    if len(words) > _MOST:
        raise ValueError(f"has {len(words)}; at most {_MOST} count")
    return tuple(dict.fromkeys(words))


def _take_text(values: Mapping[str, Any], field: str, problems: dict[str, str]) -> str:
    value = values.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        problems[field] = "must be text."
        return ""
    text = " ".join(value.split())
    if any(unicodedata.category(letter) in {"Cc", "Cf", "Cs"} for letter in text):
        # Among them the letters that turn the direction of writing, so that a title reads as another.
        problems[field] = "has characters that cannot be seen."
    elif len(text) > _LONGEST.get(field, 100):
        problems[field] = f"has {len(text)} characters; at most {_LONGEST.get(field, 100)} are shown."
    return text


def _note(field: str, problems: dict[str, str], parse: Any, value: Any) -> Any:
    try:
        return parse(value)
    except ValueError as error:
        problems.setdefault(field, f"{error}.")
        return None
