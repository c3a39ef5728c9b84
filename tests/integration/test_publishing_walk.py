"""The footfall page on its way to a citizen's phone: three logins in three browsers, and then none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from tests.installation import Installation
from urbanlab.contract.publications import make_digest

from .figures import BUSIEST, find_busiest_hour, read_counts
from .publishing import find_publication, list_acts, load_page, visit

TENANT, SLUG = "guetersloh", "puls-der-innenstadt"
PATH = f"/{TENANT}/{SLUG}/"
CURATED = Path(__file__).parents[2] / "notebooks/curated/innenstadt"
NOTEBOOK = CURATED / "01_passantenfrequenz_und_wetter.ipynb"
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


@dataclass
class Visitor:
    """A browser that remembers what it asked for, what it got, and what went wrong."""

    context: BrowserContext
    requested: list[str] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.on("request", lambda request: self.requested.append(request.url))
        self.context.on("response", lambda response: self.responses.append(response))
        self.context.on("console", lambda message: self._note(message.type, message.text))
        self.context.on("weberror", lambda error: self.problems.append(str(error.error)))
        self.page = self.context.new_page()

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.problems.append(text)

    def list_files(self) -> dict[str, str]:
        """Return the digest of what came, by the name of each file of a page."""
        files = (each for each in self.responses if "/files/" in each.url and each.status == 200)
        return {each.url.rpartition("/")[2]: make_digest(each.body()) for each in files}

    def read_document(self, address: str) -> str:
        """Return the text of the last page that came from an address that begins so."""
        pages = (each for each in reversed(self.responses) if "/files/" not in each.url)
        return next(each for each in pages if each.url.startswith(address)).text()


OpenBrowser = Callable[..., Visitor]


@pytest.fixture(scope="module")
def open_browser(browser: Browser) -> Iterator[OpenBrowser]:
    """Return a maker of browsers, each with nothing in it."""
    opened: list[BrowserContext] = []

    def make(**options: Any) -> Visitor:
        visitor = Visitor(browser.new_context(locale="de-DE", **options))
        opened.append(visitor.context)
        return visitor

    yield make
    for context in opened:
        context.close()


def log_in(installation: Installation, visitor: Visitor, address: str, username: str) -> Page:
    """Open an address, log in at Keycloak's own form, and come back to it."""
    page = visitor.page
    page.goto(address)
    page.locator("#username").fill(username)
    page.locator("#password").fill(installation.password(username))
    page.locator("#kc-login").click()
    page.wait_for_url(address)
    return page


@dataclass
class Walk:
    """What the staff saw on the way from the notebook to the public page."""

    before: int  # what the public address answered before the release
    preview: str
    preview_files: dict[str, str]
    spent: int
    analyst: str
    publisher: str


@pytest.fixture(scope="module")
def walk(installation: Installation, open_browser: OpenBrowser) -> Walk:
    """Analyst, publisher and gatekeeper, each in a browser of their own, bring the footfall page to the public."""
    home = f"{installation.settings.publisher_url}/"
    analyst = log_in(installation, open_browser(), home, f"analyst-{TENANT}")
    seen_by_analyst = analyst.locator("body").inner_text()
    publisher = log_in(installation, open_browser(), home, f"publisher-{TENANT}")
    hand_in_by_form(publisher)
    seen_by_publisher = publisher.locator("main").inner_text()
    staff = open_browser()
    gatekeeper = log_in(installation, staff, home, f"gatekeeper-{TENANT}")
    gatekeeper.get_by_role("link", name="Puls der Innenstadt").first.click()
    with staff.context.expect_page() as opened:
        gatekeeper.get_by_role("button", name=re.compile("Vorschau.*zwölf")).click()
    preview = opened.value
    wait_for_all(preview)
    document, files = staff.read_document(f"{installation.settings.portal_url}/preview/"), staff.list_files()
    preview.reload()
    before = visit(installation, PATH).status_code
    spent = next(each.status for each in reversed(staff.responses) if "/preview/" in each.url)
    gatekeeper.get_by_role("button", name=re.compile(r"Version \d+ freigeben")).click()
    expect(gatekeeper.get_by_role("status")).to_contain_text("öffentlich")
    return Walk(before, document, files, spent, seen_by_analyst, seen_by_publisher)


def hand_in_by_form(page: Page) -> None:
    """Hand the curated notebook in with what the form asks for, and wait until it has been executed."""
    page.locator("nav a[href='/publish']").click()
    page.locator("input[name=notebook]").set_input_files(NOTEBOOK)
    page.locator("input[name=app_yaml]").set_input_files(CURATED / "app.yaml")
    page.locator("[name=title]").fill("Puls der Innenstadt")
    page.locator("[name=slug]").fill(SLUG)
    page.locator("main form button").last.click()
    expect(page.locator("main .state").first).to_have_class("state submitted", timeout=150_000)


@pytest.fixture(scope="module")
def citizen(walk: Walk, installation: Installation, open_browser: OpenBrowser) -> Visitor:
    """Somebody without a login, on a phone, at the public page."""
    visitor = open_browser(**PHONE)
    visitor.page.goto(f"{installation.settings.portal_url}{PATH}")
    wait_for_all(visitor.page)
    return visitor


def wait_for_all(page: Page) -> None:
    """Wait until the map has been drawn, which begins when it comes into view, and all has been loaded."""
    page.locator("article iframe").first.scroll_into_view_if_needed()
    page.frame_locator("article iframe").first.locator("path.leaflet-interactive").first.wait_for()
    page.wait_for_load_state("networkidle")


def read_article(document: str) -> str:
    """Return what the notebook gave, out of the portal's frame."""
    found = re.search(r'<article class="page"[^>]*>(.*)</article>', document, re.DOTALL)
    assert found is not None
    return found[1]


def test_each_role_is_offered_what_it_may_do(walk: Walk) -> None:
    assert f"analyst-{TENANT}" in walk.analyst
    assert "Veröffentlichen …" not in walk.analyst
    assert "Vorschau" in walk.publisher
    assert "Version 1 freigeben" not in walk.publisher


def test_nothing_is_public_before_the_release_and_a_preview_is_seen_once(walk: Walk) -> None:
    assert walk.before == 404
    assert walk.spent == 410


def test_each_act_is_in_the_audit_log(walk: Walk, installation: Installation) -> None:
    assert list_acts(installation, f"{TENANT}/{SLUG}/1") == [
        (f"publisher-{TENANT}", "submit", "done"),
        ("publisher", "execute", "done"),
        (f"gatekeeper-{TENANT}", "preview", "done"),
        (f"gatekeeper-{TENANT}", "release", "done"),
    ]


def test_the_public_reads_exactly_the_bytes_of_the_preview(
    walk: Walk, citizen: Visitor, installation: Installation
) -> None:
    public = citizen.read_document(f"{installation.settings.portal_url}{PATH}")
    assert read_article(public) == read_article(walk.preview)
    files = citizen.list_files()
    assert files == walk.preview_files
    assert len(files) >= 4
    assert {name.partition(".")[0]: digest for name, digest in files.items()} == {
        digest: digest for digest in files.values()
    }
    publication = find_publication(installation, TENANT, SLUG)
    assert publication is not None
    stored = {file.digest for file in load_page(installation, publication.variants["tage=365"]).files}
    assert set(files.values()) <= stored


@pytest.mark.parametrize("days", [365, 90])
def test_the_figures_are_what_the_source_rows_say(
    walk: Walk, citizen: Visitor, installation: Installation, days: int
) -> None:
    publication = find_publication(installation, TENANT, SLUG)
    assert publication is not None
    made_at = load_page(installation, publication.variants[f"tage={days}"]).made_at
    text = visit(installation, f"{PATH}?tage={days}").text
    found = re.search(BUSIEST, re.sub(r"<[^>]+>", "", text))
    assert found is not None
    busiest = find_busiest_hour(read_counts(installation, TENANT, days, made_at))
    assert (found[1].lower(), int(found[2]), int(found[3])) == busiest


def test_a_phone_shows_it_all_asks_nobody_else_and_keeps_no_cookie(
    citizen: Visitor, installation: Installation
) -> None:
    own = urlsplit(installation.settings.portal_url).netloc
    assert {urlsplit(url).netloc for url in citizen.requested if not url.startswith(("data:", "blob:"))} == {
        own
    }
    assert len(citizen.requested) > 8
    assert citizen.context.cookies() == []
    assert citizen.page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert citizen.problems == []
    assert citizen.page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(citizen.page.locator("article table").first).to_be_visible()


def test_without_scripts_text_tables_pictures_and_map_are_there(
    walk: Walk, installation: Installation, open_browser: OpenBrowser
) -> None:
    visitor = open_browser(**PHONE, java_script_enabled=False)
    page = visitor.page
    page.goto(f"{installation.settings.portal_url}{PATH}")
    assert re.search(BUSIEST, page.locator("article").inner_text())
    expect(page.locator("article table").first).to_be_visible()
    expect(page.locator("article iframe")).to_be_hidden()
    pictures = page.locator("article img")
    loaded = [response for response in visitor.responses if response.url.endswith((".png", ".svg"))]
    assert pictures.count() >= 4
    assert {response.status for response in loaded} == {200}
    # The last stands for the map: it follows the frame that nobody sees now.
    pictured = page.locator("article iframe ~ noscript img, article noscript img, article iframe ~ img").first
    expect(pictured).to_be_visible()


def test_visitors_choose_by_a_plain_form(
    walk: Walk, installation: Installation, open_browser: OpenBrowser
) -> None:
    page = open_browser(**PHONE, java_script_enabled=False).page
    page.goto(f"{installation.settings.portal_url}{PATH}?lang=en")
    before = page.locator("article").inner_text()
    page.get_by_label("Zeitraum").select_option("90")
    page.get_by_role("button", name="Show").click()
    assert sorted(urlsplit(page.url).query.split("&")) == ["lang=en", "tage=90"]
    assert page.locator("article").inner_text() != before
    assert visit(installation, f"{PATH}?tage=91").status_code == 400


def test_the_frame_speaks_english_where_asked(walk: Walk, installation: Installation) -> None:
    german, english = (visit(installation, f"{PATH}?lang={language}").text for language in ("de", "en"))
    assert '<html lang="de">' in german
    assert '<html lang="en">' in english
    assert "About this page" in english
    assert '<article class="page" lang="de">' in english
    assert read_article(german) == read_article(english)
