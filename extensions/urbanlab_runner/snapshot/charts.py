"""Charts of Vega and Vega-Lite (Altair's): found among a cell's outputs, drawn once, with their data as a table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from urbanlab_runner.snapshot.drawing import Drawing
from urbanlab_runner.snapshot.foreign import ForeignAddresses, is_foreign
from urbanlab_runner.snapshot.tables import make_table

MAX_TITLE = 300
MAX_ROWS, MAX_COLUMNS = 60, 8
_MIME_TYPE = re.compile(r"application/vnd\.(vegalite|vega)\.v(\d{1,2})[+.]json")
# How Altair's page for a browser ends: the function that asks others for Vega is called with the chart.
_CALL = re.compile(r"\}\)\((?=\{)")
_SCHEMA = re.compile(r".*/schema/(vega|vega-lite)/v(\d{1,2})")
# What makes other values of those that the data hold.
_COMPUTING = frozenset({"aggregate", "bin", "timeUnit", "transform", "impute", "stack", "signal"})
_COMPUTING_MARKS = frozenset({"boxplot", "errorbar", "errorband"})
# Data, and columns by which something is ordered or told apart and which are not shown themselves.
_UNSEEN = frozenset({"values", "datasets", "sort", "order", "detail", "key"})


@dataclass(frozen=True)
class Chart:
    """A chart's specification, in which nothing is trusted; `library` is vega or vegalite, `major` its version."""

    spec: dict[str, Any]
    library: str
    major: str

    @property
    def title(self) -> str:
        """What its author says that it shows."""
        title = self.spec.get("title")
        title = title.get("text") if isinstance(title, dict) else title
        title = " ".join(map(str, title)) if isinstance(title, list) else title
        said = (self.spec.get("description"), title)
        return next((text.strip()[:MAX_TITLE] for text in said if isinstance(text, str) and text.strip()), "")


def find_chart(data: dict[str, Any]) -> Chart | None:
    """Return the chart among the forms of an output, or None."""
    for media_type, spec in data.items():
        found = _MIME_TYPE.fullmatch(media_type)
        if found and isinstance(spec, dict):
            return Chart(spec, found[1], found[2])
    html = data.get("text/html", "")
    html = "".join(map(str, html)) if isinstance(html, list | tuple) else str(html)
    return _find_in_html(html) if "vegaEmbed" in html else None


def _find_in_html(html: str) -> Chart | None:
    for call in list(_CALL.finditer(html))[-3:]:
        try:
            spec, _ = json.JSONDecoder(parse_constant=lambda _: None).raw_decode(html, call.end())
        except (ValueError, RecursionError):
            continue
        if not spec:
            continue
        schema = _SCHEMA.match(str(spec.get("$schema", "")))
        library = schema[1].replace("-", "") if schema else ("vega" if "marks" in spec else "vegalite")
        return Chart(spec, library, schema[2] if schema else "")
    return None


class Charts:
    """Draws the charts of a page."""

    def __init__(
        self, foreign: ForeignAddresses, words: dict[str, str], language: str, time_zone: str = "UTC"
    ) -> None:
        self._foreign = foreign
        self._words = words
        self._drawing = Drawing(language, time_zone)

    def draw(self, chart: Chart) -> bytes:
        """Return a chart as SVG; nothing where it cannot be drawn, or its data are not in it."""
        addresses = list(_find_addresses(chart.spec))
        for address in addresses:
            if is_foreign(address):
                self._foreign.report(address)
        if any(not address.lower().startswith("data:") for address in addresses):
            return b""
        return self._drawing.draw(chart.spec, chart.library, chart.major)

    def show_instead(self, chart: Chart) -> str:
        """Return a sentence and a table, as HTML that is not yet cleaned, for a chart that cannot be drawn."""
        title = f"<b>{escape(chart.title)}</b> " if chart.title else ""
        return f"<p>{title}{escape(self._words['chart_not_drawn'])}</p>{self._make_table(chart)}"

    def show_data(self, chart: Chart) -> str:
        """Return a table of what a chart shows, as HTML that is not yet cleaned; empty if much or unknown."""
        table = self._make_table(chart)
        name = escape(self._words["chart_data"])
        return f"<details><summary>{name}</summary>{table}</details>" if table else ""

    def _make_table(self, chart: Chart) -> str:
        names, rows = _find_rows(chart.spec)
        if not names:
            return ""
        cells = [[row.get(name) for name in names] for row in rows]
        return make_table(self._words["chart_data"], names, cells, self._words)


def _walk(spec: Any) -> Iterator[tuple[str, Any]]:
    """Yield the names and values at all depths of a specification, but not of what nobody sees in it."""
    waiting = [spec]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from value.items()
            waiting += [each for name, each in value.items() if name not in _UNSEEN]
        elif isinstance(value, list):
            waiting += value


def _find_addresses(spec: dict[str, Any]) -> Iterator[str]:
    """Yield the addresses of data that are not in the specification."""
    for name, value in _walk(spec):
        if name == "data":
            for source in value if isinstance(value, list) else [value]:
                address = source.get("url") if isinstance(source, dict) else None
                if address is not None:
                    yield address if isinstance(address, str) else "?"


def _find_rows(spec: dict[str, Any]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the columns that a chart shows and its rows; nothing unless it shows just these.

    What an author has in the data and does not show is not published: no other columns, and no single values
    of which the chart shows sums.
    """
    found = list(_walk(spec))
    sources = [value for name, value in found if name == "data" and isinstance(value, dict)]
    named = spec.get("datasets")
    named = named if isinstance(named, dict) else {}
    sets = [source.get("values", named.get(str(source.get("name")))) for source in sources]
    if len(sets) != 1 or len(named) > 1 or any(_is_computing(name, value) for name, value in found):
        return [], []
    rows = sets[0]
    fields = [value for name, value in found if name == "field" and isinstance(value, str)]
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_ROWS:
        return [], []
    if not all(isinstance(row, dict) for row in rows):
        return [], []
    names = [name for name in rows[0] if name in fields]
    return (names, rows) if len(names) <= MAX_COLUMNS else ([], [])


def _is_computing(name: str, value: Any) -> bool:
    mark = value.get("type") if isinstance(value, dict) else value
    return bool(value) and (name in _COMPUTING or (name == "mark" and str(mark) in _COMPUTING_MARKS))
