"""What a gatekeeper is shown of the change between two versions."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urbanlab.contract.publications import make_digest
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
from urbanlab_services.publisher.differences_pictures import (
    CHANGED,
    COVER,
    DESCRIBED,
    GONE,
    MAX_BODY,
    MAX_PICTURES,
    MAX_SHOWN,
    MOVED,
    NEW,
    Picture,
    PictureDifference,
    compare_pages,
    compare_pictures,
    find_picture,
)
from urbanlab_services.publisher.pages import read_page
from urbanlab_services.publisher.publications import State
from urbanlab_services.publisher.shelf import Shelf
from urbanlab_services.publisher.store import Store

from .conftest import make_notebook, make_submission
from .hub_runner_gateway import PNG, make_parcel

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><title>%d</title></svg>'


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


Keep = Callable[..., str]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "public")


@pytest.fixture
def keep(shelf: Shelf) -> Keep:
    """Return what keeps a page and returns its digest; `{name}` in the body is the address of a file."""

    def write(body: str, **files: bytes) -> str:
        names = {
            name: f"files/{make_digest(content)}.{name.rpartition('_')[2]}" for name, content in files.items()
        }
        parcel = make_parcel(body.format(**names), **files)
        return shelf.write_page(read_page(parcel, title="T", language="de", now="2026-11-24T12:00:00+00:00"))

    return write


def tell(found: PictureDifference) -> list[tuple[str, str, str]]:
    """Return of each change its kind and what is said of the picture before and now."""
    return [
        (change.kind, change.old.alt if change.old else "-", change.new.alt if change.new else "-")
        for change in found.changes
    ]


def test_a_pictures_change_is_found_with_where_it_stands_and_how_large_it_is(
    shelf: Shelf, keep: Keep
) -> None:
    body = (
        "<section data-cell='3'><img src='{a_png}' alt='Linie' width='600' height='220'></section>"
        "<img src='{b_svg}' alt='Balken'>"
    )
    old = keep(body, a_png=PNG, b_svg=SVG % 1)
    new = keep(body, a_png=PNG + b"x", b_svg=SVG % 1)
    found = compare_pages(shelf, (old, new), (old, new))
    (change,) = found.changes
    assert change.kind == CHANGED and change.old and change.new
    assert (change.new.cell, change.new.width, change.new.height, change.new.size) == (3, 600, 220, 49)
    assert (change.old.digest, change.new.digest) == (make_digest(PNG), make_digest(PNG + b"x"))
    assert found.is_whole and found.left_out == 0 and found.old_made_at.startswith("2026-03-01")
    assert compare_pages(shelf, (old, old), (old, old)).changes == ()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("a", "ab", [(NEW, "-", "b")]),
        ("ab", "b", [(GONE, "a", "-")]),
        ("ab", "ba", [(MOVED, "b", "b")]),
        ("abc", "axbc", [(NEW, "-", "x")]),
        ("", "", []),
        ("aa", "a", [(GONE, "a", "-")]),
        ("abc", "xyc", [(CHANGED, "a", "x"), (CHANGED, "b", "y")]),
    ],
)
def test_what_came_went_and_moved_is_named_so(
    shelf: Shelf, keep: Keep, old: str, new: str, told: list[tuple[str, str, str]]
) -> None:
    pages = [
        keep(
            "".join(f"<img src='{{{name}_png}}' alt='{name}'>" for name in names),
            **{f"{name}_png": PNG + name.encode() for name in names},
        )
        for names in (old, new)
    ]
    assert tell(compare_pages(shelf, (pages[0], pages[1]), (pages[0], pages[1]))) == told


def test_another_text_is_a_change_of_its_own_and_what_has_the_same_text_belongs_together(
    shelf: Shelf, keep: Keep
) -> None:
    old = keep("<img src='{a_png}' alt='Linie'><img src='{b_png}' alt='Plan'>", a_png=PNG, b_png=PNG + b"b")
    new = keep(
        "<img src='{a_png}' alt='Kurve'><img src='{c_png}' alt='Foto'><img src='{d_png}' alt='Plan'>",
        a_png=PNG,
        c_png=PNG + b"c",
        d_png=PNG + b"d",
    )
    told = [(DESCRIBED, "Linie", "Kurve"), (NEW, "-", "Foto"), (CHANGED, "Plan", "Plan")]
    assert tell(compare_pages(shelf, (old, new), (old, new))) == told


def test_a_picture_within_the_body_is_compared_and_found_like_a_file(shelf: Shelf, keep: Keep) -> None:
    def show(content: bytes) -> str:
        return f"<img alt='Punkt' src='data:image/png;base64,{base64.b64encode(content).decode()}'>"

    old, new = keep(show(PNG)), keep(show(PNG + b"x"))
    assert tell(compare_pages(shelf, (old, new), (old, new))) == [(CHANGED, "Punkt", "Punkt")]
    assert find_picture(shelf, (old, new), make_digest(PNG + b"x")) == ("image/png", PNG + b"x")
    assert find_picture(shelf, (old, old), make_digest(PNG + b"x")) is None


def test_only_pictures_of_these_pages_are_found(shelf: Shelf, keep: Keep) -> None:
    body, other = "<p>Hier</p><iframe src='{m_html}'></iframe>", keep("", z_png=PNG + b"z")
    page = keep(body, m_html=b"<b>Karte</b>", a_svg=SVG % 7)
    assert find_picture(shelf, (page,), make_digest(SVG % 7)) == ("image/svg+xml", SVG % 7)
    for digest in (make_digest(b"<b>Karte</b>"), make_digest(PNG + b"z"), page, other, "../x", ""):
        assert find_picture(shelf, (page,), digest) is None


def test_what_cannot_be_shown_is_still_told_to_be_different(shelf: Shelf, keep: Keep) -> None:
    old, new = (keep(f"<img alt='Neu' src='data:image/avif;base64,{text}'>") for text in ("AAAA", "BBBB"))
    (change,) = compare_pages(shelf, (old, new), (old, new)).changes
    assert change.kind == CHANGED and change.shown.ending == change.shown.digest == ""


def test_a_map_is_another_where_more_than_its_made_up_names_is(shelf: Shelf, keep: Keep) -> None:
    def draw(name: str, value: int) -> str:
        page = f"<div id='map_{name * 32}'></div><script>var map_{name * 32}_x = {value};</script>"
        return keep("<iframe title='Plan' src='{m_html}'></iframe>", m_html=page.encode())

    plain, renamed, other = draw("a", 1), draw("b", 1), draw("b", 2)
    assert compare_pages(shelf, (plain, renamed), (plain, renamed)).changes == ()
    (change,) = compare_pages(shelf, (plain, other), (plain, other)).changes
    assert change.kind == CHANGED and change.shown.is_map and change.shown.alt == "Plan"


def test_the_picture_in_lists_is_compared_too(shelf: Shelf, keep: Keep) -> None:
    old, new = (keep("<p>Text</p>", image_png=PNG + letter * 2000) for letter in (b"a", b"b"))
    (change,) = compare_pages(shelf, (old, old), (old, new)).changes
    assert change.kind == COVER and change.old and change.new
    assert find_picture(shelf, (old, new), change.new.digest) == ("image/png", PNG + b"b" * 2000)


def test_of_very_many_pictures_the_first_are_shown(shelf: Shelf, keep: Keep) -> None:
    def show(count: int) -> str:
        return keep(
            "".join(
                f"<img alt='{n}' src='data:image/png;base64,{base64.b64encode(PNG + b'%d' % n).decode()}'>"
                for n in range(count)
            )
        )

    none, many, too_many = show(0), show(MAX_SHOWN + 2), show(MAX_PICTURES + 1)
    found = compare_pages(shelf, (none, many), (none, many))
    assert (len(found.changes), found.left_out, found.is_whole) == (MAX_SHOWN, 2, True)
    for page in (too_many, keep("<p>" + "x" * MAX_BODY + "</p>")):
        found = compare_pages(shelf, (none, page), (none, page))
        assert (found.changes, found.is_whole) == ((), False)


drawn = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), max_size=8)


@given(drawn, drawn)
def test_no_change_of_pictures_is_left_out(old: list[tuple[str, str]], new: list[tuple[str, str]]) -> None:
    before, after = (
        [Picture(n, mark, alt=alt) for n, (mark, alt) in enumerate(shown)] for shown in (old, new)
    )
    changes = compare_pictures(before, after)
    gone = Counter((each.old.mark, each.old.alt) for each in changes if each.old)
    came = Counter((each.new.mark, each.new.alt) for each in changes if each.new)
    assert Counter(new) - came == Counter(old) - gone
    for each in changes:
        if each.old and each.new and each.kind != MOVED:
            assert (each.old.mark, each.old.alt) != (each.new.mark, each.new.alt)
