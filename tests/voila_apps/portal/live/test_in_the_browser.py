"""An interactive view in a real browser: it calculates, it asks nobody else, it ends when it is left."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ....kafka_broker import wait_until  # noqa: TID252
from .conftest import SPARES, Town

ARTIFACTS = Path(__file__).parents[3] / ".artifacts" / "portal"
AHEAD = 'urbanlab_publisher_live_sessions_total{made="ahead"}'
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def _open(browser: Browser, town: Town, **options: Any) -> tuple[Page, list[str], list[str]]:
    """Go from the page to its interactive view; return it, what was asked for, and what went wrong."""
    page = browser.new_context(locale="de-DE", **options).new_page()
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(f"{town.portal.url}/town/regler/?factor=3")
    page.get_by_role("link", name="Interaktive Ansicht starten").click()
    expect(page.frame_locator("#live").get_by_text("Ergebnis: 3")).to_be_visible(timeout=40_000)
    return page, asked, problems


def _move(page: Page) -> None:
    page.frame_locator("#live").get_by_role("slider").press("ArrowRight")


def test_moving_a_slider_changes_the_output_and_nobody_else_is_asked(browser: Browser, town: Town) -> None:
    page, asked, problems = _open(browser, town)
    _move(page)
    expect(page.frame_locator("#live").get_by_text("Ergebnis: 6")).to_be_visible()
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / "live.png", full_page=True)
    expect(page.frame_locator("#live").get_by_role("heading", name="Ein Regler", level=2)).to_be_visible()
    expect(page.frame_locator("#live").get_by_text("Redaktion")).to_have_count(0)
    expect(page.frame_locator("#live").locator("math")).to_be_visible()
    hosts = {
        re.sub(r"^\w+://([^/]*)/.*", r"\1", url) for url in asked if not url.startswith(("data:", "blob:"))
    }
    assert hosts == {f"127.0.0.1:{town.portal.port}"}
    assert page.context.cookies() == []
    assert problems == []
    page.context.close()


def test_a_view_that_was_left_frees_its_seat(browser: Browser, town: Town) -> None:
    page, _, _ = _open(browser, town, **PHONE)
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / "live-phone.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    printed = page.frame_locator("#live").get_by_text('"environ"').first.inner_text()
    kernel = int(re.findall(r'"pid": (\d+)', printed)[0])
    assert kernel in town.list_kernels()
    page.get_by_role("link", name="Interaktive Ansicht beenden").click()
    expect(page).to_have_url(re.compile("/town/regler/"))
    wait_until(lambda: kernel not in town.list_kernels(), 20, "the kernel has ended")
    page.context.close()


def test_a_kernel_that_dies_is_said_so_and_can_be_started_again(browser: Browser, town: Town) -> None:
    page, _, _ = _open(browser, town)
    page.frame_locator("#live").get_by_role("button", name="Absturz").click()
    expect(page.get_by_role("alert")).to_contain_text("Ihre Berechnung ist abgebrochen.", timeout=15_000)
    page.get_by_role("link", name="Neu starten").click()
    expect(page.frame_locator("#live").get_by_text("Ergebnis: 3")).to_be_visible(timeout=40_000)
    page.context.close()


def test_who_comes_next_gets_the_session_that_was_made_ahead(browser: Browser, town: Town) -> None:
    first, _, _ = _open(browser, town)
    wait_until(lambda: town.read_metric(SPARES) == 1, 40, "a session is made ahead")
    ahead = town.read_metric(AHEAD)
    second, _, problems = _open(browser, town)
    assert town.read_metric(AHEAD) == ahead + 1
    _move(second)
    expect(second.frame_locator("#live").get_by_text("Ergebnis: 6")).to_be_visible()
    expect(first.frame_locator("#live").get_by_text("Ergebnis: 3")).to_be_visible()
    assert problems == []
    wait_until(lambda: town.read_metric(SPARES) == 1, 40, "the next one is made ahead")
    for page in (first, second):
        page.context.close()


def test_without_javascript_the_waiting_page_goes_on_by_itself(browser: Browser, town: Town) -> None:
    context = browser.new_context(java_script_enabled=False, locale="de-DE")
    page = context.new_page()
    page.goto(f"{town.portal.url}/town/regler/live/")
    page.wait_for_selector("iframe#live", timeout=40_000, state="attached")
    assert "braucht JavaScript" in page.content()
    town.seats.append(page.url.split("/")[-2])
    context.close()


@pytest.fixture(autouse=True)
def _end_all(town: Town) -> Any:
    yield
    town.end_all()
