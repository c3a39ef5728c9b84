"""From submitting a notebook to its preview, and what a visit takes: `python -m tests.benchmarks.publishing`.

A publisher of the demo hands notebooks in by the form; a gatekeeper looks at the preview as soon as there is one.
The visits are a phone's, with nothing kept from earlier ones.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Browser, Page, Request

from tests.benchmarks._browser import PHONE, count_bytes
from tests.benchmarks._desk import sign_in, wait_for_state
from tests.benchmarks._figures import Figure, print_figures, show_seconds
from tests.benchmarks._live_visitors import wait_for_spares
from tests.benchmarks._place import running_installation
from tests.benchmarks._stock_voila import StockVoila
from tests.benchmarks.portal import ANALYST, NOTEBOOK, PAGE
from tests.chromium import running_browser
from tests.installation import Installation
from tests.integration.login import StaffSession as Analyst
from urbanlab_operate.staff_session import StaffSession

ROUNDS = 3
SECONDS = 300
VARIANT = re.compile(r'name="variant" value="([^"]*)"')
LIVE_LINK = re.compile("Interaktive Ansicht starten")
DRAWN = ".ul-page[data-drawn]"
OTHER_CHOICE = "?tage=90"
CELLS = "#rendered_cells"  # what Voilà shows when all is drawn, here and there
STEP = 500  # pixels
STOCK = "stock Voilà, same notebook"


@dataclass(frozen=True)
class Desk:
    """The two people at the publisher's pages."""

    publisher: StaffSession
    gatekeeper: StaffSession


def measure(place: Installation) -> Iterator[Figure]:
    """Yield the figures."""
    desk = Desk(*(sign_in(place, role) for role in ("publisher", "gatekeeper")))
    yield from measure_submissions(place, desk)
    with running_browser() as browser:
        if browser is None:
            print("There is no Chromium, so that visits are left out: install chromium.", file=sys.stderr)
            return
        with (
            Analyst(place, ANALYST) as analyst,
            StockVoila(place.settings.curated / NOTEBOOK, analyst) as stock,
        ):
            yield from measure_visits(browser, place, stock)


# --- submitting ---


def measure_submissions(place: Installation, desk: Desk) -> Iterator[Figure]:
    """Yield the seconds until a preview is there."""
    curated = place.settings.curated / NOTEBOOK
    footfall = {
        "notebook": (curated.name, curated.read_bytes()),
        "app_yaml": ("app.yaml", curated.with_name("app.yaml").read_bytes()),
    }
    cell = {
        "notebook": ("cell.ipynb", json.dumps(make_cell()).encode()),
        "app_yaml": ("app.yaml", b"title: One cell\nslug: bench-one-cell\nlanguage: en\n"),
    }
    submit(desk, cell)  # the first one also waits for the tenant's runner, if it does not run
    yield Figure("submit → preview, a notebook of one cell", show_seconds(submit_again(desk, cell)))
    title = "submit → preview, the footfall notebook in its 2 variants"
    yield Figure(title, show_seconds(submit_again(desk, footfall)))


def submit_again(desk: Desk, files: dict[str, tuple[str, bytes]]) -> list[float]:
    """Return the seconds of each round."""
    return [submit(desk, files) for _ in range(ROUNDS)]


def submit(desk: Desk, files: dict[str, tuple[str, bytes]]) -> float:
    """Hand a notebook in, look at its preview, refuse it; return the seconds until the preview was there."""
    began = time.perf_counter()
    address = desk.publisher.post("/publish", {}, files)
    state = wait_for_state(desk.gatekeeper, address)
    assert state == "submitted", f"the notebook is {state}"
    page = desk.gatekeeper.get(address)
    desk.gatekeeper.post(f"{address}/preview", {"variant": VARIANT.findall(page)[0]})
    seconds = time.perf_counter() - began
    desk.gatekeeper.post(f"{address}/refuse", {"reason": "It was only measured."})
    return seconds


def make_cell() -> dict[str, object]:
    """Return a notebook that adds two numbers."""
    kernel = {"name": "urbanlab", "display_name": "Urban Lab (Python)"}
    return dict(new_notebook(cells=[new_code_cell("1 + 1")], metadata={"kernelspec": kernel}))


# --- visiting ---


def measure_visits(browser: Browser, place: Installation, stock: StockVoila) -> Iterator[Figure]:
    """Yield bytes and seconds of visits."""
    url = place.settings.portal_url + PAGE
    page, requests = visit(browser, url)
    opened = show_bytes(requests)
    read_to_the_end(page)
    whole = show_bytes(requests)
    without_map = show_bytes([request for request in requests if not is_of_map(request)])
    page.context.close()
    page, stock_requests = visit(browser, stock.url)
    stock_bytes = show_bytes(stock_requests)
    page.context.close()
    yield Figure("bytes of a first visit, as it opens", opened)
    yield Figure("– read to the end, without the map", without_map)
    yield Figure("– read to the end, with the map", whole, stock_bytes, f"{STOCK}, what comes from itself")
    yield from measure_live(browser, place, stock)


def measure_live(browser: Browser, place: Installation, stock: StockVoila) -> Iterator[Figure]:
    """Yield the seconds of interactive views, of sessions that begin with the click and of those made ahead."""
    url = place.settings.portal_url + PAGE
    # A page has one session made ahead: while that is for the other choice, every view of this one is cold.
    open_live(browser, url + OTHER_CHOICE)
    wait_for_spares(place, 1)
    cold = show_seconds(open_live(browser, url) for _ in range(ROUNDS))
    pooled = []
    for _ in range(ROUNDS):
        wait_for_spares(place, 1)
        pooled.append(open_live(browser, url + OTHER_CHOICE))
    peer = show_seconds(open_stock(browser, stock.url) for _ in range(ROUNDS))
    against = f"{STOCK}, address → shown"
    yield Figure("interactive view, cold: click → shown", cold, peer, against)
    yield Figure("live view pooled, click → shown", show_seconds(pooled), peer, f"{against} (it has no pool)")


def visit(browser: Browser, url: str) -> tuple[Page, list[Request]]:
    """Open a page as somebody who was never there; return it and the requests that were answered."""
    page = browser.new_context(**PHONE).new_page()
    requests: list[Request] = []
    page.on("requestfinished", lambda request: requests.append(request))
    page.goto(url, wait_until="networkidle", timeout=SECONDS * 1000)
    return page, requests


def read_to_the_end(page: Page) -> None:
    """Go down a page as a reader does, and wait until its widgets are drawn."""
    height = page.evaluate("document.documentElement.scrollHeight")
    for place in range(0, height, STEP):
        page.evaluate(f"scrollTo(0, {place})")
        page.wait_for_timeout(200)
    page.wait_for_selector(DRAWN, state="attached")
    page.wait_for_load_state("networkidle")


def is_of_map(request: Request) -> bool:
    """Tell whether a request belongs to a frame of the page, as maps do."""
    return request.frame.parent_frame is not None


def open_live(browser: Browser, url: str) -> float:
    """Return the seconds from the click until the session's page is shown."""
    page, _ = visit(browser, url)
    began = time.perf_counter()
    page.get_by_role("link", name=LIVE_LINK).click()
    page.frame_locator("#live").locator(CELLS).wait_for(timeout=SECONDS * 1000)
    seconds = time.perf_counter() - began
    page.context.close()
    return seconds


def open_stock(browser: Browser, url: str) -> float:
    """Return the seconds until stock Voilà's page is shown."""
    page = browser.new_context(**PHONE).new_page()
    began = time.perf_counter()
    page.goto(url, wait_until="commit", timeout=SECONDS * 1000)
    page.locator(CELLS).wait_for(timeout=SECONDS * 1000)
    seconds = time.perf_counter() - began
    page.context.close()
    return seconds


def show_bytes(requests: list[Request]) -> str:
    """Return what the answers took."""
    return f"{count_bytes(requests) / 1000:,.0f} kB"


if __name__ == "__main__":
    with running_installation() as installation:
        print_figures(measure(installation))
