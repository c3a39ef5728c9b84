"""Finding pages: search, topics, feeds, sitemap; and each town with its own name, colour, mark and host name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urbanlab_portal.search import fold

from .conftest import LOGO, PORTAL_URL, Portal, PublicFolder, contract, make_publication

ATOM, SITEMAP = "{http://www.w3.org/2005/Atom}", "{http://www.sitemaps.org/schemas/sitemap/0.9}"
HOST = "daten.guetersloh.example"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("portal"))
    add(portal.public, "strassen", "Baustellen in der Königstraße", topics=("TRAN",), day=3)
    add(portal.public, "luft", "Luft am Nordring", summary="Feinstaub & Ozon", topics=("ENVI", "HEAL"), day=5)
    add(portal.public, "haushalt", "Haushalt", topics=("ECON",), tenant="rietberg", day=4)
    yield portal
    portal.kill()


def add(public: PublicFolder, slug: str, title: str, day: int, **changes: object) -> None:
    """Publish a page."""
    released = f"2026-11-{day:02}T06:00:00+00:00"
    values = {
        "parameters": (),
        "slug": slug,
        "title": title,
        "released_at": released,
        "summary": "",
        **changes,
    }
    public.publish(make_publication({"": public.add_page()}, **values))


def list_titles(html: str) -> list[str]:
    """Return the titles of the cards of a page."""
    return re.findall(r'class="card-title"[^>]*><a [^>]*>([^<]*)<', html)


@pytest.mark.parametrize(
    ("path", "titles"),
    [
        ("/?q=strasse", ["Baustellen in der Königstraße"]),
        ("/?q=KOENIGSTRASSE", ["Baustellen in der Königstraße"]),
        ("/?q=K%C3%B6nig+baustelle", ["Baustellen in der Königstraße"]),
        ("/?q=ozon", ["Luft am Nordring"]),
        ("/?q=gesundheit", ["Luft am Nordring"]),  # the name of its topic
        ("/?q=rietberg", ["Haushalt"]),
        ("/?topic=ENVI", ["Luft am Nordring"]),
        ("/?topic=ENVI&q=haushalt", []),
        ("/rietberg/?q=luft", []),
        ("/rietberg/?q=haushalt&lang=en", ["Haushalt"]),
        ("/?q=nirgends", []),
        ("/?q=&topic=", ["Luft am Nordring", "Haushalt", "Baustellen in der Königstraße"]),
        ("/guetersloh/", ["Baustellen in der Königstraße", "Luft am Nordring"]),
    ],
)
def test_a_list_shows_what_is_looked_for(library: Portal, path: str, titles: list[str]) -> None:
    answer = library.get(path)
    assert answer.status == 200
    assert list_titles(answer.text) == titles


@pytest.mark.parametrize("query", ["topic=XXXX", "q=" + "x" * 101, "q=a&q=b", "x=1", "q=%ff"])
def test_other_questions_are_refused(library: Portal, query: str) -> None:
    assert library.get(f"/?{query}").status == 400


def test_what_was_typed_is_shown_as_text(library: Portal) -> None:
    text = library.get("/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert '<meta name="robots" content="noindex">' in text


@given(st.text(max_size=60))
def test_a_text_is_found_however_it_is_written(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(text.upper().lower()) == fold(text.lower())


@pytest.mark.parametrize(
    ("path", "titles"),
    [
        ("/feed.xml", ["Luft am Nordring", "Haushalt", "Baustellen in der Königstraße"]),
        ("/rietberg/feed.xml", ["Haushalt"]),
    ],
)
def test_feed_readers_get_the_newest_first(library: Portal, path: str, titles: list[str]) -> None:
    answer = library.get(path)
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = ElementTree.fromstring(answer.body)
    assert [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")] == titles
    for element in [feed, *feed.iter(f"{ATOM}entry")]:
        assert all(element.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated"))
    links = {link.get("href") for link in feed.iter(f"{ATOM}link")}
    assert f"{PORTAL_URL}/rietberg/haushalt/" in links


def test_the_sitemap_names_every_page_at_its_towns_host_name(library: Portal) -> None:
    found = ElementTree.fromstring(library.get("/sitemap.xml").body).iter(f"{SITEMAP}loc")
    assert {each.text for each in found} == {
        f"{PORTAL_URL}/",
        f"https://{HOST}/guetersloh/",
        f"https://{HOST}/guetersloh/strassen/",
        f"https://{HOST}/guetersloh/luft/",
        f"{PORTAL_URL}/rietberg/",
        f"{PORTAL_URL}/rietberg/haushalt/",
    }
    assert f"Sitemap: {PORTAL_URL}/sitemap.xml" in library.get("/robots.txt").text


def test_a_towns_own_host_name_shows_that_town_alone(library: Portal) -> None:
    start = library.get("/", Host=HOST)
    assert list_titles(start.text) == ["Baustellen in der Königstraße", "Luft am Nordring"]
    assert library.get("/guetersloh/luft/", Host=f"{HOST}:8080").status == 200
    for path in (
        "/rietberg/",
        "/rietberg/haushalt/",
        "/rietberg/feed.xml",
        "/rietberg/imprint/",
        "/rietberg",
    ):
        assert library.get(path, Host=HOST).status == 404, path
    assert "Haushalt" not in library.get("/feed.xml", Host=HOST).text
    assert "rietberg" not in library.get("/sitemap.xml", Host=HOST).text
    assert "Rietberg" in library.get("/", Host="other.example").text


def test_a_town_shows_its_colour_and_mark(library: Portal) -> None:
    text = library.get("/guetersloh/").text
    assert "--accent: #1d4f91;" in text
    logo = f"/guetersloh/logo.{contract.make_digest(LOGO)}.svg"
    assert f'src="{logo}"' in text
    answer = library.get(logo)
    assert (answer.body, answer.headers["content-type"]) == (LOGO, "image/svg+xml")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert library.get(logo.replace("guetersloh", "rietberg")).status == 404
    assert "--accent: #" not in library.get("/rietberg/").text


def test_a_page_says_what_others_show_of_it(library: Portal) -> None:
    text = library.get("/guetersloh/luft/").text
    assert f'<link rel="canonical" href="https://{HOST}/guetersloh/luft/">' in text
    assert '<meta property="og:title" content="Luft am Nordring">' in text
    assert '<meta property="og:description" content="Feinstaub &amp; Ozon">' in text
    assert '<a href="/guetersloh/?topic=ENVI">Umwelt</a>' in text


def test_a_portal_reached_by_https_asks_browsers_to_stay(library: Portal) -> None:
    assert library.get("/").headers["strict-transport-security"] == "max-age=31536000"


def test_a_page_stands_in_web_sites_that_both_page_and_town_allow(library: Portal) -> None:
    sites = ("https://www.guetersloh.example", "https://evil.example")
    add(library.public, "eingebettet", "Eingebettet", day=1, embed_in=sites, topics=("GOVE",))
    answer = library.get("/guetersloh/eingebettet/embed")
    policy = answer.headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'self' https://www.guetersloh.example")
    assert "<header" not in answer.text
    assert 'target="_blank"' in answer.text
    assert "&lt;iframe src=" in library.get("/guetersloh/eingebettet/").text
    assert "set-cookie" not in answer.headers
    assert library.get("/guetersloh/luft/embed").status == 404
    assert "&lt;iframe" not in library.get("/guetersloh/luft/").text
    library.public.withdraw(make_publication({}, slug="eingebettet"))
