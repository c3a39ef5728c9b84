"""A choice that nobody has made before: `python -m tests.benchmarks.first_requests`.

The page is the footfall notebook with a range of days, of which one is made ahead. Who asks for another gets a page
that goes on by itself, and these visitors do as it says.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import requests

from tests.benchmarks._figures import Figure, print_figures, show_seconds
from tests.benchmarks._load import HEADERS, fetch
from tests.benchmarks._metrics import read_metric
from tests.benchmarks._place import running_installation
from tests.benchmarks._second_page import publish_second_page
from tests.benchmarks._stock_voila import StockVoila
from tests.benchmarks.portal import ANALYST, NOTEBOOK
from tests.installation import Installation
from tests.integration.login import StaffSession

ROUNDS = 5
TOGETHER = 100
FIRST_DAYS = 100  # of the first round; each asks for others
SECONDS = 300
STOCK = "stock Voilà, same notebook"
MADE, FAILED = (f'urbanlab_publisher_variants_total{{outcome="{outcome}"}}' for outcome in ("made", "failed"))


def measure(place: Installation) -> Iterator[Figure]:
    """Yield the figures."""
    url = place.settings.portal_url + publish_second_page(place).path
    alone = [visit(f"{url}?tage={FIRST_DAYS + number}") for number in range(ROUNDS)]
    before = count_executions(place)
    crowd = visit_together(f"{url}?tage={FIRST_DAYS + ROUNDS}")
    executions = count_executions(place) - before
    theirs = measure_stock(place)
    yield Figure("a variant's first request → its page", show_seconds(alone), show_seconds(theirs), STOCK)
    title = f"{TOGETHER} at once ask for a variant for the first time: executions"
    yield Figure(title, f"{executions:.0f}", f"{TOGETHER}", f"{STOCK}: one for each, not tried")
    yield Figure("– until the middle one has its page", f"{median(crowd):.2f} s")
    yield Figure("– until the last one has", f"{max(crowd):.2f} s")


def visit(url: str) -> float:
    """Return the seconds until a page is there for somebody who waits as the waiting page says."""
    began = time.perf_counter()
    while (answer := requests.get(url, headers=HEADERS, timeout=SECONDS)).status_code == 202:
        assert time.perf_counter() < began + SECONDS, "the variant is still being made"
        time.sleep(float(answer.headers["Retry-After"]))
    answer.raise_for_status()
    return time.perf_counter() - began


def visit_together(url: str) -> list[float]:
    """Return the seconds of each of many who come at the same moment."""
    barrier = threading.Barrier(TOGETHER)

    def come(_: int) -> float:
        barrier.wait()
        return visit(url)

    with ThreadPoolExecutor(TOGETHER) as pool:
        return list(pool.map(come, range(TOGETHER)))


def count_executions(place: Installation) -> float:
    """Return how often the publisher has had a variant made on demand."""
    return sum(read_metric(place.settings.publisher_url, name) for name in (MADE, FAILED))


def measure_stock(place: Installation) -> list[float]:
    """Return the seconds of each round in which Voilà shows the page to one visitor."""
    times = []
    with (
        StaffSession(place, ANALYST) as staff,
        StockVoila(place.settings.curated / NOTEBOOK, staff) as stock,
    ):
        for _ in range(ROUNDS):
            began = time.perf_counter()
            fetch(stock.url)
            times.append(time.perf_counter() - began)
    return times


if __name__ == "__main__":
    with running_installation() as installation:
        print_figures(measure(installation))
