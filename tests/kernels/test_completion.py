"""What a cell of SQL offers, place by place; `test_kernel.py` asks a kernel for it."""

from __future__ import annotations

import pytest

from urbanlab.completion import Vocabulary, complete


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    vocabulary = Vocabulary()
    vocabulary.columns = {
        "town.footfall": ["sensor", "persons"],
        "town.sensors": ["id", "name"],
        "open_data.rietberg__footfall": ["sensor", "visitors"],
    }
    vocabulary.functions = ["sum", "sumIf", "toHour"]
    return vocabulary


@pytest.mark.parametrize(
    ("cell", "offered"),
    [
        ("SELECT * FROM |", ["town.footfall", "town.sensors", "open_data.rietberg__footfall"]),
        ("SELECT * FROM town.f|", ["town.footfall"]),
        ("SELECT * FROM a JOIN OPEN|", ["open_data.rietberg__footfall"]),
        ("DESCRIBE town.s|", ["town.sensors"]),
        ("SELECT | FROM town.footfall", ["sensor", "persons"]),
        ("SELECT pers| FROM town.footfall", ["persons"]),
        ("SELECT f.| FROM town.footfall AS f", ["f.sensor", "f.persons"]),
        ("SELECT f.p| FROM town.footfall f WHERE 1", ["f.persons"]),
        ("SELECT town.sensors.| FROM town.sensors WHERE 1", ["town.sensors.id", "town.sensors.name"]),
        ("SELECT * FROM town.footfall WHERE v|", []),
        ("SELECT vis|\nFROM `open_data`.rietberg__footfall", ["visitors"]),
        ("SELECT su|", ["sum", "sumIf"]),
        ("SELECT tohour|", ["toHour"]),
        ("SELECT persons FROM town.footfall gro|", ["group by"]),
        ("SELECT persons FROM town.footfall GRO|", ["GROUP BY"]),
        ("SELECT persons FROM town.footfall WHERE persons > {l|", ["least"]),
        ("SELECT persons FROM town.footfall WHERE persons > {|", ["least", "other"]),
    ],
)
def test_each_place_offers_what_fits_there(vocabulary: Vocabulary, cell: str, offered: list[str]) -> None:
    before = cell.partition("|")[0]
    found = complete(cell.replace("|", ""), before, vocabulary, ["least", "other"])
    assert [text for text, _ in found] == offered


def test_outside_of_urban_lab_nothing_is_offered_and_nothing_is_raised() -> None:
    vocabulary = Vocabulary()
    vocabulary.refresh()
    assert vocabulary.columns == {} and vocabulary.functions == []
