"""What is different between two versions of a publication: facts, cells and the words of the page."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from urbanlab_services.publisher.applications import Application
from urbanlab_services.publisher.attachments import list_texts
from urbanlab_services.publisher.parameters import list_variants
from urbanlab_services.publisher.publications import KEPT, Submission

CONTEXT = 3
MAX_LINES = 3000  # of one thing; more is said to be too long
_BLOCKS = frozenset(
    {"p", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "div", "section", "figure", "pre", "br"}
)
_CELLS = frozenset({"td", "th"})
_SILENT = frozenset({"script", "style", "template"})

SAME, REMOVED, ADDED, SKIPPED = "same", "removed", "added", "skipped"


@dataclass(frozen=True)
class Line:
    """A line of a difference: `kind` is one of the four above."""

    kind: str
    text: str


@dataclass(frozen=True)
class Difference:
    """What one thing, `name`, has become; without lines where it is too long to be compared."""

    name: str
    lines: tuple[Line, ...]


def compare_applications(old: Application, new: Application) -> Difference | None:
    """Return the difference of what was said about the page, or None."""
    return compare("application", _list_facts(old), _list_facts(new))


def compare_notebooks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference | None:
    """Return the difference of the notebooks' cells, or None."""
    return compare("notebook", _list_source(old), _list_source(new))


def compare_bodies(old: str, new: str) -> Difference | None:
    """Return the difference of what two pages say in words, or None."""
    return compare("page", list_words(old), list_words(new))


def compare(name: str, old: list[str], new: list[str]) -> Difference | None:
    """Return how lines became others, each run of equal ones cut to a few, or None where they are equal."""
    if old == new:
        return None
    if len(old) > MAX_LINES or len(new) > MAX_LINES:
        return Difference(name, ())
    lines: list[Line] = []
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=True)
    for group in matcher.get_grouped_opcodes(CONTEXT):
        if lines:
            lines.append(Line(SKIPPED, ""))
        for kind, old_from, old_to, new_from, new_to in group:
            if kind == "equal":
                lines += (Line(SAME, text) for text in old[old_from:old_to])
                continue
            lines += (Line(REMOVED, text) for text in old[old_from:old_to])
            lines += (Line(ADDED, text) for text in new[new_from:new_to])
    return Difference(name, tuple(lines))


def list_words(body: str) -> list[str]:
    """Return the lines that a reader of the page finds, pictures by their alternative texts."""
    reader = _WordReader()
    reader.feed(body)
    reader.close()
    text = "".join(reader.pieces)
    return [plain for line in text.splitlines() if (plain := " ".join(line.split()))]


def _list_facts(application: Application) -> list[str]:
    facts = {name: value for name, value in vars(application).items() if name != "parameters"}
    lines = [f"{name}: {_to_text(value)}" for name, value in facts.items()]
    for parameter in application.parameters:
        said = dataclasses.asdict(parameter)
        lines += [f"{parameter.name}.{name}: {_to_text(value)}" for name, value in said.items()]
    return lines


def _to_text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_to_text, value))
    return " = ".join(map(str, value.values())) if isinstance(value, dict) else str(value)


def _list_source(notebook: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for cell in notebook["cells"]:
        tags = ", ".join(cell["metadata"].get("tags", ()))
        alt = cell["metadata"].get("alt", "")
        said: Iterable[str] = (cell["cell_type"], tags, alt)
        lines.append(f"── {' · '.join(word for word in said if word)}")
        lines += cell["source"].splitlines()
        lines += (f"({name})" for name in sorted(cell.get("attachments") or {}))
    for name, text in list_texts(notebook).items():
        lines += (f"── {name}", *text.splitlines())
    return lines


def find_pages(old: Submission, new: Submission) -> tuple[str, str] | None:
    """Return the pages to compare, by digest: of the first choice that both versions still have; else None."""
    if not {old.state, new.state} <= KEPT:
        return None
    known = list_variants(old.application.parameters)
    for variant in list_variants(new.application.parameters):
        if variant in known and variant in old.pages and variant in new.pages:
            return old.pages[variant], new.pages[variant]
    return None


def find_covers(old: Submission, new: Submission) -> tuple[str, str]:
    """Return the pages of two versions whose pictures stand for them in lists; they have some."""
    # As they are public, sorted: see `encode` of the contract.
    return old.pages[min(old.pages)], new.pages[min(new.pages)]


class _WordReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BLOCKS:
            self.pieces.append("\n")
        elif tag in _CELLS:
            self.pieces.append(" | ")
        elif tag == "img":
            self.pieces.append(f"\n[{dict(attrs).get('alt') or ''}]\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent -= 1
        elif tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data)
