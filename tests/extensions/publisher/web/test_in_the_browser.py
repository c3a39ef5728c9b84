"""The pages as people see them: nothing that axe complains about, on a phone and on a desktop, with pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from urbanlab.contract.publications import make_digest

from ..hub_runner_gateway import make_parcel  # noqa: TID252
from .conftest import HOST
from .hub_with_people import PERSON_COOKIE

ROOT = Path(__file__).parents[4]
ARTIFACTS = ROOT / "tests/.artifacts/publisher"
AXE = ROOT / ".parts/npm/node_modules/axe-core/axe.min.js"
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 375, "height": 812}}


@pytest.fixture
def open_context(site: Any, browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Return a maker of browsers in which somebody is logged in at the hub; none of them runs scripts of a page."""
    opened: list[BrowserContext] = []

    def make(person: str, size: str = "desktop", locale: str = "de-DE", **options: Any) -> BrowserContext:
        context = browser.new_context(
            viewport=SIZES[size], locale=locale, base_url=site.process.url, **options
        )
        context.add_cookies([{"name": PERSON_COOKIE, "value": person, "domain": "127.0.0.1", "path": "/"}])
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


@pytest.fixture(scope="module")
def filled(running: Any) -> dict[str, str]:
    """Return the addresses of pages on which something is to be seen, by the names of their pictures."""
    from .test_pages import make_notebook

    site = running
    public = site.hand_in(
        title="Passanten in der Innenstadt", refresh="P1D", summary="Wie viele vorbeigehen."
    )
    site.browse("gerd@town").press(public, "release")
    fields = {
        "parameter1_name": "place",
        "parameter1_title": "Ort",
        "parameter1_choices": "n = Nord\ns = Süd",
    }
    waiting = site.hand_in(title="Markttage", notebook=make_notebook(parameters="place = 'n'"), **fields)
    site.hub.failure = {
        "error": "NotReleasedError: footfall ist nicht offen",
        "failed_cell": 3,
        "needs": ["footfall", "village.x"],
    }
    failed = site.hand_in(title="Besuche am Wochenende und an Feiertagen")
    site.hub.failure = None
    asked = site.browse("karl@town").press(
        "/data-releases", "data-releases", dataset="footfall", title_de="Passanten"
    )
    site.hub.parcel = make_pictures(b"30,10", "Die Zahl der Passanten steigt von Montag bis Samstag")
    site.hand_in(title="Bilder")
    site.hub.parcel = make_pictures(b"10,30", "Die Zahl der Passanten fällt", extra=b"<circle r='9'/>")
    pictures = site.hand_in(title="Bilder")
    site.hub.parcel = None
    return {
        "overview": "/",
        "difference": f"{pictures}/difference",
        "publish": "/publish",
        "submission": waiting,
        "failed": failed,
        "publication": "/publications/passanten-in-der-innenstadt",
        "data": "/data-releases",
        "data_request": f"/{asked.path}",
        "not_found": "/nothing",
    }


def make_pictures(points: bytes, alt: str, extra: bytes = b"") -> bytes:
    """Return a page with a chart, and with another picture where there is something in it."""
    script = b'<script>document.documentElement.setAttribute("class", "ran")</script>'
    frame = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 40" width="600" height="400">%s'
    frame += script + b"</svg>"
    files = {"chart": frame % (b'<polyline fill="none" stroke="#123" points="0,20 20,%s"/>' % points)}
    files |= {"plan": frame % extra} if extra else {}
    shown = {name: f"files/{make_digest(content)}.svg" for name, content in files.items()}
    body = "".join(
        f'<img src="{shown[name]}" alt="{alt}" width="600" height="400" data-cell="3">' for name in files
    )
    return make_parcel(body, **{f"{name}_svg": content for name, content in files.items()})


def find_problems(page: Page) -> list[str]:
    """Return what axe finds, one line each."""
    if not AXE.exists():
        pytest.skip("axe has not been fetched; `make test` does that")
    result = page.evaluate(f"async () => {{ {AXE.read_text()}; return await axe.run() }}")
    return [
        f"{problem['id']}: {json.dumps([node['html'] for node in problem['nodes']])}"
        for problem in result["violations"]
    ]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "name",
    [
        *("overview", "publish", "submission", "failed", "publication", "data", "data_request", "not_found"),
        "difference",
    ],
)
def test_a_page_is_for_everybody(
    filled: dict[str, str], open_context: Callable[..., BrowserContext], name: str, size: str
) -> None:
    person = "grete@town" if name in {"publish", "overview"} else "gerd@town"
    page = open_context(person, size, bypass_csp=True).new_page()
    page.goto("/")
    page.goto(filled[name])
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}-{size}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], (
        "it scrolls sideways"
    )
    assert find_problems(page) == []


def test_a_wrong_form_is_for_everybody(site: Any, open_context: Callable[..., BrowserContext]) -> None:
    page = open_context("grete@town", "phone", bypass_csp=True).new_page()
    page.goto("/publish")
    page.set_input_files("#notebook", {"name": "x.ipynb", "mimeType": "application/json", "buffer": b"{}"})
    page.fill("#slug", "Kein Pfad!")
    page.click("main button")
    page.wait_for_selector("[role=alert]")
    page.screenshot(path=ARTIFACTS / "publish-wrong-phone.png", full_page=True)
    assert page.get_attribute("#slug", "aria-invalid") == "true"
    assert find_problems(page) == []


def test_a_notebook_goes_public_without_a_script_and_without_a_foreign_request(
    filled: dict[str, str], site: Any, open_context: Callable[..., BrowserContext]
) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page = open_context("gerd@town", java_script_enabled=False).new_page()
    page.on("request", lambda request: note(request, asked))
    page.on("console", lambda message: complaints.append(message.text))
    path = site.hand_in(title="Ohne Skript")
    page.goto(path)
    page.get_by_role("button", name="Version 1 freigeben").click()
    assert page.get_by_role("status").inner_text() == "Freigegeben: Die Seite ist jetzt öffentlich."
    assert {url.split("/")[2].split(":")[0] for url in asked} == {HOST, "127.0.0.1"}, "only we and the hub"
    assert not [text for text in complaints if "Security Policy" in text]


def test_a_form_still_works_when_the_session_has_ended_meanwhile(
    site: Any, open_context: Callable[..., BrowserContext]
) -> None:
    context = open_context("gerd@town")
    page = context.new_page()
    page.goto("/data-releases")
    context.clear_cookies(name="urbanlab-publisher")
    page.fill("#dataset", "weather")
    page.get_by_role("button", name="Freigabe beantragen").click()
    assert "nicht mehr angemeldet" in page.inner_text("main")
    page.get_by_role("main").get_by_role("link", name="Anmelden").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Übersicht"


def test_a_preview_opens_in_a_tab_that_cannot_reach_back(
    site: Any, filled: dict[str, str], open_context: Callable[..., BrowserContext]
) -> None:
    context = open_context("gerd@town")
    context.route(
        "http://localhost:8080/**", lambda route: route.fulfill(body="the page", content_type="text/plain")
    )
    page = context.new_page()
    page.goto(filled["submission"])
    with context.expect_page() as opened:
        page.get_by_role("button", name="Süd").click()
    opened.value.wait_for_url("http://localhost:8080/preview/*/?place=s")
    assert opened.value.evaluate("window.opener") is None
    assert opened.value.evaluate("document.referrer") == ""


def test_pictures_are_compared_by_keyboard_and_by_ear(
    filled: dict[str, str], open_context: Callable[..., BrowserContext]
) -> None:
    complaints: list[str] = []
    page = open_context("gerd@town", "phone").new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(filled["difference"])
    first = page.get_by_role("group", name="1. Bild: Die Zahl der Passanten fällt geändert")
    before = first.get_by_role("link", name="Davor: Die Zahl der Passanten steigt von Montag bis Samstag")
    before.focus()
    page.keyboard.press("Tab")
    now = page.locator(":focus")
    assert now.get_attribute("aria-label") == "Jetzt: Die Zahl der Passanten fällt"
    page.wait_for_load_state("networkidle")
    boxes = [link.bounding_box() for link in (before, now)]
    assert boxes[0] and boxes[1] and boxes[0]["y"] < boxes[1]["y"]  # one above the other on a phone
    assert min(box["width"] for box in boxes if box) > 200
    assert page.get_by_text("nicht vorhanden").is_visible()  # the second picture is new
    with page.context.expect_page() as opened:
        now.press("Enter")
    opened.value.wait_for_load_state()
    assert opened.value.locator("svg polyline").count() == 1
    assert opened.value.locator("svg").get_attribute("class") is None  # its script has not run
    assert not [text for text in complaints if "Security Policy" in text]


def note(request: Request, asked: list[str]) -> None:
    asked.append(request.url)
