"""The portal's rules without a server: languages, choices, contents in memory, and what is written by hand."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

import urbanlab_portal
from urbanlab.contract.naming import RESERVED_TENANT_IDS
from urbanlab_portal.app import ROUTES
from urbanlab_portal.compression import Content, Contents, make_content
from urbanlab_portal.errors import ParameterError
from urbanlab_portal.languages import LANGUAGES, choose_language, load_language
from urbanlab_portal.layout import make_contact_url
from urbanlab_portal.licences import make_licence
from urbanlab_portal.parameters import choose, make_query, parse_query
from urbanlab_portal.settings import PortalSettings, PortalSettingsError

from .conftest import DISTRICT, make_publication

PACKAGE = Path(urbanlab_portal.__file__).parent
PUBLICATION = make_publication({}, parameters=(DISTRICT,))


PIECES = ["district", "lang", "=", "&", "innenstadt", "isselhorst", "de", "en", "%", "+", "ä", "%C3", "\x00"]


@given(st.text() | st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_whatever_a_query_says_it_is_a_declared_choice_or_refused(query: str) -> None:
    try:
        question = parse_query(query)
        values = choose(PUBLICATION, question.values)
    except ParameterError:
        return
    assert question.language in {"", *LANGUAGES}
    assert values["district"] in {choice.value for choice in DISTRICT.choices}
    assert choose(PUBLICATION, parse_query(make_query(values, question.language)[1:]).values) == values


@given(st.text(), st.text())
def test_whatever_a_browser_accepts_it_gets_a_language(asked: str, accepted: str) -> None:
    assert choose_language(asked, accepted) in LANGUAGES


@pytest.mark.parametrize(
    ("text", "zone", "german", "english"),
    [
        ("2026-07-01T22:30:00+00:00", "Europe/Berlin", "2. Juli 2026, 00:30 Uhr", "2 July 2026, 00:30"),
        ("2026-01-01T12:00:00Z", "Europe/Berlin", "1. Januar 2026, 13:00 Uhr", "1 January 2026, 13:00"),
        ("2026-01-01T12:00:00", "UTC", "1. Januar 2026, 12:00 Uhr", "1 January 2026, 12:00"),
        ("gestern", "Europe/Berlin", "gestern", "gestern"),
        ("2026-01-01T12:00:00Z", "Nowhere/Town", "2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z"),
        ("0001-01-01T00:00:00+14:00", "UTC", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_instants_are_written_as_people_write_them(text: str, zone: str, german: str, english: str) -> None:
    assert load_language("de").to_instant(text, zone) == german
    assert load_language("en").to_instant(text, zone) == english


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("PT1H", "1 Stunde"),
        ("PT90M", "90 Minuten"),
        ("P1D", "1 Tag"),
        ("PT24H", "1 Tag"),
        ("P1DT2H", "26 Stunden"),
        ("", ""),
        ("P", ""),
        ("PT0M", ""),
        ("P1Y", ""),
        ("stündlich", ""),
    ],
)
def test_durations_are_told_exactly(text: str, german: str) -> None:
    assert load_language("de").to_duration(text) == german


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_text_stands_in_every_catalogue(code: str) -> None:
    sources = [*PACKAGE.glob("templates/*.html"), *PACKAGE.glob("*.py")]
    pattern = re.compile(r"(?:_|gettext)\(\s*[\"'](.*?)[\"']\s*[,)]")
    plural = re.compile(r"ngettext\(\s*\"(.*?)\",\s*\"(.*?)\"")
    texts = [path.read_text(encoding="utf-8") for path in sources]
    used = {found for text in texts for found in pattern.findall(text)}
    used |= {form for text in texts for forms in plural.findall(text) for form in forms}
    with (PACKAGE / "locale" / code / "portal.po").open("rb") as file:
        catalogue = {str(each.id): str(each.string) for each in read_po(file, locale=code) if each.id}
    assert catalogue.keys() == used
    for text, translation in catalogue.items():
        assert translation
        assert re.findall(r"%\(\w+\)s", text) == re.findall(r"%\(\w+\)s", translation)


def test_no_tenant_can_be_called_as_an_address_of_the_portal() -> None:
    first = {re.split(r"[/\\(]", pattern.lstrip("/"))[0] for pattern, _ in ROUTES} - {""}
    statements = {"imprint", "privacy", "accessibility"}
    assert {"livez", "static", "preview"} <= first
    assert first | statements <= RESERVED_TENANT_IDS


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("info@town.example", "mailto:info@town.example"),
        ("https://town.example/kontakt", "https://town.example/kontakt"),
        ("Rathaus, Zimmer 12", ""),
        ("javascript:alert(1)", ""),
        ("a@b.example?bcc=c@d.example", ""),
        ("", ""),
    ],
)
def test_a_contact_leads_where_it_says(text: str, url: str) -> None:
    assert make_contact_url(text) == url


def test_licences_are_known_by_name() -> None:
    assert make_licence("dl-de/by-2.0").url == "https://www.govdata.de/dl-de/by-2-0"
    assert make_licence("CC-BY-4.0").title == "CC BY 4.0"
    assert (make_licence("Eigene").title, make_licence("Eigene").url) == ("Eigene", "")


def make_noise(size: int) -> Content:
    return Content(b"x" * size, b"", "text/html", "")


async def test_contents_in_memory_stay_below_their_bound() -> None:
    contents = Contents(1000)
    for number in range(50):
        await contents.get(number, lambda: make_noise(300))
    assert contents.size == 900
    assert contents.find(49) is not None
    assert contents.find(0) is None
    await contents.get("huge", lambda: make_noise(600))
    assert contents.find("huge") is None
    assert contents.size == 900


async def test_a_content_that_many_ask_for_is_made_once() -> None:
    contents, made = Contents(1000), []

    def make() -> Content:
        made.append(threading.get_ident())
        time.sleep(0.05)
        return make_noise(10)

    found = await asyncio.gather(*(contents.get("page", make) for _ in range(20)))
    assert len(made) == 1
    assert len({id(content) for content in found}) == 1


async def test_what_could_not_be_made_is_tried_again() -> None:
    contents = Contents(1000)

    def fail() -> Content:
        raise FileNotFoundError

    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            await contents.get("page", fail)
    assert (await contents.get("page", lambda: make_noise(10))).size == 10


def test_packing_is_left_where_it_gains_nothing() -> None:
    assert make_content(b"a" * 2000, "text/html").packed
    assert not make_content(b"a" * 100, "text/html").packed
    assert not make_content(b"a" * 2000, "image/png").packed


def test_settings_say_what_is_missing() -> None:
    with pytest.raises(PortalSettingsError, match="URBANLAB_PORT, URBANLAB_PUBLIC, URBANLAB_SERVICE_STATE"):
        PortalSettings.from_environ({})
    values = {"URBANLAB_PORT": "8080", "URBANLAB_PUBLIC": "p", "URBANLAB_SERVICE_STATE": "s"}
    assert PortalSettings.from_environ(values).bind == "127.0.0.1"
    with pytest.raises(PortalSettingsError, match="port number"):
        PortalSettings.from_environ({**values, "URBANLAB_PORT": "99999"})
