"""What became different, as it is shown: words and pictures, to whom, and how strangers' pictures go out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from urbanlab.contract.publications import make_digest

from ..conftest import make_notebook  # noqa: TID252
from ..hub_runner_gateway import make_parcel  # noqa: TID252
from .conftest import Page

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="40"><script>fetch("/publish")</script>%s</svg>'
OLD, NEW, ICON = (SVG % text for text in (b"alt", b"neu", b"nirgends gezeigt"))


def hand_in_picture(site: Any, title: str, picture: bytes, alt: str, **files: bytes) -> str:
    body = f'<div data-cell="2"><img src="files/{make_digest(picture)}.svg" alt="{alt}"></div>'
    site.hub.parcel = make_parcel(body, chart_svg=picture, **files)
    try:
        return str(site.hand_in(title=title))
    finally:
        site.hub.parcel = None


@pytest.fixture(scope="module")
def compared(running: Any) -> Iterator[str]:
    """The path of a version whose picture is another than that of the version before."""
    hand_in_picture(running, "Bilder", OLD, "Linie &lt;steigt>")
    yield hand_in_picture(running, "Bilder", NEW, "Linie fällt", frame_html=b"<b>Karte</b>")


def get(site: Any, person: str, path: str, **options: Any) -> Page:
    page: Page = site.browse(person).open(path, **options)
    return page


def picture_path(path: str, content: bytes) -> str:
    return f"{path}/difference/pictures/{make_digest(content)}"


def test_the_difference_is_shown_to_those_who_see_pages(site: Any) -> None:
    site.hand_in(title="Wandel", notebook=make_notebook("x = '<b>alt</b>'"))
    path = site.hand_in(title="Wandel", notebook=make_notebook("x = '<i>neu</i>'"))
    page = get(site, "gerd@town", f"{path}/difference")
    assert "entfernt: x = '<b>alt</b>'" in page.text and "hinzugefügt: x = '<i>neu</i>'" in page.text
    assert "<i>neu" not in page.response.text
    assert "Kein Bild ist anders." in page.text
    assert get(site, "karl@town", f"{path}/difference").status == 403
    assert get(site, "vera@village", f"{path}/difference").status == 404


def test_pictures_stand_side_by_side_with_what_is_known_of_them(site: Any, compared: str) -> None:
    page = get(site, "gerd@town", f"{compared}/difference")
    assert "1. Bild: Linie fällt geändert" in page.text
    assert "Alternativtext davor: Linie <steigt>" in page.text
    assert "Davor Zelle 2 · 1 kB" in page.text
    shown = re.findall(r'<img src="([^"]+)" alt="([^"]+)"', page.response.text)
    told = [(OLD, "Linie &lt;steigt&gt;"), (NEW, "Linie fällt")]
    assert shown == [(picture_path(compared, content), alt) for content, alt in told]
    assert "style=" not in page.response.text and "<script" not in page.response.text


def test_the_picture_in_lists_is_named_so(site: Any) -> None:
    for text in (b"alt", b"neu"):
        path = hand_in_picture(site, "Listen", SVG % text, "x", a_svg=SVG % (text * 600))
    page = get(site, "gerd@town", f"{path}/difference")
    assert "1. Bild in Listen geändert" in page.text and "2. Bild: x geändert" in page.text
    assert 'aria-label="Davor: Bild in Listen"' in page.response.text


def test_a_picture_is_handed_out_as_a_strangers_file(site: Any, compared: str) -> None:
    for person in ("gerd@town", "anna@town"):
        answer = get(site, person, picture_path(compared, NEW)).response
        assert (answer.status_code, answer.content) == (200, NEW)
        assert answer.headers["Content-Type"] == "image/svg+xml"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert policy[:2] == ["sandbox", "default-src 'none'"] and "script" not in str(policy)


@pytest.mark.parametrize(
    ("person", "status"), [("karl@town", 403), ("nora@town", 403), ("vera@village", 404)]
)
def test_nobody_else_gets_a_picture(site: Any, compared: str, person: str, status: int) -> None:
    assert get(site, person, picture_path(compared, NEW)).status == status
    stranger = site.browse().open(picture_path(compared, NEW), allow_redirects=False)
    assert stranger.status == 303 and "/login" in stranger.response.headers["Location"]


def test_only_pictures_of_the_two_versions_are_there(site: Any, compared: str) -> None:
    elsewhere = hand_in_picture(site, "Anderswo", ICON, "x")
    hand_in_picture(site, "Anderswo", ICON, "x")
    assert get(site, "gerd@town", picture_path(elsewhere, ICON)).status == 404  # a first version
    names = [make_digest(ICON), make_digest(b"<b>Karte</b>"), "0" * 64, make_digest(NEW).upper()]
    names += ["", "x", "..%2f..%2ftenants.json", f"{make_digest(NEW)}.svg", f"../{make_digest(NEW)}"]
    base = f"{compared}/difference/pictures/"
    assert {get(site, "gerd@town", base + name).status for name in names} == {404}


def test_pictures_are_shown_only_while_the_pages_are_kept(site: Any) -> None:
    first = hand_in_picture(site, "Weg", OLD, "a")
    second = hand_in_picture(site, "Weg", NEW, "b")
    assert get(site, "gerd@town", picture_path(second, OLD)).status == 200
    site.browse("gerd@town").press(first, "takedown")
    assert get(site, "gerd@town", picture_path(second, OLD)).status == 404
    page = get(site, "gerd@town", f"{second}/difference")
    assert "Die Bilder lassen sich nicht vergleichen" in page.text and "<img" not in page.response.text
