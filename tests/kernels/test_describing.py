"""What is said of a table stands in the catalogue, stays when the table is loaded anew, and shows itself."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

import urbanlab as ul
from urbanlab.errors import DatasetNotFoundError, LoadError
from urbanlab.session import Session

TREES = pd.DataFrame({"seen": pd.to_datetime(["2026-05-05 07:00"]), "height": [9.5], "kind": ["<oak>"]})


@pytest.fixture
def trees(warehouse_session: Session) -> Iterator[str]:
    ul.load(TREES, "trees", title={"de": "Bäume", "en": "Trees"}, description="It's \\ what it is")
    yield "trees"
    ul.client().command("DROP TABLE lab_town.trees")


def test_a_table_is_described_bit_by_bit_and_keeps_it_when_loaded_anew(trees: str) -> None:
    ul.describe(trees, keywords=["green", "park"], theme="ENVI", spatial="North", time="seen")
    found = ul.describe(trees, units={"height": "m"}, columns={"height": "Above ground"}, licence="CC-BY-4.0")
    ul.load(TREES, "trees")
    for each in (found, ul.dataset("trees")):
        assert (each.title, each.description, each.licence) == ("Trees", "It's \\ what it is", "CC-BY-4.0")
        assert (each.about.keywords, each.about.theme, each.about.spatial) == (
            ("green", "park"),
            "ENVI",
            "North",
        )
        assert each.about.last.startswith("2026-05-05T05:00") and each.rows == 1
        height = next(column for column in each.columns if column.name == "height")
        assert (height.unit, height.description) == ("m", "Above ground")
    assert "Keywords: green, park" in repr(found) and "Period: 2026-05-05 07:00" in repr(found)
    shown = found._repr_html_()
    assert "Some rows" in shown and "&lt;oak&gt;" in shown and "<oak>" not in shown
    assert [item.name for item in ul.catalog("PARK")] == ["trees"]
    assert "trees" not in {item.name for item in ul.catalog(kind="own")}
    assert {item.kind for item in ul.catalog(tenant="town", kind="lab")} == {"lab"}
    table = ul.catalog()._repr_html_()
    assert 'type="search"' in table and 'aria-label="Search this table"' in table


def test_a_view_says_what_it_reads(trees: str) -> None:
    ul.client().command("CREATE VIEW lab_town.tall AS SELECT height FROM lab_town.trees")
    try:
        assert ul.dataset("tall").about.sources == ("lab_town.trees",)
        assert "Used by: lab_town.tall" in repr(ul.dataset("trees"))
    finally:
        ul.client().command("DROP VIEW lab_town.tall")


def test_what_cannot_be_described_is_said(trees: str) -> None:
    with pytest.raises(LoadError, match="has no column width"):
        ul.describe(trees, units={"width": "m"})
    with pytest.raises(LoadError, match="described elsewhere"):
        ul.describe("footfall", title="x")
    with pytest.raises(LoadError, match="takes a list"):
        ul.describe(trees, keywords="green")
    with pytest.raises(DatasetNotFoundError):
        ul.describe("nonsuch", title="x")
    with pytest.raises(DatasetNotFoundError, match="one of own, lab, shared, open"):
        ul.catalog(kind="mine")
