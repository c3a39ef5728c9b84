"""Sheets as people lay them out: merged headings and cells, formulas, numbers that are days."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest

from urbanlab.loading.excel_marks import Merge, scan_sheet
from urbanlab.loading.prepare import Prepared

Understand = Callable[..., Prepared]


def _said(found: Prepared) -> str:
    return "\n".join(note.say("en") for notes in (found.notes, *found.column_notes) for note in notes)


def _sheet(rows: list[list[Any]], *merged: str) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merged:
        book.active.merge_cells(cells)
    book.save(content := io.BytesIO())
    return content.getvalue()


def test_headings_over_several_columns_stand_before_those_of_each(understand: Understand) -> None:
    rows: list[list[Any]] = [
        ["Verkehr 2015"],
        ["Ort", "Rad", None, "Auto", None],
        [None, "ein", "aus", "ein", "aus"],
        ["A", 1, 2, 3, 4],
        ["B", 5, 6, 7, 8],
    ]
    content = _sheet(rows, "A1:E1", "A2:A3", "B2:C2", "D2:E2")
    found = understand(content, "x.xlsx")
    assert found.table.to_pylist()[1] == {
        "ort": "B",
        "rad_ein": 5,
        "rad_aus": 6,
        "auto_ein": 7,
        "auto_aus": 8,
    }
    assert list(found.headings) == ["Ort", "Rad ein", "Rad aus", "Auto ein", "Auto aus"]
    assert "before the headings: Verkehr 2015" in _said(found)


def test_headings_above_headings_are_found_where_the_first_line_is_nearly_empty(
    understand: Understand,
) -> None:
    rows: list[list[Any]] = [
        [None, "Rad", None, None, "Auto", None, None],
        ["Ort", "ein", "aus", "Summe", "ein", "aus", "Summe"],
        ["A", 1, 2, 3, 4, 5, 9],
    ]
    found = understand(_sheet(rows, "B1:D1", "E1:G1"), "x.xlsx")
    assert found.table.column_names[0] == "ort" and found.table.to_pylist()[0]["auto_summe"] == 9


def test_a_merged_cell_says_the_same_in_all_that_it_covers(understand: Understand) -> None:
    rows: list[list[Any]] = [["Bezirk", "Ort", "n"], ["Nord", "A", 1], [None, "B", 2], ["Süd", "C", 3]]
    found = understand(_sheet(rows, "A2:A3"), "x.xlsx")
    assert found.table["bezirk"].to_pylist() == ["Nord", "Nord", "Süd"]
    assert "1 merged cell(s)" in _said(found)


def test_a_formula_gives_its_saved_result_and_is_told_without_one(understand: Understand) -> None:
    found = understand(_sheet([["a", "b"], [1, "=A2*2"], [2, '=WEBSERVICE("http://127.0.0.1:9")']]), "x.xlsx")
    assert found.table.to_pylist() == [{"a": 1, "b": None}, {"a": 2, "b": None}]
    assert "2 formula(s) without a saved result are missing: „B2“, „B3“" in _said(found)


@pytest.mark.parametrize(
    ("heading", "cells", "values"),
    [
        ("Datum", [42216, None], [datetime.date(2015, 7, 31), None]),
        (
            "Datum",
            [42216.5, 42217],
            [
                datetime.datetime(2015, 7, 31, 10, tzinfo=datetime.UTC),
                datetime.datetime(2015, 7, 31, 22, tzinfo=datetime.UTC),
            ],
        ),
        ("Einwohner", [42216, 42217], [42216, 42217]),
        ("Datum", [5, 42217], [5, 42217]),
    ],
)
def test_numbers_are_days_where_the_heading_says_so(
    understand: Understand, heading: str, cells: list[Any], values: list[Any]
) -> None:
    found = understand(_sheet([[heading, "n"], *[[cell, 1] for cell in cells]]), "x.xlsx")
    assert found.table.column(0).to_pylist() == values
    assert ("as Excel counts them" in _said(found)) == (not isinstance(values[0], int))


def test_merged_cells_are_read_as_excel_writes_them() -> None:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    xml = (
        f'<worksheet xmlns="{main}"><sheetData><row><c r="A1"><f>1</f><v>1</v></c><c r="B1"><f>1</f></c></row>'
        '</sheetData><mergeCells><mergeCell ref="B2:AA3"/><mergeCell ref="none"/></mergeCells></worksheet>'
    )
    marks = scan_sheet(xml.encode())
    assert marks.merges == [Merge(1, 1, 2, 26)] and marks.uncomputed == ["B1"]
