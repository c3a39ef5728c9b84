"""The page in a real browser: accessible, on a phone, without scripts, and closed to scripts of its own origin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from urbanlab.contract.naming import make_hub_user

from . import conftest
from .conftest import HOSTILE, Hub

ROOT = Path(__file__).parents[4]
ARTIFACTS = ROOT / "tests/.artifacts/administration"
AXE = ROOT / ".parts/npm/node_modules/axe-core/axe.min.js"
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 375, "height": 812}}
STOP_KARL = "tenant/servers/karl/stop"


@pytest.fixture(scope="module")
def busy(hub: Hub) -> Iterator[conftest.Browser]:
    """Karl, whose server runs, beside those of others and of the runner."""
    people = ("karl@town", make_hub_user(HOSTILE, "town"), "publications@town")
    browsers = [hub.log_in(person) for person in people]
    for browser in browsers:
        browser.start_server()
    yield browsers[0]
    for browser in browsers:
        browser.stop_server()


@pytest.fixture
def log_in(hub: Hub, browser: Browser, busy: conftest.Browser) -> Iterator[Callable[..., Page]]:
    """Return a maker of pages in which somebody is logged in."""
    contexts: list[BrowserContext] = []

    def make(person: str = "anna@town", size: str = "desktop", **options: Any) -> Page:
        context = browser.new_context(
            **{"viewport": SIZES[size], "locale": "de-DE", "base_url": hub.url, **options}
        )
        contexts.append(context)
        for cookie in hub.log_in(person).session.cookies:
            context.add_cookies(
                [
                    {
                        "name": cookie.name,
                        "value": cookie.value or "",
                        "domain": "127.0.0.1",
                        "path": cookie.path,
                    }
                ]
            )
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.mark.parametrize(
    ("size", "lang", "scheme"),
    [("phone", "de", "light"), ("phone", "en", "dark"), ("desktop", "en", "light")],
)
def test_axe_finds_nothing_and_it_fits(
    log_in: Callable[..., Page], size: str, lang: str, scheme: str
) -> None:
    if not AXE.exists():
        pytest.skip("axe-core has not been fetched; `make test` does that")
    page = log_in(size=size, color_scheme=scheme, bypass_csp=True)
    for name, path in (("overview", "tenant"), ("stop", STOP_KARL)):
        page.goto(f"{path}?lang={lang}")
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
        page.add_script_tag(path=AXE)
        found = page.evaluate(
            "async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
        )
        assert found == []
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=ARTIFACTS / f"{name}-{size}-{lang}-{scheme}.png", full_page=True)


def test_it_stops_a_server_by_keyboard_and_without_scripts(
    log_in: Callable[..., Page], busy: conftest.Browser
) -> None:
    page = log_in(java_script_enabled=False, size="phone")
    page.goto("tenant?lang=en")
    assert not page.get_by_text("requires JavaScript").is_visible()
    assert page.get_by_text("Stadt & Muster").first.is_visible()  # also while the menu is folded away
    page.get_by_role("link", name="Stop… karl").press("Enter")
    page.get_by_role("heading", name="Stop the server of karl?").wait_for()
    page.screenshot(path=ARTIFACTS / "stop-no-javascript.png")
    page.get_by_role("link", name="Let it run").press("Enter")
    assert busy.find_server()
    page.get_by_role("link", name="Stop… karl").press("Enter")
    page.get_by_role("button", name="Stop the server").press("Enter")
    assert page.get_by_role("status").inner_text() == "The server has been stopped."
    assert busy.find_server() is None
    busy.start_server()


def test_the_switch_opens_without_scripts_and_by_keyboard(log_in: Callable[..., Page]) -> None:
    page = log_in(java_script_enabled=False, size="phone")
    page.goto("tenant")
    assert not page.get_by_role("link", name="Dorf").is_visible()
    page.locator("#switch-tenant summary").press("Enter")
    link = page.get_by_role("link", name="Dorf")
    assert link.is_visible()
    page.screenshot(path=ARTIFACTS / "switch-phone.png")
    assert (link.get_attribute("href") or "").startswith("/hub/login?tenant=village&")


# What a notebook shows in JupyterLab runs as its viewer, and without subdomains on the hub's own origin.
AS_THE_VIEWER = """async (path) => {
    const xsrf = jhdata.xsrf_token;
    const found = {xsrf: Boolean(xsrf)};
    const options = {headers: {"X-XSRFToken": xsrf}};
    found.fetch = (await fetch("/hub/tenant", options)).status;
    found.question = (await fetch(`/hub/${path}`, options)).status;
    const body = new URLSearchParams({_xsrf: xsrf, confirmation: "x"});
    found.post = (await fetch(`/hub/${path}`, {...options, method: "POST", body})).status;
    for (const name of ["home", "tenant", path]) {
        const held = window.open(`/hub/${name}`);
        await new Promise((done) => setTimeout(done, 700));
        try { found[name] = held.closed || held.document.body === null ? "nothing" : held.document.body.innerText; }
        catch (error) { found[name] = "nothing"; }
    }
    const frame = document.body.appendChild(document.createElement("iframe"));
    frame.src = "/hub/tenant";
    await new Promise((done) => { frame.onload = done; });
    try { found.frame = frame.contentDocument.body.innerText; } catch (error) { found.frame = "nothing"; }
    return found;
}"""


def test_a_script_of_the_same_origin_neither_reads_nor_stops_anything(
    log_in: Callable[..., Page], busy: conftest.Browser
) -> None:
    page = log_in()
    page.goto("token")
    found = page.evaluate(AS_THE_VIEWER, STOP_KARL)
    assert found.pop("xsrf") is True  # so far it gets
    assert found == {
        "fetch": 403,
        "question": 403,
        "post": 403,
        "home": "nothing",
        "tenant": "nothing",
        STOP_KARL: "nothing",
        "frame": "nothing",
    }
    # The form alone, sent as a page of ours sends it, lacks what only the question holds.
    page.evaluate(
        """(path) => {
        const form = document.body.appendChild(document.createElement("form"));
        Object.assign(form, {method: "post", action: `/hub/${path}`});
        form.innerHTML = `<input name="_xsrf" value="${jhdata.xsrf_token}"><input name="confirmation" value="x">`;
        form.submit(); }""",
        STOP_KARL,
    )
    page.get_by_text("Es wurde nichts gestoppt").wait_for()
    assert busy.find_server()
