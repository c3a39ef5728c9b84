"""A public page against stock Voilà and against nginx: `python -m tests.benchmarks.portal`.

Voilà executes the same notebook for each visitor, nginx sends the same bytes. The page is the demo's footfall page,
packed, as browsers ask for it. Each load lasts ten seconds. The bounded portal is a process of its own over the
same public folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.benchmarks._figures import Figure, print_figures, show_milliseconds
from tests.benchmarks._limits import bounded_part
from tests.benchmarks._load import Load, fetch, measure_load, name_client, visit_in_turn
from tests.benchmarks._nginx import running_nginx
from tests.benchmarks._place import running_installation
from tests.benchmarks._stock_voila import StockVoila
from tests.installation import Installation
from tests.integration.login import StaffSession
from tests.kafka_broker import get_free_port, wait_until
from urbanlab.contract import environment

TENANT, ANALYST = "guetersloh", "analyst-guetersloh"
NOTEBOOK = "innenstadt/01_passantenfrequenz_und_wetter.ipynb"
PAGE = f"/{TENANT}/passantenfrequenz-und-wetter/"
VISITORS = {1: "one visitor after another", 4: "4 visitors at once"}
MANY = 32
CPUS, MEMORY = 0.4, 200 * 2**20
BOUNDED = f"{CPUS} CPU and {MEMORY >> 20} MiB"


def measure(place: Installation) -> Iterator[Figure]:
    """Yield the figures."""
    url = place.settings.portal_url + PAGE
    packed = fetch(url)
    yield Figure(f"the footfall page, packed, as {name_client()} asks for it", f"{len(packed) / 1000:.1f} kB")
    ours = {visitors: measure_load(url, visitors) for visitors in VISITORS}
    yield from compare_voila(place, ours)
    yield from compare_nginx(packed, {**ours, MANY: measure_load(url, MANY)})
    yield from measure_bounded(place)


def compare_voila(place: Installation, ours: dict[int, Load]) -> Iterator[Figure]:
    """Yield the portal beside stock Voilà."""
    with (
        StaffSession(place, ANALYST) as staff,
        StockVoila(place.settings.curated / NOTEBOOK, staff) as stock,
    ):
        theirs = {visitors: visit_in_turn(stock.url, visitors) for visitors in VISITORS}
    for visitors, title in VISITORS.items():
        yield from compare(title, ours[visitors], theirs[visitors], "stock Voilà, same notebook")


def compare_nginx(packed: bytes, ours: dict[int, Load]) -> Iterator[Figure]:
    """Yield the portal beside nginx."""
    with running_nginx(packed) as url:
        if url is None:
            print("nginx is not installed, so that its rows are left out.", file=sys.stderr)
            return
        theirs = {visitors: measure_load(url, visitors) for visitors in ours}
    for visitors, load in ours.items():
        title = VISITORS.get(visitors, f"{visitors} visitors at once")
        yield from compare(title, load, theirs[visitors], "nginx, one worker, same bytes")


def compare(title: str, ours: Load, theirs: Load, against: str) -> Iterator[Figure]:
    """Yield the two figures of a load."""
    yield Figure(f"pages per second, {title}", show_rate(ours), show_rate(theirs), against)
    yield Figure("– p99", show_milliseconds([ours.p99]), show_milliseconds([theirs.p99]), against)


def measure_bounded(place: Installation) -> Iterator[Figure]:
    """Yield what a portal manages in its bounds."""
    with bounded_part(CPUS, MEMORY) as prefix:
        if prefix is None:
            yield Figure(f"pages per second within {BOUNDED}", "not measured: no control groups")
            return
        with tempfile.TemporaryDirectory(dir="/var/tmp") as state:
            portal, url = start_portal(place, Path(state), prefix)
            try:
                loads = {visitors: measure_load(url, visitors) for visitors in (4, MANY)}
                memory = psutil.Process(portal.pid).memory_info().rss
            finally:
                portal.terminate()
                portal.wait(10)
    for visitors, load in loads.items():
        yield Figure(f"pages per second within {BOUNDED}, {visitors} visitors at once", show_rate(load))
        yield Figure("– p99", show_milliseconds([load.p99]))
    yield Figure("– its memory afterwards (RSS)", f"{memory / 2**20:.0f} MB")


def start_portal(place: Installation, state: Path, prefix: list[str]) -> tuple[subprocess.Popen[bytes], str]:
    """Start a portal over the installation's public folder; return it and its page's address."""
    port = get_free_port()
    environ = {
        "PATH": os.environ["PATH"],
        environment.PORT: str(port),
        environment.PUBLIC: str(place.settings.public),
        environment.SERVICE_STATE: str(state),
        environment.ASSETS_PATH: str(place.settings.assets),
        environment.SNAPSHOT_PATH: str(place.settings.snapshot),
    }
    command = [*prefix, sys.executable, "-P", "-m", "urbanlab_portal"]
    portal = subprocess.Popen(command, env=environ, stdout=sys.stderr)
    url = f"http://127.0.0.1:{port}{PAGE}"
    try:
        wait_until(lambda: answers(url), 60, "the bounded portal answers")
    except BaseException:
        portal.kill()
        portal.wait()
        raise
    return portal, url


def answers(url: str) -> bool:
    """Tell whether somebody serves the page."""
    try:
        return bool(fetch(url))
    except ConnectionError:
        return False


def show_rate(load: Load) -> str:
    """Return pages per second."""
    return f"{load.rate:,.0f}" if load.rate >= 10 else f"{load.rate:.2f}"


if __name__ == "__main__":
    with running_installation() as installation:
        print_figures(measure(installation))
