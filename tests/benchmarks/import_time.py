"""How long `import urbanlab` takes, against `import pandas`: `python -m tests.benchmarks.import_time`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from tests.benchmarks._figures import Figure, print_figures, show_milliseconds

ROUNDS = 9
MODULES = ("urbanlab", "pandas")


def measure() -> Iterator[Figure]:
    """Yield the figure."""
    for module in MODULES:
        time_import(module)  # the first time reads from the disk and may compile
    rounds = [[time_import(module) for module in MODULES] for _ in range(ROUNDS)]
    ours, peer = (show_milliseconds(times) for times in zip(*rounds, strict=True))
    yield Figure("`import urbanlab`, in a fresh process", ours, peer, "`import pandas`")


def time_import(module: str) -> float:
    """Return the seconds that an import takes in a process that has imported nothing else."""
    code = f"import time; began = time.perf_counter(); import {module}; print(time.perf_counter() - began)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    print_figures(measure())
