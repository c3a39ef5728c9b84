"""All interactive views at once, and what readers notice of them: `python -m tests.benchmarks.live_views`.

Ten visitors come for the views of four pages, as many as an installation gives seats to; four find a session that
was made ahead. While they stay, and one of the pages is renewed again and again, readers ask for the public pages
at a fixed rate.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle, islice

from tests.benchmarks._figures import Figure, print_figures, show_milliseconds, show_seconds
from tests.benchmarks._live_visitors import LiveVisitor, come_in_turn, visit_live, wait_for_spares
from tests.benchmarks._load import fetch
from tests.benchmarks._metrics import read_metric
from tests.benchmarks._open_loop import OpenLoad, measure_rate
from tests.benchmarks._place import running_installation
from tests.benchmarks._second_page import SecondPage, publish_second_page
from tests.benchmarks._stock_voila import StockVoila
from tests.benchmarks.portal import ANALYST, NOTEBOOK, PAGE, SLUG, TENANT
from tests.installation import Installation
from tests.integration.login import StaffSession
from urbanlab.contract.publications import decode_publication, publication_path

POOL, ARRIVALS, PAUSE = 4, 10, 1.0
RATE, SECONDS = 500, 20
AHEAD = 'urbanlab_publisher_live_sessions_total{made="ahead"}'
STOCK = "stock Voilà, same notebook (it has no pool)"


def measure(place: Installation) -> Iterator[Figure]:
    """Yield the figures."""
    second = publish_second_page(place)
    others = [PAGE.replace(TENANT, tenant) for tenant in list_other_towns(place)]
    pages = [PAGE, *others, second.path]
    alone = measure_readers(place, pages)
    before = make_ahead(place, pages)
    came = come_in_turn(list_visits(place, pages), PAUSE)
    visitors: list[LiveVisitor] = [visitor for _, visitor in came]
    ahead = read_metric(place.settings.publisher_url, AHEAD) - before
    with renewing(place, second) as count_renewals:
        readers = measure_readers(place, pages)
        renewals = count_renewals()
    stayed = sum(visitor.is_there() for visitor in visitors)
    for visitor in visitors:
        visitor.leave()
    yield from show_arrivals([seconds for seconds, _ in came], measure_stock(place), ahead)
    yield from show_readers("nothing else going on", alone)
    state = f"{stayed} live seats taken and a page being renewed ({renewals} times)"
    yield from show_readers(state, readers)


def list_other_towns(place: Installation) -> list[str]:
    """Return the other towns that show the footfall page."""
    shown = (place.settings.public / "publications").glob(f"*/{SLUG}.json")
    return sorted(path.parent.name for path in shown if path.parent.name != TENANT)


# --- ten visitors ---


def make_ahead(place: Installation, pages: list[str]) -> float:
    """Have a session of each page made ahead, by somebody who looks and leaves; return how many were ever used."""
    for page in pages:
        visit_live(place.settings.portal_url, page).leave()
    wait_for_spares(place, POOL)
    return read_metric(place.settings.publisher_url, AHEAD)


def list_visits(place: Installation, pages: list[str]) -> list[Callable[[], LiveVisitor]]:
    """Return who comes: for one page after the other, as the seats of pages and towns allow."""
    return [partial(visit_live, place.settings.portal_url, page) for page in islice(cycle(pages), ARRIVALS)]


def measure_stock(place: Installation) -> list[float]:
    """Return the seconds until Voilà shows its page to each of as many who come as fast."""
    with (
        StaffSession(place, ANALYST) as staff,
        StockVoila(place.settings.curated / NOTEBOOK, staff) as stock,
    ):
        return [seconds for seconds, _ in come_in_turn([partial(fetch, stock.url)] * ARRIVALS, PAUSE)]


def show_arrivals(ours: list[float], theirs: list[float], ahead: float) -> Iterator[Figure]:
    """Yield when the quickest, the middle and the slowest visitor had the view."""
    title = f"{ARRIVALS} visitors within {ARRIVALS * PAUSE:.0f} s, {POOL} sessions made ahead: the quickest"
    yield Figure(title, show_seconds([min(ours)]), show_seconds([min(theirs)]), STOCK)
    yield Figure("– the middle one", show_seconds(ours), show_seconds(theirs), STOCK)
    yield Figure("– the slowest", show_seconds([max(ours)]), show_seconds([max(theirs)]), STOCK)
    yield Figure("– how many got a session that was made ahead", f"{ahead:.0f}")


# --- readers meanwhile ---


def measure_readers(place: Installation, pages: list[str]) -> OpenLoad:
    """Return what readers get who come at a fixed rate."""
    return measure_rate(RATE, SECONDS, *(place.settings.portal_url + page for page in pages))


@contextmanager
def renewing(place: Installation, page: SecondPage) -> Iterator[Callable[[], int]]:
    """Renew a page again and again, without a pause; give what says how often that was begun."""
    path = publication_path(place.settings.public, TENANT, page.path.split("/")[2])
    stopped, begun = threading.Event(), 0

    def read_time() -> str:
        return decode_publication(path.read_bytes()).updated_at

    def renew() -> None:
        nonlocal begun
        while not stopped.is_set():
            before = read_time()
            page.renew()
            begun += 1
            while read_time() == before and not stopped.wait(0.05):
                pass

    worker = threading.Thread(target=renew)
    worker.start()
    try:
        yield lambda: begun
    finally:
        stopped.set()
        worker.join()


def show_readers(state: str, load: OpenLoad) -> Iterator[Figure]:
    """Yield waits, and how late the requests themselves were."""
    yield Figure(f"{RATE} pages per second asked for, {state}: p99", show_milliseconds([load.p99]))
    yield Figure("– the longest wait", show_milliseconds([load.worst]))
    yield Figure("– within which 99 of 100 requests were sent", show_milliseconds([load.late]))


if __name__ == "__main__":
    with running_installation() as installation:
        print_figures(measure(installation))
