"""CSV files as people have them, and files that are none."""

from __future__ import annotations

import datetime
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from urbanlab.errors import FileFormatError, LoadError
from urbanlab.loading.prepare import Prepared

Understand = Callable[..., Prepared]
GERMAN = "Straße;Länge (km);Datum\nHauptstraße;1.234,5;31.12.2015\nMühlweg;0,7;01.01.2016\n"
ROWS = [
    {"strasse": "Hauptstraße", "laenge_km": 1234.5, "datum": datetime.date(2015, 12, 31)},
    {"strasse": "Mühlweg", "laenge_km": 0.7, "datum": datetime.date(2016, 1, 1)},
]


def _notes(found: Prepared) -> str:
    return "\n".join(note.say("en") for note in found.notes)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_is_found(understand: Understand, encoding: str) -> None:
    assert understand(GERMAN.encode(encoding)).table.to_pylist() == ROWS


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_the_separator_is_found(understand: Understand, separator: str, line_end: str) -> None:
    text = GERMAN.replace(";", separator).replace("\n", line_end)
    assert understand(text).table.to_pylist() == ROWS


def test_commas_separate_cells_and_stand_inside_of_quoted_ones(understand: Understand) -> None:
    found = understand('name,value\n"Meier, Anna","1,5"\n"two\nlines",2\n')
    assert found.table.to_pylist() == [
        {"name": "Meier, Anna", "value": 1.5},
        {"name": "two\nlines", "value": 2.0},
    ]


def test_lines_are_counted_as_an_editor_counts_them(understand: Understand) -> None:
    found = understand('"long\nheading";b\n"two\nlines";1\nx;1\n;\ny;1\n')
    assert "empty line(s) 6" in _notes(found) and found.table.num_rows == 3


def test_a_file_of_an_authority_begins_with_its_description(understand: Understand) -> None:
    text = 'Quelle:;"Landesamt, www.x.de"\nZeitbezug:;MEZ\nOst:;1;Nord:;2\n\nDatum;"Stand [cm]";Status\n'
    found = understand(text + '"2025-12-01 00:15";102,50;roh\n' * 60, zone="Etc/GMT-1")
    assert found.table.column_names == ["datum", "stand_cm", "status"] and found.table.num_rows == 60
    assert str(found.table["datum"][0].as_py()) == "2025-11-30 23:15:00+00:00"
    assert "4 line(s) before the headings" in _notes(found)


def test_empty_cells_behind_the_last_column_are_left_out_and_told(understand: Understand) -> None:
    found = understand("a;b\n'2020-01-01 24:00';2\n'2020-01-02 01:00';3;\n'2020-01-02 02:00';;\n")
    assert found.table["b"].to_pylist() == [2, 3, None]
    assert str(found.table["a"][0].as_py()) == "2020-01-01 23:00:00+00:00"
    assert "behind the last column in line(s) 3–4" in _notes(found)


def test_gzip_is_unpacked_whatever_the_file_is_called(understand: Understand) -> None:
    packed = gzip.compress(GERMAN[:30].encode()) + gzip.compress(GERMAN[30:].encode())
    assert understand(packed).table.to_pylist() == ROWS


def test_lines_around_the_table_are_left_out_and_told(understand: Understand) -> None:
    found = understand(
        "Stadt X: Haushalt\n\nAmt;Euro\nBau;1.000\n;\nSchule;2.500\nSumme;3.500\nQuelle: Kämmerei\n"
    )
    assert found.table.to_pylist() == [{"amt": "Bau", "euro": 1000}, {"amt": "Schule", "euro": 2500}]
    said = _notes(found)
    assert "2 line(s) before the headings: Stadt X: Haushalt" in said
    assert "empty line(s) 5" in said and "line 7: Summe; 3.500" in said and "footer in line 8: Quelle" in said


def test_a_category_called_gesamt_is_no_sum_row(understand: Understand) -> None:
    rows = "".join(f"gesamt;Ort {n};{n}\nweiblich;Ort {n};{n}\n" for n in range(9))
    assert understand(f"Gruppe;Ort;Zahl\n{rows}").table.num_rows == 18


def test_sums_between_days_are_left_out(understand: Understand) -> None:
    months = "".join(f"0{month}.01.2015;5\nMonatssumme;5\n" for month in range(1, 9))
    assert understand(f"Tag;Zahl\n{months}").table.num_rows == 8


def test_a_file_without_headings_keeps_its_first_row(understand: Understand) -> None:
    found = understand("2015-01-01,5\n2015-01-02,6\n")
    assert found.table.column_names == ["column_1", "column_2"] and found.table.num_rows == 2
    assert "does not look like headings" in _notes(found)


def test_a_separator_at_the_end_of_each_line_makes_no_column(understand: Understand) -> None:
    found = understand("a;b;\n1;2;\n3;4;\n")
    assert found.table.column_names == ["a", "b"]
    assert "column 3, which has neither heading nor content" in _notes(found)


def test_columns_stay_text_where_the_analyst_says_so(understand: Understand) -> None:
    assert understand("a;Haus-Nr\n1;2\n", text={"Haus-Nr"}).table.to_pylist() == [{"a": 1, "haus_nr": "2"}]
    with pytest.raises(LoadError, match="no column 'hausnr'; there are a, Haus-Nr"):
        understand("a;Haus-Nr\n1;2\n", text={"hausnr"})


WIDE = ";".join(f"c{number}" for number in range(1000))


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "photo.csv", "is a picture"),
        (b"%PDF-1.7 ...", "plan.csv", "is a PDF document"),
        (b"PK\x03\x04 something", "x.csv", "is a damaged archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old.xls", "old Excel"),
        (b"a;b\n\x00\x01\x02\x03\x04\x05;2\n" * 9, "x.csv", "binary data"),
        ("<!DOCTYPE html><html><body>Not found</body></html>", "x.csv", "is a web page or XML"),
        ("", "x.csv", "is empty"),
        (" \n\n", "x.csv", "is empty"),
        (gzip.compress(b""), "x.csv.gz", "is empty"),
        (gzip.compress(b"a;b\n1;2\n")[:-12], "x.csv.gz", "ends too early"),
        (b"\x1f\x8bnonsense", "x.csv.gz", "is damaged"),
        ("name\nAnna\nBert\n", "x.csv", "has only one column"),
        ("Just a letter,\nwritten by somebody.\n\nBye", "x.csv", "has 2 columns, but 2 line|no table"),
        ("a;b\n1;2\n3\n4;5;6\n7;8\n" + "9;9\n" * 9, "x.csv", "line 3 has 1; line 4 has 3"),
        ("a;b;a\n1;2;3\n", "x.csv", "Several columns are called 'a'"),
        (f"{WIDE}\n{WIDE}\n", "x.csv", "has 1000 columns; at most 500"),
        ("a;b\n", "x.csv", "has no rows"),
        ("a;b\n;\n", "x.csv", "has no rows"),
        (
            "a;b\n" + "1;2\n" * 300 + '3;"4\n' + "5;6\n" * 9,
            "x.csv",
            "quotation mark in line 302 that is opened and never closed",
        ),
    ],
)
def test_what_is_no_table_is_told_in_a_sentence(
    understand: Understand, content: str | bytes, name: str, said: str
) -> None:
    with pytest.raises(LoadError, match=said):
        understand(content, name)


def test_an_absent_file_and_a_folder_are_told(understand: Understand, tmp_path: Path) -> None:
    (tmp_path / "counts_2016.csv").write_text(GERMAN)
    with pytest.raises(LoadError, match=r"no file .*counts_2015.csv. Did you mean counts_2016.csv"):
        understand(tmp_path / "counts_2015.csv")
    with pytest.raises(LoadError, match="is a folder"):
        understand(tmp_path)
    with pytest.raises(LoadError, match="no folder"):
        understand(tmp_path / "absent" / "x.csv")
    with pytest.raises(LoadError, match="cannot be read"):
        understand(tmp_path / "with\0zero")
    with pytest.raises(LoadError, match="A list cannot be loaded"):
        understand([1, 2])


def test_a_file_format_error_is_a_load_error() -> None:
    assert issubclass(FileFormatError, LoadError)
