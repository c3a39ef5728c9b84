"""An analyst in a real browser: sign in, run the curated notebook, see figures, map and live tail."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from .figures import BUSIEST, find_busiest_hour, read_counts

NOTEBOOK = "Kuratierte Notebooks/innenstadt/01_passantenfrequenz_und_wetter.ipynb"
TENANT = "guetersloh"
# From the end back to the beginning: JupyterLab may have drawn nothing where cells grew meanwhile.
SCROLL = "n => { const was = n.scrollTop; n.scrollBy(0, 600); if (n.scrollTop === was) n.scrollTo(0, 0); }"
PICTURES = Path(os.environ.get("URBANLAB_PICTURES") or Path(__file__).parents[1] / ".artifacts")


@pytest.fixture(scope="module")
def requested() -> list[str]:
    """Every address that the browser asked for."""
    return []


@pytest.fixture(scope="module")
def page(installation, browser: Browser, requested: list[str]) -> Iterator[Page]:
    """JupyterLab of the analyst, signed in through Keycloak's own form."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, locale="de-DE")
    page = context.new_page()

    def remember(request: Request) -> None:
        requested.append(request.url)

    context.on("request", remember)
    page.goto(installation.settings.hub_url)
    page.get_by_label(re.compile("user ?name|benutzername|e-mail", re.I)).first.fill(f"analyst-{TENANT}")
    page.locator("#password").fill(installation.password(f"analyst-{TENANT}"))
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "login.png")
    page.locator("#kc-login").click()
    page.wait_for_selector("#jp-top-panel", timeout=60_000)
    yield page
    context.close()


@pytest.fixture(scope="module")
def ran(page: Page) -> Page:
    """The curated notebook after all of its cells ran."""
    base = page.url.split("/lab")[0]
    page.goto(f"{base}/lab/tree/{quote(NOTEBOOK)}")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.wait_for_selector(".jp-NotebookPanel-toolbar [data-status='idle']", timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    # JupyterLab draws only the cells in view: the findings appear when the end of the notebook is reached.
    page.keyboard.press("Escape")
    _scroll_until(page, "Der Takt der Woche")
    return page


def _scroll_until(page: Page, text: str, seconds: float = 90) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=seconds)
    found = page.locator(".jp-OutputArea-output", has_text=text)
    while datetime.now(UTC) < deadline:
        if found.count():
            found.first.scroll_into_view_if_needed()
            return
        page.locator(".jp-WindowedPanel-outer").first.evaluate(SCROLL)
        page.wait_for_timeout(400)
    page.screenshot(path=PICTURES / "missing.png")
    raise AssertionError(f"{text!r} did not appear: {page.locator('.jp-OutputArea-error').all_inner_texts()}")


def _show_cell(page: Page, source: str) -> None:
    """Scroll through the notebook until the cell with `source` in it is drawn, and to it."""
    page.locator(".jp-WindowedPanel-outer").first.evaluate("node => node.scrollTo(0, 0)")
    cell = page.locator(".jp-CodeCell", has_text=source)
    for _ in range(60):
        if cell.count():
            cell.first.scroll_into_view_if_needed()
            return
        page.locator(".jp-WindowedPanel-outer").first.evaluate("node => node.scrollBy(0, 500)")
        page.wait_for_timeout(200)
    raise AssertionError(f"no cell has {source!r}")


def test_no_cell_failed(ran: Page) -> None:
    assert ran.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_text_contents() == []
    expect(ran.locator(".jp-OutputArea-error")).to_have_count(0)


def test_the_findings_are_what_the_source_rows_say(ran: Page, installation) -> None:
    _scroll_until(ran, "Der Takt der Woche")
    text = ran.locator(".jp-OutputArea-output", has_text="Der Takt der Woche").first.inner_text()
    ran.screenshot(path=PICTURES / "findings.png")
    found = re.search(BUSIEST, text)
    assert found is not None, text
    busiest = find_busiest_hour(read_counts(installation, TENANT))
    assert (found[1].lower(), int(found[2]), int(found[3])) == busiest


def test_figures_and_map_are_drawn(ran: Page) -> None:
    _show_cell(ran, "Personen je Stunde in der Innenstadt")
    expect(ran.locator(".jp-OutputArea-output img").first).to_be_visible()
    ran.screenshot(path=PICTURES / "notebook.png")
    _show_cell(ran, "ul.map(karte")
    circles = ran.frame_locator(".jp-OutputArea-output iframe").first.locator("path.leaflet-interactive")
    expect(circles).to_have_count(4, timeout=20_000)
    ran.wait_for_timeout(500)
    ran.screenshot(path=PICTURES / "map.png")


def test_the_tail_moves_and_pauses(ran: Page) -> None:
    _show_cell(ran, 'ul.tail("footfall_live"')
    rows = ran.locator(".ul-tail tbody tr")
    expect(rows.first).to_be_visible(timeout=30_000)
    before = rows.count()
    expect(rows).not_to_have_count(before, timeout=30_000)
    ran.screenshot(path=PICTURES / "tail.png")


def test_the_curated_notebook_is_read_only(ran: Page) -> None:
    base = ran.url.split("/lab")[0]
    answer = ran.request.get(f"{base}/api/contents/{quote(NOTEBOOK)}?content=0")
    assert answer.json()["writable"] is False


def test_nothing_was_asked_of_another_host(ran: Page, requested: list[str], installation) -> None:
    settings = installation.settings
    own = {urlsplit(settings.hub_url).netloc, urlsplit(settings.keycloak_url).netloc}
    hosts = {
        urlsplit(url).netloc for url in requested if urlsplit(url).scheme in {"http", "https", "ws", "wss"}
    }
    assert len(requested) > 50
    assert hosts <= own
