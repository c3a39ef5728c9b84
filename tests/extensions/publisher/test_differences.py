"""What a gatekeeper is shown of the change between two versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from urbanlab_services.publisher.actors import Actor
from urbanlab_services.publisher.applications import parse_application
from urbanlab_services.publisher.bundles import Bundles, parse_notebook
from urbanlab_services.publisher.desk import Desk
from urbanlab_services.publisher.differences import (
    ADDED,
    MAX_LINES,
    REMOVED,
    SAME,
    compare,
    compare_applications,
    compare_bodies,
    compare_notebooks,
    list_words,
)
from urbanlab_services.publisher.publications import State
from urbanlab_services.publisher.shelf import Shelf
from urbanlab_services.publisher.store import Store

from .conftest import make_notebook, make_submission


def test_a_notebooks_change_is_shown_line_by_line_with_what_stands_around() -> None:
    old = parse_notebook(make_notebook("a = 1\nb = 2", "show()").encode())
    new = parse_notebook(make_notebook("a = 1\nb = 3", "show()").encode())
    found = compare_notebooks(old, new)
    assert found is not None
    assert [(each.kind, each.text) for each in found.lines] == [
        (SAME, "── code"),
        (SAME, "a = 1"),
        (REMOVED, "b = 2"),
        (ADDED, "b = 3"),
        (SAME, "── code"),
        (SAME, "show()"),
    ]
    assert compare_notebooks(old, json.loads(json.dumps(old))) is None


def test_what_was_said_about_the_page_is_compared_with_its_choices() -> None:
    parameter = {"name": "place", "choices": [{"value": "n", "title": "North"}, "s"]}
    old = parse_application({"title": "T", "topics": ["TRAN"], "parameters": [parameter]})
    new = parse_application({"title": "T", "topics": ["TRAN", "ENVI"]})
    found = compare_applications(old, new)
    assert found is not None
    changed = {(each.kind, each.text) for each in found.lines if each.kind != SAME}
    assert (REMOVED, "topics: TRAN") in changed and (ADDED, "topics: TRAN, ENVI") in changed
    assert any(kind == REMOVED and text.startswith("place.choices: n = North") for kind, text in changed)


def test_a_pages_words_are_those_of_its_reader() -> None:
    body = (
        "<section><h2>Zählung &amp; Wetter</h2></section><style>p{}</style>"
        "<script type='application/json'>1</script>"
        "<table><tr><td>Nord</td><td>1.200</td></tr></table><img alt='Linie steigt' src=''><p>Stand: heute</p>"
    )
    assert list_words(body) == [
        "Zählung & Wetter",
        "| Nord | 1.200",
        "[Linie steigt]",
        "Stand: heute",
    ]
    found = compare_bodies(body, body.replace("1.200", "1.300"))
    assert found is not None
    assert [each.text for each in found.lines if each.kind == ADDED] == ["| Nord | 1.300"]


def test_what_is_too_long_is_said_to_be_so() -> None:
    long = [str(number) for number in range(MAX_LINES + 1)]
    found = compare("page", long, ["x"])
    assert found is not None and found.lines == ()


def test_of_a_version_whose_pages_are_deleted_the_notebook_is_compared(tmp_path: Path) -> None:
    bundles = Bundles(tmp_path / "bundles")
    store, shelf = Store(tmp_path / "store.sqlite"), Shelf(tmp_path / "public")
    nobody: Any = None
    desk = Desk(store, bundles, shelf, *[nobody] * 8)
    old, new = (
        make_submission(
            state=state,
            notebook=bundles.save(parse_notebook(make_notebook(source).encode())),
            pages={"": digest * 64},
        )
        for state, source, digest in ((State.REFUSED, "a", "1"), (State.SUBMITTED, "b", "2"))
    )
    gerd = Actor("gerd@town", "town", frozenset({"gatekeeper"}))
    (found,) = desk.compare(gerd, new, old)
    assert [each.text for each in found.lines if each.kind == ADDED] == ["b"]


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_nothing_that_changed_is_left_out(old: list[str], new: list[str]) -> None:
    found = compare("page", old, new)
    lines = found.lines if found else ()
    removed = [each.text for each in lines if each.kind == REMOVED]
    added = [each.text for each in lines if each.kind == ADDED]
    assert len(old) - len(removed) == len(new) - len(added)
    assert sorted([*old, *added]) == sorted([*new, *removed])
