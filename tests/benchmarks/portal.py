"""A public page against stock Voilà and against nginx: `python -m tests.benchmarks.portal`.

Voilà executes the same notebook for each visitor, nginx sends the same bytes. The page is the demo's footfall page,
packed, as browsers ask for it. Each load lasts ten seconds. The bounded portal is a process of its own with 500
such pages, of which each reader asks for any.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks._figures import Figure, print_figures, show_milliseconds
from tests.benchmarks._limits import bounded_part
from tests.benchmarks._load import Load, fetch, measure_load, name_client, visit_in_turn
from tests.benchmarks._nginx import running_nginx
from tests.benchmarks._place import running_installation
from tests.benchmarks._shelf import write_shelf
from tests.benchmarks._stock_voila import StockVoila
from tests.installation import Installation
from tests.integration.login import StaffSession
from tests.kafka_broker import get_free_port, wait_until
from urbanlab.contract import environment

TENANT, ANALYST = "guetersloh", "analyst-guetersloh"
NOTEBOOK = "innenstadt/01_passantenfrequenz_und_wetter.ipynb"
SLUG = "passantenfrequenz-und-wetter"
PAGE = f"/{TENANT}/{SLUG}/"
VISITORS = {1: "one visitor after another", 4: "4 visitors at once"}
MANY, PAGES = 32, 500
CPUS, MEMORY = 0.4, 200 * 2**20
BOUNDED = f"{CPUS} CPU and {MEMORY >> 20} MiB"


def measure(place: Installation) -> Iterator[Figure]:
    """Yield the figures."""
    url = place.settings.portal_url + PAGE
    packed = fetch(url)
    yield Figure(f"the footfall page, packed, as {name_client()} asks for it", f"{len(packed) / 1000:.1f} kB")
    ours = {visitors: measure_load(visitors, url) for visitors in VISITORS}
    yield from compare_voila(place, ours)
    yield from compare_nginx(packed, {**ours, MANY: measure_load(MANY, url)})
    yield from measure_bounded(place)


def compare_voila(place: Installation, ours: dict[int, Load]) -> Iterator[Figure]:
    """Yield the portal beside stock Voilà."""
    with (
        StaffSession(place, ANALYST) as staff,
        StockVoila(place.settings.curated / NOTEBOOK, staff) as stock,
    ):
        theirs = {visitors: visit_in_turn(visitors, stock.url) for visitors in VISITORS}
    for visitors, title in VISITORS.items():
        yield from compare(title, ours[visitors], theirs[visitors], "stock Voilà, same notebook")


def compare_nginx(packed: bytes, ours: dict[int, Load]) -> Iterator[Figure]:
    """Yield the portal beside nginx."""
    with running_nginx(packed) as url:
        if url is None:
            print("nginx is not installed, so that its rows are left out.", file=sys.stderr)
            return
        theirs = {visitors: measure_load(visitors, url) for visitors in ours}
    for visitors, load in ours.items():
        title = VISITORS.get(visitors, f"{visitors} visitors at once")
        yield from compare(title, load, theirs[visitors], "nginx, one worker, same bytes")


def compare(title: str, ours: Load, theirs: Load, against: str) -> Iterator[Figure]:
    """Yield the two figures of a load."""
    yield Figure(f"pages per second, {title}", show_rate(ours), show_rate(theirs), against)
    yield Figure("– p99", show_milliseconds([ours.p99]), show_milliseconds([theirs.p99]), against)


def measure_bounded(place: Installation) -> Iterator[Figure]:
    """Yield what a portal with many pages manages in its bounds."""
    with bounded_part(CPUS, MEMORY) as prefix:
        if prefix is None:
            yield Figure(f"pages per second within {BOUNDED}", "not measured: no control groups")
            return
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            public = Path(folder) / "public"
            paths = write_shelf(public, place.settings.public, TENANT, SLUG, PAGES)
            portal, url = start_portal(place, public, Path(folder) / "state", prefix)
            try:
                urls = [url + path for path in paths]
                visit_all(urls)
                loads = {visitors: measure_load(visitors, *urls) for visitors in (*VISITORS, MANY)}
                memory = read_peak(portal.pid)
            finally:
                portal.terminate()
                portal.wait(10)
    for visitors, load in loads.items():
        title = VISITORS.get(visitors, f"{visitors} visitors at once")
        yield Figure(f"pages per second, any of {PAGES}, within {BOUNDED}, {title}", show_rate(load))
        yield Figure("– p99", show_milliseconds([load.p99]))
    yield Figure("– its memory at most (RSS)", f"{memory / 2**20:.0f} MB")


def start_portal(
    place: Installation, public: Path, state: Path, prefix: list[str]
) -> tuple[subprocess.Popen[bytes], str]:
    """Start a portal over a public folder; return it and its address."""
    port = get_free_port()
    environ = {
        "PATH": os.environ["PATH"],
        environment.PORT: str(port),
        environment.PUBLIC: str(public),
        environment.SERVICE_STATE: str(state),
        environment.ASSETS_PATH: str(place.settings.assets),
        environment.SNAPSHOT_PATH: str(place.settings.snapshot),
    }
    command = [*prefix, sys.executable, "-P", "-m", "urbanlab_portal"]
    portal = subprocess.Popen(command, env=environ, stdout=sys.stderr)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{url}/livez"), 60, "the bounded portal answers")
    except BaseException:
        portal.kill()
        portal.wait()
        raise
    return portal, url


def visit_all(urls: list[str]) -> None:
    """Ask for each page once: how long a page takes that nobody has read before is another figure."""
    for url in urls:
        fetch(url)


def read_peak(pid: int) -> int:
    """Return the most bytes of memory that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def answers(url: str) -> bool:
    """Tell whether somebody answers there."""
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
