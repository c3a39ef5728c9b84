"""Memory of twenty live visitors beside stock Voilà's with as many: `python -m tests.benchmarks.live_memory`.

The notebook reads the open footfall, draws a chart and has a slider. An installation gives ten seats, so that the
runners are asked themselves, as the publisher asks them: five sessions in each of four towns, as many as it would
let a town have.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests
from nbformat.v4 import new_code_cell, new_notebook

from tests.benchmarks._figures import Figure, print_figures
from tests.benchmarks._live_visitors import LiveVisitor
from tests.benchmarks._load import fetch
from tests.benchmarks._memory import measure_memory
from tests.benchmarks._place import running_installation
from tests.benchmarks._stock_voila import StockVoila
from tests.benchmarks.portal import ANALYST, TENANT
from tests.installation import Installation
from tests.integration.login import StaffSession
from tests.integration.people import own_tenant
from tests.integration.publishing import PublicationsRunner
from urbanlab_operate.local import supervisor

VISITORS, OF_TOWN = 20, 5
TOWNS = (TENANT, "detmold", "rietberg", "benchtown")  # the last one is made here
SLUG = "slider"
SECONDS, SETTLE_SECONDS = 300, 3
USER_VARIABLE = "JUPYTERHUB_USER"
STOCK = "stock Voilà, same notebook"
CODE = f"""
import ipywidgets as widgets
import matplotlib.pyplot as plt
import pandas as pd
import urbanlab as ul
rows = ul.query("SELECT sensor, observed_at, persons FROM open_data.{TENANT}__footfall")
days = rows.set_index("observed_at").groupby("sensor")["persons"].resample("D").sum().unstack("sensor")
days.plot(figsize=(9, 4))
plt.show()
label = widgets.Label()
def tell(number):
    label.value = f"{{days.tail(number).sum().sum():,.0f}}"
slider = widgets.IntSlider(90, 7, 365, description="Tage")
slider.observe(lambda change: tell(change.new), "value")
tell(slider.value)
display(slider, label)
"""


@dataclass(frozen=True)
class Memory:
    """Bytes of the servers before anybody came, and of everything with all visitors there."""

    idle: int
    whole: int

    @property
    def each(self) -> int:
        """What a visitor takes beyond that."""
        return (self.whole - self.idle) // VISITORS


def measure(place: Installation) -> Iterator[Figure]:
    """Yield the figures."""
    notebook = dict(
        new_notebook(
            cells=[new_code_cell(CODE)],
            metadata={"kernelspec": {"name": "urbanlab", "display_name": "Urban Lab (Python)"}},
        )
    )
    with own_tenant(place, TOWNS[-1]):
        ours = measure_runners(place, notebook)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, StaffSession(place, ANALYST) as staff:
        path = Path(folder) / "slider.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")
        with StockVoila(path, staff) as stock:
            theirs = measure_stock(stock)
    rows = {
        f"memory of {VISITORS} live visitors, servers included (PSS)": (ours.whole, theirs.whole),
        "– the servers alone": (ours.idle, theirs.idle),
        "– each visitor beyond that": (ours.each, theirs.each),
    }
    for title, (our, their) in rows.items():
        yield Figure(title, f"{our / 2**20:.0f} MB", f"{their / 2**20:.0f} MB", STOCK)


# --- ours ---


def measure_runners(place: Installation, notebook: dict[str, Any]) -> Memory:
    """Return the memory of the towns' runners, of which each gets its visitors one after the other."""
    runners = [PublicationsRunner(place, town) for town in TOWNS]
    for runner in runners:
        runner.start()
    servers = list_servers(place)
    before = {process.pid for process in list_families(servers)}  # sessions that were made ahead, say
    idle = measure_memory(servers)
    with ThreadPoolExecutor(len(runners)) as pool:
        came = list(pool.map(lambda runner: fill(runner, notebook), runners))
    time.sleep(SETTLE_SECONDS)
    new = [process for process in list_families(servers) if process.pid not in before]
    whole = measure_memory([*servers, *new])
    visitors = [visitor for town in came for visitor in town]
    stayed = sum(visitor.is_there() for visitor in visitors)
    assert stayed == VISITORS, f"{stayed} of {VISITORS} visitors stayed"
    for visitor in visitors:
        visitor.leave()
    return Memory(idle, whole)


def fill(runner: PublicationsRunner, notebook: dict[str, Any]) -> list[LiveVisitor]:
    """Bring a town's visitors to their views."""
    return [visit(runner, notebook) for _ in range(OF_TOWN)]


def visit(runner: PublicationsRunner, notebook: dict[str, Any]) -> LiveVisitor:
    """Have a session prepared as the publisher does, and open its page as the portal does."""
    base = runner.url.removesuffix("pages")
    page = f"{runner.user.rpartition('@')[2]}/{SLUG}"
    task = {"page": page, "notebook": notebook, "parameters": {}, "title": "Slider", "language": "de"}
    begun = requests.post(f"{base}live", json={**task, "spare": False}, headers=runner.headers, timeout=60)
    begun.raise_for_status()
    address = f"{base}live/{begun.json()['id']}"
    deadline = time.perf_counter() + SECONDS
    while (model := requests.get(address, headers=runner.headers, timeout=60).json())["state"] != "ready":
        assert model["state"] == "preparing" and time.perf_counter() < deadline, model
        time.sleep(0.1)
    opened = requests.get(f"{base}live/open/{model['ticket']}", {"page": page}, timeout=60)
    opened.raise_for_status()
    return LiveVisitor(opened.text, lambda key: f"{base}live/session/{key}/")


def list_servers(place: Installation) -> list[psutil.Process]:
    """Return the runners' servers."""
    hub = next(info.pid for info in supervisor.list_programs(place.settings) if info.name == "hub")
    users = {f"publications@{town}" for town in TOWNS}
    servers = [
        server for server in psutil.Process(hub).children() if server.environ().get(USER_VARIABLE) in users
    ]
    assert len(servers) == len(TOWNS), servers
    return servers


def list_families(servers: list[psutil.Process]) -> list[psutil.Process]:
    """Return all that servers have started."""
    return [process for server in servers for process in server.children(recursive=True)]


# --- stock Voilà's ---


def measure_stock(stock: StockVoila) -> Memory:
    """Return the memory of Voilà, which is given its visitors as ours are; their kernels stay."""
    server = psutil.Process(stock.process.pid)
    for kernel in server.children():  # those of the visits that waited for its start
        kernel.terminate()
    psutil.wait_procs(server.children(), timeout=10)
    idle = measure_memory([server])
    with ThreadPoolExecutor(len(TOWNS)) as pool:
        list(pool.map(lambda _: fetch(stock.url), range(VISITORS)))
    time.sleep(SETTLE_SECONDS)
    kernels = server.children(recursive=True)
    assert len(kernels) >= VISITORS, f"{len(kernels)} kernels for {VISITORS} visitors"
    return Memory(idle, measure_memory([server, *kernels]))


if __name__ == "__main__":
    with running_installation() as installation:
        print_figures(measure(installation))
