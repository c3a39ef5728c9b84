"""A cold and a warm `make up`, memory, and the end: `python -m tests.benchmarks.installation [--with-tests]`.

Cold is a fresh checkout without environment, parts and state, on a machine where pip, npm and Maven find in their
caches what they once fetched. Warm is a second start of the same.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil

from tests.benchmarks._figures import Figure, print_figures
from tests.benchmarks._fresh_checkout import FreshCheckout, Start
from tests.benchmarks._memory import measure_memory, measure_parts
from tests.integration.login import StaffSession
from urbanlab_hub.settings import CHECKOUT

USER = "analyst-guetersloh"
IDLE_SECONDS = 20
WHOLE = "everything"  # what `urbanlab up` calls the sum


def measure() -> Iterator[Figure]:
    """Yield seconds of the starts and the end, and memory."""
    checkout = FreshCheckout()
    try:
        yield from show_start("cold", checkout.up())
        time.sleep(IDLE_SECONDS)
        yield from show_parts(measure_parts(checkout.place.settings))
        staff = StaffSession(checkout.place, USER)
        yield from show_person(staff)
        yield Figure(
            "Ctrl-C until no process is left, with somebody at work", f"{checkout.interrupt():.1f} s"
        )
        staff.session.close()
        yield from show_start("warm", checkout.up())
        yield Figure("Ctrl-C until no process is left", f"{checkout.interrupt():.1f} s")
    finally:
        checkout.remove()


def show_start(kind: str, start: Start) -> Iterator[Figure]:
    """Yield a start as a whole and its steps; steps run side by side, so they add up to more."""
    yield Figure(f"{kind} `make up`, until all is ready", f"{start.seconds:.1f} s")
    before = start.seconds - start.steps.pop(WHOLE)
    yield Figure("– make, environment and libraries (pip)", f"{before:.1f} s")
    for name, seconds in start.steps.items():
        yield Figure(f"– {name}", f"{seconds:.1f} s")


def show_parts(parts: dict[str, int]) -> Iterator[Figure]:
    """Yield the memory of all parts together, and of each, the largest first."""
    yield Figure("memory of all parts, idle (PSS)", show_memory(sum(parts.values())))
    for name, size in sorted(parts.items(), key=lambda part: -part[1]):
        yield Figure(f"– {name}", show_memory(size))


def show_person(staff: StaffSession) -> Iterator[Figure]:
    """Yield the memory of a person's server and kernel."""
    server, kernel = map(psutil.Process, json.loads(staff.run("import os; [os.getppid(), os.getpid()]").text))
    yield Figure("memory of a person's server (PSS)", show_memory(measure_memory([server])))
    yield Figure("memory of a kernel, after its first cell (PSS)", show_memory(measure_memory([kernel])))
    result = staff.run("import urbanlab as ul; ul.query('SELECT 1 AS one')")
    assert not result.error, result.error
    yield Figure(
        "memory of a kernel, after its first `ul.query` (PSS)", show_memory(measure_memory([kernel]))
    )


def show_memory(size: int) -> str:
    """Return bytes as megabytes."""
    return f"{size / 2**20:.0f} MB"


def measure_tests() -> Iterator[Figure]:
    """Yield the length of `make test` here."""
    began = time.monotonic()
    done = subprocess.run(["make", "test"], cwd=CHECKOUT, stdout=sys.stderr, check=False)
    seconds, outcome = time.monotonic() - began, "green" if done.returncode == 0 else "not green"
    yield Figure(f"`make test`, warm, {outcome}", f"{seconds / 60:.1f} min")


if __name__ == "__main__":
    print_figures(measure())
    if "--with-tests" in sys.argv[1:]:
        print_figures(measure_tests())
