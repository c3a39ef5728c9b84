"""How a name finds its dataset, and how datasets show themselves."""

from __future__ import annotations

from typing import Any

import pytest

from urbanlab.contract import environment
from urbanlab.datasets import Catalog, Column, Dataset, find, quote
from urbanlab.errors import DatasetNotFoundError, NotReleasedError
from urbanlab.session import Session


def make(kind: str, owner: str, table: str, **changes: Any) -> Dataset:
    values: dict[str, Any] = {
        "name": table.rpartition("__")[2].rpartition(".")[2],
        "owner": owner,
        "kind": kind,
        "table": table,
        "title": "Footfall",
        "description": "",
        "licence": "",
        "columns": (Column("n", "Int64", "1", "Number", "how <many>"),),
        "time": "",
        "refresh": "",
        "simulated": False,
        "rows": 1_234_567,
    }
    return Dataset(**{**values, **changes})


OWN = make("own", "town", "town.footfall")
LAB = make("lab", "town", "lab_town.footfall")
MINE = make("lab", "town", "lab_town.mine")
SHARED = make("shared", "city", "shared_with_town.city__noise")
OPEN = make("open", "city", "open_data.city__footfall")
OPEN_NOISE = make("open", "bern", "open_data.bern__noise")
ALL = (OPEN_NOISE, OPEN, SHARED, MINE, LAB, OWN)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("footfall", OWN),
        ("town.footfall", OWN),
        ("lab_town.footfall", LAB),
        ("mine", MINE),
        ("noise", SHARED),
        ("city__noise", SHARED),
        ("city__footfall", OPEN),
        ("open_data.city__footfall", OPEN),
        ("open_data.bern__noise", OPEN_NOISE),
    ],
)
def test_a_name_means_the_nearest_dataset(name: str, found: Dataset) -> None:
    assert find(name, ALL) is found


OWN_OPEN = make("open", "town", "open_data.town__footfall")
OF_ABBEY = make("open", "abbey", "open_data.abbey__footfall")
TREES = make("open", "abbey", "open_data.abbey__trees")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("footfall", OWN_OPEN),
        ("town.footfall", OWN_OPEN),
        ("lab_town.footfall", OWN_OPEN),
        ("town__footfall", OWN_OPEN),
        ("abbey__footfall", OF_ABBEY),
        ("open_data.abbey__footfall", OF_ABBEY),
        ("trees", TREES),
    ],
)
def test_a_publication_finds_the_towns_open_data_first_by_its_authors_names(
    name: str, found: Dataset
) -> None:
    assert find(name, (OF_ABBEY, OWN_OPEN, TREES), "town", publication=True) is found


def test_for_everybody_else_the_towns_open_data_comes_behind_what_is_its_own() -> None:
    assert find("footfall", (OF_ABBEY, OWN_OPEN, OWN), "town") is OWN
    assert find("footfall", (OF_ABBEY, OWN_OPEN), "town") is OWN_OPEN


@pytest.mark.parametrize("name", ["footfall", "lab_town.mine", "abbey.trees"])
def test_a_publication_is_told_what_is_not_released(name: str) -> None:
    with pytest.raises(NotReleasedError) as caught:
        find(name, (TREES,), "town", publication=True)
    assert caught.value.names == (name,)
    assert str(caught.value).splitlines()[0] == f"Not released as open data: {name}"
    assert isinstance(caught.value, DatasetNotFoundError)


@pytest.mark.parametrize(
    ("name", "says"), [("footfal", "Did you mean footfall"), ("", "There is"), ("x" * 99, "")]
)
def test_another_name_is_an_error_with_what_there_is(name: str, says: str) -> None:
    with pytest.raises(DatasetNotFoundError, match=says):
        find(name, ALL)


def test_nothing_of_a_description_is_html(session: Session) -> None:
    nasty = make("own", "town", "town.x", title="<script>", description="<img src=x>", simulated=True)
    for text in (nasty._repr_html_(), Catalog([nasty])._repr_html_()):
        assert "<script>" not in text and "<img" not in text
    assert "&lt;script&gt; (simulated)" in nasty._repr_html_() and "how &lt;many&gt;" in nasty._repr_html_()


@pytest.mark.parametrize(("language", "heading"), [("de", "Herkunft"), ("en", "From"), ("nl", "From")])
def test_a_catalogue_speaks_the_sessions_language(
    environ: dict[str, str], use_session: Any, language: str, heading: str
) -> None:
    use_session({**environ, environment.LANGUAGE: language})
    catalog = Catalog(ALL)
    assert heading in repr(catalog) and "1\u202f234\u202f567" in repr(catalog)
    assert (
        len(catalog) == 6
        and catalog[0] is OPEN_NOISE
        and catalog["mine"] is MINE
        and list(catalog) == list(ALL)
    )


def test_what_cannot_be_read_at_the_moment_says_so(session: Session) -> None:
    broken = make("open", "town", "open_data.town__footfall", broken=True)
    assert "Footfall (cannot be read at the moment)" in repr(Catalog([broken]))
    assert "cannot be read" not in repr(Catalog([OWN]))


@pytest.mark.parametrize(
    ("name", "quoted"),
    [("n", "`n`"), ("a b", "`a b`"), ("a`b", "`a\\`b`"), ("a\\", "`a\\\\`"), ("{x}", "`{x}`")],
)
def test_a_column_of_any_name_is_quoted(name: str, quoted: str) -> None:
    assert quote(name) == quoted
