"""Sign-in until a kernel answers, against a stock hub: `python -m tests.benchmarks.server_start`.

The same client does the same at both, alternately: submit the form, ask for the server, wait for it, load
JupyterLab's page, start the default kernel, run a cell. At ours the form is Keycloak's and the server runs in an
account of its own; the stock hub asks nobody and starts the server in its own account. Then ten come at once.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from threading import Barrier
from urllib.parse import quote

import requests

from tests.benchmarks._figures import Figure, print_figures, show_seconds
from tests.benchmarks._place import running_installation
from tests.benchmarks._stock_hub import StockHub
from tests.installation import Installation
from tests.integration.login import StaffSession, fill_in_form, make_browser_session
from tests.integration.people import People

ROUNDS = 7
CROWD = 10
USER, TENANT = "analyst-guetersloh", "guetersloh"
AGAINST = "stock JupyterHub, local spawner"
STEPS = ("signing in", "the server, with JupyterLab's page", "the kernel's first answer")

Submit = Callable[[], requests.Response]


class Visit(StaffSession):
    """Somebody at a hub before the form is sent."""

    def __init__(self, hub_url: str, hub_user: str) -> None:
        self.hub_url, self.hub_user = hub_url, hub_user
        self.session = make_browser_session()
        self.prefix = f"{hub_url}user/{quote(hub_user, safe='@~')}/"
        self.kernel = None

    def open_form(self) -> requests.Response:
        """Return the page with the form, to which the hub or Keycloak leads."""
        return self.session.get(f"{self.hub_url}hub/login?next=%2Fhub%2Fhome", timeout=30)


def measure(place: Installation) -> Iterator[Figure]:
    """Yield the whole and its steps."""
    with StockHub(place.settings) as stock:
        rounds = [(visit_ours(place), visit_stock(stock)) for _ in range(ROUNDS)]
        crowds = crowd_ours(place), crowd_stock(stock)
    ours, peer = zip(*rounds, strict=True)
    whole = "sign-in → first cell answered"
    yield Figure(whole, show_seconds(map(sum, ours)), show_seconds(map(sum, peer)), AGAINST)
    for step, our_times, peer_times in zip(
        STEPS, zip(*ours, strict=True), zip(*peer, strict=True), strict=True
    ):
        yield Figure(f"– {step}", show_seconds(our_times), show_seconds(peer_times), AGAINST)
    crowd = f"{CROWD} people at once: sign-in → JupyterLab's page"
    yield Figure(f"{crowd}, the middle one", *map(show_seconds, crowds), AGAINST)
    yield Figure(f"{crowd}, the last one", *(show_seconds([max(times)]) for times in crowds), AGAINST)


def visit_ours(place: Installation) -> list[float]:
    """Return the seconds of each step at ours."""
    with closing(Visit(place.settings.hub_url, f"{USER}@{TENANT}")) as visit:
        return time_steps(visit, open_ours(visit, USER, place.password(USER)))


def visit_stock(stock: StockHub) -> list[float]:
    """Return the seconds of each step at the stock hub."""
    with closing(Visit(stock.url, "somebody")) as visit:
        return time_steps(visit, open_stock(visit))


def crowd_ours(place: Installation) -> list[float]:
    """Return for each of the crowd the seconds at ours until JupyterLab's page is there."""
    people = People(place)
    names = [f"crowd{number}" for number in range(CROWD)]
    passwords = [people.make(name, (f"/tenants/{TENANT}/analyst",)) for name in names]
    try:
        visits = [Visit(place.settings.hub_url, f"{name}@{TENANT}") for name in names]
        forms = [open_ours(*each) for each in zip(visits, names, passwords, strict=True)]
        return time_crowd(visits, forms)
    finally:
        people.remove()


def crowd_stock(stock: StockHub) -> list[float]:
    """Return the same at the stock hub."""
    visits = [Visit(stock.url, f"crowd{number}") for number in range(CROWD)]
    return time_crowd(visits, [open_stock(visit) for visit in visits])


def time_crowd(visits: list[Visit], forms: list[Submit]) -> list[float]:
    """Let all send their forms in the same moment; return the seconds of each."""
    together = Barrier(len(visits))

    def come(visit: Visit, submit: Submit) -> float:
        with closing(visit):
            together.wait()
            began = time.perf_counter()
            sign_in(submit)
            visit.start_server()
            return time.perf_counter() - began

    with ThreadPoolExecutor(len(visits)) as pool:
        return list(pool.map(come, visits, forms))


def open_ours(visit: Visit, username: str, password: str) -> Submit:
    """Open Keycloak's form; return what sends it."""
    page = visit.open_form()
    return lambda: fill_in_form(visit.session, page, username, password)


def open_stock(visit: Visit) -> Submit:
    """Open the stock hub's form; return what sends it."""
    page = visit.open_form()
    found = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
    assert found, "the stock hub shows no form"
    fields = {"username": visit.hub_user, "password": "", "_xsrf": found[1]}
    return lambda: visit.session.post(page.url, fields, timeout=30)


def sign_in(submit: Submit) -> None:
    """Send the form, which must lead to the hub's home page."""
    page = submit()
    assert page.ok, f"{page.status_code} at {page.url}"
    assert page.url.endswith("/hub/home"), page.url


def time_steps(visit: Visit, submit: Submit) -> list[float]:
    """Return the seconds of each of `STEPS`, on one clock."""
    instants = [time.perf_counter()]
    sign_in(submit)
    instants.append(time.perf_counter())
    visit.start_server()
    instants.append(time.perf_counter())
    visit.kernel = visit.open_kernel(visit.ask_server("GET", "api/kernelspecs").json()["default"])
    assert visit.run("6 * 7").text == "42"
    instants.append(time.perf_counter())
    return [later - earlier for earlier, later in pairwise(instants)]


if __name__ == "__main__":
    with running_installation() as installation:
        print_figures(measure(installation))
