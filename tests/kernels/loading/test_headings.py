"""Plain names of columns."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from urbanlab.loading.headings import make_column_names


@pytest.mark.parametrize(
    ("headings", "names"),
    [
        (["FR stadtauswärts", "Temperatur (°C)"], ["fr_stadtauswaerts", "temperatur_c"]),
        (["Straße", "Strasse", "STRASSE"], ["strasse", "strasse_2", "strasse_3"]),
        (["a_2", "a", "A"], ["a_2", "a", "a_3"]),
        (["2015", "", "%"], ["c_2015", "column_2", "column_3"]),
        (["Größe [m²]", "Fußgänger/h", "PM₂,₅ µg"], ["groesse_m2", "fussgaenger_h", "pm2_5_ug"]),
        (["Château", "Łódź", "日本"], ["chateau", "odz", "column_3"]),
        (["x" * 80, "x" * 81], ["x" * 60, "x" * 56 + "_2"]),
    ],
)
def test_headings_become_plain_names(headings: list[str], names: list[str]) -> None:
    assert make_column_names(headings) == names


@settings(deadline=None)
@given(st.lists(st.text(max_size=80), max_size=30))
def test_names_are_plain_and_no_two_alike(headings: list[str]) -> None:
    names = make_column_names(headings)
    assert len(set(names)) == len(headings)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name) for name in names)
