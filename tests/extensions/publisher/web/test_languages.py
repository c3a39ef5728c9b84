"""Every sentence that a page can show is there in German, with the same places."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import urbanlab_services.publisher
from urbanlab_runner import page_failures
from urbanlab_services.publisher.data_releases import DataState
from urbanlab_services.publisher.publications import State
from urbanlab_services.publisher.web.languages import choose_language, load_language

PUBLISHER = Path(urbanlab_services.publisher.__file__).parent
GERMAN, ENGLISH = load_language("de"), load_language("en")
SENTENCES = (
    "actors",
    "applications",
    "bundles",
    "data_releases",
    "desk",
    "data_desk",
    "reasons",
    "share_terms",
    "durations",
    "parameters",
    "publications",
    "pictures",
    "attachments",
    "deputies",
)
SENTENCES += ("open_data", "rendering", "submissions", "refresh")
SENTENCES += ("web/login", "web/security", "web/pages", "web/forms", "web/handlers", "web/data_handlers")
SENTENCES += ("web/deputy_handlers",)
# What is no sentence for people, or is completed elsewhere.
SILENT = {"{}.", "{}: {}", "With {}: {}"}
ERRORS = re.compile(r"\w*(Error|Failure)")


def list_template_texts() -> set[str]:
    templates = (PUBLISHER / "web/templates").glob("*.html")
    return {text for path in templates for text in re.findall(r'\bt\("([^"]+)"', path.read_text())}


def list_error_texts(path: Path) -> Iterator[str]:
    """Yield what errors say, with `{}` where something is put in."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ERRORS.fullmatch(ast.unparse(node.func)) and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value
            elif isinstance(first, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in first.values)


@pytest.mark.parametrize("text", sorted(list_template_texts()))
def test_a_templates_sentence_is_there_in_german(text: str) -> None:
    if text.endswith("-"):
        assert {key for key in GERMAN.texts if key.startswith(text)} == {
            key for key in ENGLISH.texts if key.startswith(text)
        }
    else:
        assert text in GERMAN.texts


@pytest.mark.parametrize("name", SENTENCES)
def test_what_errors_say_is_there_in_german(name: str) -> None:
    for text in set(list_error_texts(PUBLISHER / f"{name}.py")) - SILENT:
        # A problem of a field becomes a sentence by its full stop.
        said = [text.replace("{}", "17"), text.replace("{}", "17") + "."]
        assert any(GERMAN.translate(each) != each for each in said), text


def test_what_the_runner_says_is_there_in_german() -> None:
    said = [value for name, value in vars(page_failures).items() if name.isupper() and isinstance(value, str)]
    sentences = [text for text in said if " " in text and not text.endswith(": ")]
    assert len(sentences) >= 7
    sentences += [f"Error: 'x' ({hint})" for hint in page_failures.HINTS.values()]
    assert [text for text in sentences if GERMAN.translate(text) == text] == []


def test_both_languages_have_the_same_places() -> None:
    for text, translated in GERMAN.texts.items():
        assert set(re.findall(r"\{(\w+)\}", translated)) <= set(re.findall(r"\{(\w+)\}", text)), text


@pytest.mark.parametrize("state", [*State, *DataState])
def test_every_state_has_its_word(state: State) -> None:
    assert GERMAN.t(str(state)) != str(state)
    assert "_" not in ENGLISH.t(str(state))


def test_words_within_a_sentence_are_translated_too() -> None:
    text = "Version 3 of x is taken down; this can be done while it is replaced or withdrawn."
    assert GERMAN.translate(text) == (
        "Version 3 von x ist gelöscht; das geht nur, solange sie abgelöst oder zurückgezogen ist."
    )
    assert ENGLISH.translate(text) == text


def test_what_a_person_has_written_is_no_pattern() -> None:
    assert GERMAN.translate("{0.__class__} {secret} %s") == "{0.__class__} {secret} %s"
    assert GERMAN.t("By {person}", person="{secret}") == "By {secret}"


@pytest.mark.parametrize(
    ("text", "german", "english"),
    [
        ("2026-03-01T11:59:58+00:00", "gerade eben", "just now"),
        ("2026-03-01T12:00:30+00:00", "gerade eben", "just now"),
        ("2026-03-01T11:59:00+00:00", "vor einer Minute", "1 minute ago"),
        ("2026-03-01T10:00:00+00:00", "vor 2 Stunden", "2 hours ago"),
        ("2026-02-28T12:00:00+00:00", "vor einem Tag", "1 day ago"),
    ],
)
def test_ages_are_said_in_the_largest_unit(text: str, german: str, english: str) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert (GERMAN.age(text, now), ENGLISH.age(text, now)) == (german, english)


def test_times_are_those_of_the_town() -> None:
    assert GERMAN.instant("2026-07-01T22:30:00+00:00", "Europe/Berlin") == "02.07.2026, 00:30"


@pytest.mark.parametrize(
    "accepted", ["", "*", "en;q=x", "en;q=0", ";;;,,,", "x" * 10_000, "de;q=0.1,en;q=0.05"]
)
def test_a_strange_wish_gets_german(accepted: str) -> None:
    assert choose_language("xx", "", accepted) == "de"
