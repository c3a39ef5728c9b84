"""Numbers as people write them."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from urbanlab.loading.columns import Reading, TextColumn, Understood, understand
from urbanlab.loading.numbers import parse_numbers


def _read(words: list[str], comma: bool = False, missing: frozenset[str] = frozenset()) -> Understood:
    text = TextColumn(pa.array(words), range(2, len(words) + 2))
    text.take_as_missing(missing)
    return understand(text, Reading("Europe/Berlin", comma=comma))


@pytest.mark.parametrize(
    ("words", "comma", "values"),
    [
        (["1", "-2", "+3"], False, [1, -2, 3]),
        (["1,5", "2"], False, [1.5, 2.0]),
        (["1.5", "2"], True, [1.5, 2.0]),
        (["1.234,5", "1.234"], False, [1234.5, 1234.0]),
        (["1,234.5", "1,234"], True, [1234.5, 1234.0]),
        (["1.234", "12.345"], True, [1234, 12345]),
        (["1.234", "12.345"], False, [1.234, 12.345]),
        (["1.234", "2345"], True, [1.234, 2345.0]),
        (["0.123", "1.234"], True, [0.123, 1.234]),
        (["1.234.567", "1.234"], False, [1234567, 1234]),
        (["1 234", "12\u202f345"], False, [1234, 12345]),
        (["1'234", "5"], False, [1234, 5]),
        (["−3,5", "1"], False, [-3.5, 1.0]),
        (["1.5e3", "2"], False, [1500.0, 2.0]),
        (["12,5 %", "3 %"], False, [12.5, 3.0]),
        (["1.234,00 €", "5,00 €"], False, [1234.0, 5.0]),
        (["5", "na", "", "k.A.", "-"], False, [5, None, None, None, None]),
        (["ja", "Nein", ""], False, [True, False, None]),
    ],
)
def test_words_are_read_as_numbers(words: list[str], comma: bool, values: list[object]) -> None:
    assert _read(words, comma).values.to_pylist() == values


@pytest.mark.parametrize(
    "words",
    [
        ["01067", "99998"],  # postal codes
        ["12", "12a", "14"],  # house numbers
        ["1", "12345678901234567890"],  # identifiers that no number holds
        ["1.2.3", "4"],
        ["1.23,4", "5,6"],
        ["12,34,567", "1,5"],
        ["A1", "B2"],
    ],
)
def test_what_is_no_number_stays_text(words: list[str]) -> None:
    assert _read(words).values.to_pylist() == words


def test_remarks_in_a_column_of_numbers_become_missing_and_are_told_with_their_lines() -> None:
    found = _read([*"123456789", "technische Störung", "technische Störung"])
    assert found.values.null_count == 2
    assert "2 Zelle(n)" in found.notes[0].say("de") and "Zeilen 11–12" in found.notes[0].say("de")


def test_a_column_stays_text_where_too_much_does_not_fit() -> None:
    found = _read(["1", "2", "3", "offen", "zu"])
    assert found.values.to_pylist() == ["1", "2", "3", "offen", "zu"]
    assert "stays text because 2 cell(s)" in found.notes[0].say("en")


def test_the_last_of_many_rows_counts_like_the_first() -> None:
    assert pa.types.is_floating(_read([*["1"] * 100_000, "2,5"]).values.type)
    assert pa.types.is_string(_read([*["1"] * 100, *["12a"]]).values.type)


def test_words_that_the_analyst_names_are_missing() -> None:
    found = _read(["1", "-999", "Ausfall"], missing=frozenset({"-999", "ausfall"}))
    assert found.values.to_pylist() == [1, None, None]


def _write_german(number: float, places: int) -> str:
    return f"{number:,.{places}f}".translate(str.maketrans(",.", ".,"))


@settings(deadline=None)
@given(st.decimals(-(10**12), 10**12, places=2), st.booleans())
def test_what_is_written_in_german_or_english_is_read_back(number: object, german: bool) -> None:
    value = float(number)  # type: ignore[arg-type]
    word = _write_german(value, 2) if german else f"{value:,.2f}"
    assert parse_numbers(pa.array([word]), german)[0].as_py() == pytest.approx(value, abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.integers(-(10**15), 10**15), min_size=1))
def test_whole_numbers_stay_whole_with_and_without_thousands_points(numbers: list[int]) -> None:
    for words in ([str(number) for number in numbers], [_write_german(number, 0) for number in numbers]):
        assert parse_numbers(pa.array(words), True).to_pylist() == numbers


@settings(deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1))
def test_no_text_makes_reading_fail_or_loses_a_row(words: list[str]) -> None:
    assert len(_read(words).values) == len(words)
