"""Prints all figures as one Markdown table with date and machine: `make bench`; `--with-tests` adds `make test`."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version

import psutil

from tests.benchmarks import (
    apply,
    fair_shares,
    first_requests,
    import_time,
    installation,
    lighthouse,
    live_memory,
    live_views,
    portal,
    publishing,
    query,
    revocation,
    server_start,
    sql_cell,
    warehouse,
)
from tests.benchmarks._figures import Figure, print_figures
from tests.benchmarks._place import running_installation

LIBRARIES = ("jupyterhub", "jupyterlab", "ipykernel", "pandas", "clickhouse-connect", "chdb", "voila")
TOOLS = {"Java": ("java", "--version"), "Node": ("node", "--version")}


def describe_machine() -> str:
    """Return date, cores, memory, system and versions in a sentence."""
    memory = psutil.virtual_memory().total / 2**30
    machine = f"{os.cpu_count()} cores, {memory:.0f} GB of memory, {platform.system()} {platform.release()}"
    tools = [f"{name} {read_version(*command)}" for name, command in TOOLS.items()]
    libraries = [f"{name} {version(name)}" for name in LIBRARIES]
    versions = ", ".join([f"Python {platform.python_version()}", *tools, *libraries])
    return f"Measured on {date.today().isoformat()}: {machine}; {versions}."


def read_version(*command: str) -> str:
    """Return the version that a tool tells in its first line."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    words = done.stdout.split("\n")[0].split()
    return next(word for word in words if any(letter.isdigit() for letter in word))


def measure() -> Iterator[Figure]:
    """Yield all figures, program by program."""
    yield from import_time.measure()
    with running_installation() as place:
        yield from server_start.measure(place)
        yield from query.measure(place)
        yield from sql_cell.measure(place)
        yield from fair_shares.measure(place)
        yield from revocation.measure(place)
        yield from portal.measure(place)
        yield from publishing.measure(place)
        yield from first_requests.measure(place)
        yield from live_views.measure(place)
        yield from live_memory.measure(place)
        yield from lighthouse.measure(place)
    yield from warehouse.measure()
    yield from apply.measure()
    yield from installation.measure()
    if "--with-tests" in sys.argv[1:]:
        yield from installation.measure_tests()


if __name__ == "__main__":
    print(describe_machine(), end="\n\n", flush=True)
    print_figures(measure())
