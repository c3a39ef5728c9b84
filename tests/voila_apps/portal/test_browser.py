"""The portal in a real browser: looks, keyboard, accessibility, policy, and nothing from anybody else."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from ...kafka_broker import PARTS  # noqa: TID252
from .conftest import SITE, SITE_PORT, Portal, make_publication, publish_footfall

PAGE = "/guetersloh/passantenfrequenz/"
AXE = PARTS / "npm/node_modules/axe-core/axe.min.js"
ARTIFACTS = Path(__file__).parents[2] / ".artifacts" / "portal"
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
TICKET = "T" * 43

pytestmark = pytest.mark.skipif(
    not (PARTS / "snapshot").is_dir(), reason="the widgets' bundle has not been built; `make test` does that"
)


class Visit:
    """A visitor's browser that writes down what it asks for and what goes wrong."""

    def __init__(self, browser: Browser, portal: Portal, **options: Any) -> None:
        options = {"viewport": {"width": 1200, "height": 900}, "locale": "de-DE", **options}
        self.context: BrowserContext = browser.new_context(**options)
        self.portal, self.page = portal, self.context.new_page()
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("requestfailed", lambda request: self.problems.append(f"failed: {request.url}"))

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.problems.append(text)

    def open(self, path: str) -> Page:
        self.page.goto(self.portal.url + path, wait_until="networkidle")
        return self.page

    def shoot(self, name: str) -> None:
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        # A frame that was never in sight is not painted in the picture of the whole page.
        size = self.page.viewport_size
        assert size
        height = self.page.evaluate("document.documentElement.scrollHeight")
        self.page.set_viewport_size({"width": size["width"], "height": height})
        self.page.wait_for_timeout(300)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png")
        self.page.set_viewport_size(size)


@pytest.fixture
def visit(browser: Browser, portal: Portal) -> Iterator[Callable[..., Visit]]:
    visits: list[Visit] = []

    def start(**options: Any) -> Visit:
        visits.append(Visit(browser, portal, **options))
        return visits[-1]

    yield start
    for each in visits:
        each.context.close()


def test_a_page_shows_text_map_and_widget_and_asks_nobody_else(
    visit: Callable[..., Visit], portal: Portal
) -> None:
    visitor = visit()
    page = visitor.open(PAGE)
    assert page.locator(".ul-widget").inner_text() == "Modul: 1240"
    # As a reader does: a browser draws nothing in a frame of another origin that nobody has in view.
    page.locator("iframe").scroll_into_view_if_needed()
    frame = page.frame_locator("iframe").locator("body")
    frame.locator("path.leaflet-interactive").wait_for()
    assert frame.get_attribute("data-reach") == "none"  # the map cannot look at the page around it
    assert not [url for url in visitor.requests if not url.startswith(portal.url)]
    assert visitor.problems == []
    assert visitor.context.cookies() == []
    visitor.shoot("page-wide")


def test_the_program_for_widgets_comes_when_somebody_comes_near_one(
    browser: Browser, start_portal: Callable[[], Portal]
) -> None:
    portal = start_portal()
    digest = portal.public.add_page('<span style="display:block;height:5000px">Viel Text.</span>')
    portal.public.publish(make_publication({"": digest}, slug="lang"))
    visitor = Visit(browser, portal)
    page = visitor.open("/guetersloh/lang/")
    assert not [url for url in visitor.requests if "/static/snapshot/" in url]
    assert page.locator(".ul-widget").inner_text() == "Stand: 1240"
    page.locator(".ul-widget").scroll_into_view_if_needed()
    page.get_by_text("Modul: 1240").wait_for()
    assert visitor.problems == []
    visitor.context.close()


def test_a_preview_works_without_being_the_portal(visit: Callable[..., Visit], portal: Portal) -> None:
    path = portal.public.add_ticket(TICKET, publish_footfall(portal.public))
    visitor = visit()
    page = visitor.open(path)
    assert page.evaluate("window.origin") == "null"
    assert page.locator(".ul-widget").inner_text() == "Modul: 1240"
    page.locator("iframe").scroll_into_view_if_needed()
    page.frame_locator("iframe").locator("path.leaflet-interactive").wait_for()
    assert visitor.problems == []
    visitor.shoot("preview")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_on_a_phone(visit: Callable[..., Visit], scheme: str) -> None:
    visitor = visit(**PHONE, color_scheme=scheme)
    for name, path in (
        ("start", "/"),
        ("page", PAGE),
        ("stale", "/guetersloh/bluehende-baeume/"),
        ("error", "/x/"),
    ):
        page = visitor.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        small = page.evaluate(
            """() => [...document.querySelectorAll("header a, footer a, button, select, .trail a")]
            .filter((each) => each.getBoundingClientRect().height < 44).map((each) => each.outerHTML)"""
        )
        assert small == []
        visitor.shoot(f"phone-{scheme}-{name}")


def test_the_keyboard_reaches_everything_in_order(visit: Callable[..., Visit], portal: Portal) -> None:
    page = visit().open(PAGE)
    seen = []
    for _ in range(28):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                """() => { const e = document.activeElement, style = getComputedStyle(e);
                return (e.getAttribute("aria-label") || e.innerText || e.name).trim().split("\\n")[0] +
                (style.outlineStyle === "none" || e.tagName === "IFRAME" ? "" : " *"); }"""
            )
        )
    # Each is seen to have the focus (*); the map is a document of its own.
    order = ["Zum Inhalt springen *", "Gütersloh *", "Deutsch *", "English *", "Alle Städte *", "Gütersloh *"]
    assert seen[: len(order)] == order
    assert seen[len(order) + 1 : len(order) + 3] == ["Anzeigen *", "Tabelle *"]
    facts = ["Datenlizenz Deutschland – Zero – Version 2.0 *", "datenlabor@guetersloh.example *"]
    facts += ["Verkehr *", "Diese Seite auf einer anderen Website zeigen *"]
    footer = ["Impressum *", "Datenschutz *", "Barrierefreiheit *", "Neuigkeiten als Feed *"]
    footer += ["Kontakt *", "Alle Städte *"]
    start = seen.index(facts[0])
    assert seen[start : start + len(facts + footer)] == facts + footer


def list_stops(page: Page) -> list[str]:
    """Return role and name of all that Tab reaches, as a screen reader has them from the accessibility tree."""
    tree = page.context.new_cdp_session(page)
    stops: list[str] = []
    page.keyboard.press("Tab")
    while not page.evaluate("document.activeElement === document.body"):
        there = tree.send("Runtime.evaluate", {"expression": "document.activeElement"})["result"]
        asked = {"objectId": there["objectId"], "fetchRelatives": False}
        node = tree.send("Accessibility.getPartialAXTree", asked)["nodes"][0]
        stop = f"{node['role']['value']} {node['name']['value']}"
        if stops[-1:] != [stop]:  # the parts of a map are in a document of its own
            stops.append(stop)
        assert len(stops) < 60, "the focus does not leave the page"
        page.keyboard.press("Tab")
    return stops


def test_a_screen_reader_is_told_every_stop(visit: Callable[..., Visit]) -> None:
    page = visit().open(f"{PAGE}?lang=en")
    assert list_stops(page) == [
        *("link Skip to the content", "link Gütersloh Open data, explained", "link Deutsch", "link English"),
        *("link All towns", "link Gütersloh", "combobox Stadtteil", "button Show"),
        *("region Tabelle", "Iframe Karte der Zählpunkte"),
        *("link Datenlizenz Deutschland – Zero – Version 2.0", "link datenlabor@guetersloh.example"),
        *("link Transport", "DisclosureTriangle Show this page in another web site"),
        *("link Imprint", "link Privacy", "link Accessibility", "link News feed", "link Contact"),
        "link All towns",
    ]
    expect(page.locator("body")).to_match_aria_snapshot("""
      - link "Skip to the content"
      - banner:
        - navigation "Language"
      - main:
        - navigation "Where you are"
        - heading "Passantenfrequenz und Wetter in der Innenstadt" [level=1]
        - form "Choose what the page shows":
          - group "Choose what the page shows":
            - combobox "Stadtteil"
            - button "Show"
        - article:
          - heading "Wie viele Menschen sind unterwegs?" [level=2]
          - img "Die Zahl steigt von Montag bis Sonntag"
          - heading "Die Zahlen im Einzelnen" [level=2]
          - region "Tabelle":
            - table:
              - rowgroup:
                - row:
                  - columnheader "8 Uhr"
              - rowgroup:
                - row:
                  - rowheader "Berliner Straße"
        - region "About this page":
          - heading "About this page" [level=2]
      - contentinfo:
        - navigation "Legal information"
      - status
    """)
    assert page.locator("article").get_attribute("lang") == "de"
    assert page.locator("label[for=choice-1]").get_attribute("lang") == "de"


def test_the_language_is_switched_by_keyboard_and_the_choice_stays(visit: Callable[..., Visit]) -> None:
    page = visit().open(PAGE)
    page.get_by_label("Stadtteil").focus()
    for key in ("ArrowDown", "Tab", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**/?district=isselhorst")
    page.get_by_role("link", name="English").press("Enter")
    page.wait_for_url("**/?district=isselhorst&lang=en")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.get_by_role("link", name="English").get_attribute("aria-current") == "true"


def test_the_skip_link_leads_to_the_content(visit: Callable[..., Visit]) -> None:
    page = visit().open(PAGE)
    page.keyboard.press("Tab")
    assert page.locator(".skip").bounding_box()["y"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_choices_work_by_keyboard_and_without_javascript(visit: Callable[..., Visit]) -> None:
    visitor = visit(java_script_enabled=False, **PHONE)
    page = visitor.open(f"{PAGE}?lang=en")
    assert page.get_by_text("Ausgewählt: Innenstadt.").is_visible()
    page.get_by_label("Stadtteil").select_option("isselhorst")
    page.get_by_role("button", name="Show").press("Enter")
    page.wait_for_url(re.compile("district=isselhorst&lang=en"))
    assert page.get_by_text("Ausgewählt: Isselhorst.").is_visible()
    assert page.get_by_text("1240").is_visible()  # the widget, as its state says it
    assert page.get_by_role("table").is_visible()
    assert page.locator("noscript p").is_visible()
    assert not page.locator("iframe").is_visible()
    visitor.shoot("phone-no-javascript")


PATHS = {
    "search": "/?q=passant",
    "found-nothing": "/guetersloh/?q=nirgends",
    "imprint": "/guetersloh/imprint/",
    "embedded": f"{PAGE}embed",
    "start": "/",
    "tenant": "/guetersloh/",
    "page": PAGE,
    "stale": "/guetersloh/bluehende-baeume/",
    "refused": f"{PAGE}?district=x",
    "absent": "/nichts/",
    "privacy": "/privacy/",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("name", PATHS)
def test_axe_finds_nothing(visit: Callable[..., Visit], name: str, language: str, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core has not been fetched; `make test` does that")
    visitor = visit(color_scheme=scheme, bypass_csp=True, **PHONE)
    path = PATHS[name]
    page = visitor.open(f"{path}{'&' if '?' in path else '?'}lang={language}")
    page.add_script_tag(path=AXE)
    found = page.evaluate(
        "async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
    )
    assert found == []
    if scheme == "light" and language == "de":
        visitor.shoot(f"phone-{name}")


def test_it_can_be_printed(visit: Callable[..., Visit]) -> None:
    visitor = visit()
    page = visitor.open(PAGE)
    page.emulate_media(media="print")
    assert page.get_by_role("heading", level=1).is_visible()
    assert not page.get_by_role("button", name="Anzeigen").is_visible()
    visitor.shoot("print")


HOSTILE = """<script>window.hit = 1</script><img src=x onerror="window.hit = 2">
<a id="click" href="javascript:window.hit=3">x</a><iframe srcdoc="<script>parent.hit = 4</script>"></iframe>
<form action="https://evil.example/"></form><base href="https://evil.example/">"""


def test_scripts_in_a_page_do_not_run(browser: Browser, start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    portal.public.publish(make_publication({"": portal.public.add_page(HOSTILE)}, slug="seite"))
    visitor = Visit(browser, portal)
    page = visitor.open("/guetersloh/seite/")
    page.locator("#click").click()
    page.evaluate("navigator.serviceWorker?.register('/guetersloh/seite/files/x.mjs').catch(() => 0)")
    assert page.evaluate("window.hit") is None
    assert not [url for url in visitor.requests if "evil.example" in url]
    visitor.context.close()


@pytest.fixture
def web_site(portal: Portal) -> Iterator[HTTPServer]:
    """A web site that shows the page in its own, at an origin that may and at one that may not."""
    around = f"""<!doctype html><html lang="de"><title>Stadt</title><iframe id="f" src="{portal.url}{PAGE}embed"
      style="width:100%;height:50px"></iframe><script>addEventListener("message", (event) => {{
      if (event.data.urbanlab === "height") document.getElementById("f").style.height = event.data.height + "px";
      }});</script></html>"""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(around.encode())

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", SITE_PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("web_site")
def test_another_web_site_shows_a_page_and_learns_its_height(visit: Callable[..., Visit]) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(SITE)
    frame = page.frame_locator("#f")
    frame.get_by_text("Ausgewählt: Innenstadt.").wait_for()
    page.wait_for_function("document.getElementById('f').offsetHeight > 600")
    frame.get_by_label("Stadtteil").select_option("isselhorst")
    # By the keyboard: a frame that still grows would move away from under a click.
    frame.get_by_role("button", name="Anzeigen").press("Enter")
    frame.get_by_text("Ausgewählt: Isselhorst.").wait_for()
    assert visitor.context.cookies() == []
    visitor.shoot("embedded")
    assert visitor.problems == []

    page.goto(SITE.replace("localhost", "127.0.0.1"))
    assert any("frame-ancestors" in problem for problem in visitor.problems)
