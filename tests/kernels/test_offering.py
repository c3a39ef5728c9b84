"""Offering data for download: refused with advice where it cannot be, and shown to its author while at work."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

import urbanlab as ul
from urbanlab.errors import PublishError
from urbanlab.offering import _to_table
from urbanlab.session import Session

FRAME = pd.DataFrame({"a": [1, 2]})


@pytest.mark.parametrize(
    ("data", "name", "columns", "advice"),
    [
        (FRAME, "Not Good", {}, "cannot be an address"),
        (FRAME, "x", {"b": "B"}, "has no column b; it has a"),
        (FRAME, "x", {"a": "a" * 2000}, "up to 1000 characters"),
        (pd.DataFrame({"a": range(200_001)}), "x", {}, "Offer a summary"),
        (pd.DataFrame(), "x", {}, "no columns"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "x", {}, "rename one"),
        (pa.table({"": [1]}), "x", {}, "rename it"),
        ([1, 2], "x", {}, "not a list"),
    ],
)
def test_what_cannot_be_offered_says_what_to_do(
    session: Session, data: object, name: str, columns: dict[str, str], advice: str
) -> None:
    with pytest.raises(PublishError, match=advice):
        ul.offer(data, name, columns=columns)  # type: ignore[arg-type]


def test_places_without_a_reference_system_are_nowhere(session: Session) -> None:
    import geopandas as gpd

    places = gpd.GeoDataFrame(FRAME, geometry=gpd.points_from_xy([1, 2], [3, 4]))
    with pytest.raises(PublishError, match="set_crs"):
        ul.offer(places, "x")


def test_its_author_sees_what_would_be_offered(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    ul.offer(FRAME, "sums")
    assert "sums: 2" in capsys.readouterr().out


@pytest.mark.filterwarnings("error")
@pytest.mark.usefixtures("session")
def test_places_are_offered_without_a_warning() -> None:
    import geopandas as gpd

    places = gpd.GeoDataFrame({"name": ["a"]}, geometry=gpd.points_from_xy([8.0], [51.0]), crs=4326)
    ul.offer(places, "places")


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize(
    ("values", "plain"),
    [([2**63 + 1, 1], [str(2**63 + 1), "1"]), ([2**53 + 1, None], [2**53 + 1, None]), ([1, 2], [1, 2])],
)
def test_large_numbers_are_offered_as_they_are(values: list[int | None], plain: list[object]) -> None:
    table, _ = _to_table(pa.table({"id": pa.array(values, pa.uint64())}))
    assert table.column("id").to_pylist() == plain
    ul.offer(table, "ids")
