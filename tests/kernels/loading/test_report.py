"""What the analyst sees of a loaded table."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from urbanlab.loading.kinds import choose_kind
from urbanlab.loading.load import make_report
from urbanlab.loading.notes import _TEXTS, note, say_rows
from urbanlab.loading.prepare import Prepared
from urbanlab.loading.report import LoadReport, UnreadCell

PLACES = (
    *("what", "name", "count", "text", "row", "rows", "column", "sheet", "others", "names"),
    *("words", "kind", "word", "value", "unit", "zone", "file", "files", "remark"),
    *("first", "last", "cells"),
)
TEXT = "Stunde;Fußgänger;<b>Ort</b>\n" + "01.07.2015 12:00;1.200;A\n" * 1200 + "Summe;9;\n"


@pytest.fixture
def make(understand: Callable[..., Prepared]) -> Callable[[str], LoadReport]:
    def make(language: str) -> LoadReport:
        found = understand(TEXT)
        return make_report(
            "lab_town.walkers", found, [choose_kind(column) for column in found.table.columns], language
        )

    return make


def test_it_is_german_or_english(make: Callable[[str], LoadReport]) -> None:
    german, english = repr(make("de")), repr(make("en"))
    assert "lab_town.walkers: 1.200 Zeilen, 3 Spalten" in german and "Ausgelassen: Summenzeile 1202" in german
    assert (
        "lab_town.walkers: 1,200 rows, 3 columns" in english and "Left out: sum row in line 1202" in english
    )


def test_it_shows_names_headings_and_kinds(make: Callable[[str], LoadReport]) -> None:
    column = make("de").columns[1]
    assert (column.name, column.heading, column.type, column.missing) == (
        "fussgaenger",
        "Fußgänger",
        "Int64",
        0,
    )
    assert "1.200 wurde als 1200 gelesen" in column.remarks[0]
    assert make("de").columns[0].type == "DateTime('UTC')" and "LowCardinality" in make("de").columns[2].type


def test_its_html_escapes_what_the_file_says(make: Callable[[str], LoadReport]) -> None:
    html = make("de")._repr_html_()
    assert "&lt;b&gt;Ort&lt;/b&gt;" in html and "<b>Ort" not in html


def test_cells_that_are_not_understood_are_a_table_of_their_own(understand: Callable[..., Prepared]) -> None:
    found = understand("n;m\n" + "1;1\n" * 60 + "<b>kaputt</b>;2\n" + "1;defekt\n" * 11)
    german = make_report("lab_town.x", found, ["Int64", "Int64"], "de")
    assert (german.unread[0].line, german.unread[0].column) == (62, "n") and len(german.unread) == 12
    assert german.unread[-1] == UnreadCell(73, "m", "defekt")
    assert "Nicht verstanden, nun fehlend (10 / 12: report.unread)" in repr(german)
    assert "&lt;b&gt;kaputt" in german._repr_html_() and "<b>kaputt" not in german._repr_html_()
    assert "Not understood" in repr(make_report("lab_town.x", found, ["Int64", "Int64"], "en"))
    assert understand("n\tm\n1\t-\n").unread == []


def test_every_sentence_has_the_same_places_in_both_languages() -> None:
    facts = dict.fromkeys(PLACES, "x")
    for code, texts in _TEXTS.items():
        assert note(code, **facts).say("de") and note(code, **facts).say("en")
        assert texts[0].count("{") == texts[1].count("{"), code


def test_neighbouring_rows_are_joined() -> None:
    assert say_rows([1, 2, 3, 7, 9, 10]) == "1–3, 7, 9–10"
    assert say_rows(range(0, 40, 2), most=3) == "0, 2, 4, …"
