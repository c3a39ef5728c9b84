"""Lighthouse, as a phone, on the footfall page with its map: `python -m tests.benchmarks.lighthouse`.

Lighthouse is fetched by npm into a folder of its own; no other part of the product needs it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks._figures import Figure, print_figures
from tests.benchmarks._place import running_installation
from tests.benchmarks.portal import PAGE
from tests.chromium import find_chromium
from tests.installation import Installation

PACKAGE = "lighthouse@12.8.2"
ROUNDS = 5
CATEGORIES = {
    "performance": "performance",
    "accessibility": "accessibility",
    "best-practices": "best practices",
}
# Maps are drawn when somebody comes near: the visit begins where the map is.
AT_THE_MAP = "#:~:text=Wo%20gez%C3%A4hlt%20wird"
LARGEST, SHIFT, BLOCKED = "largest-contentful-paint", "cumulative-layout-shift", "total-blocking-time"


def measure(place: Installation) -> Iterator[Figure]:
    """Yield the medians."""
    try:
        program, chromium = fetch_lighthouse(place.settings.parts / "lighthouse"), find_chromium()
        if chromium is None:
            raise FileNotFoundError("there is no Chromium")
    except (OSError, subprocess.SubprocessError) as error:
        print(f"Lighthouse is left out, it cannot be had here: {error}.", file=sys.stderr)
        return
    url = place.settings.portal_url + PAGE + AT_THE_MAP
    reports = [run(program, chromium, url) for _ in range(ROUNDS)]
    for name, title in CATEGORIES.items():
        score = median(report["categories"][name]["score"] for report in reports)
        yield Figure(f"Lighthouse on a phone: {title}", f"{score * 100:.0f}")
    yield Figure("– largest contentful paint", f"{read(reports, LARGEST) / 1000:.2f} s")
    yield Figure("– total blocking time", f"{read(reports, BLOCKED):.0f} ms")
    yield Figure("– cumulative layout shift", f"{read(reports, SHIFT):.3f}")


def fetch_lighthouse(folder: Path) -> Path:
    """Return the program, fetched if it is not there; raise what npm's absence or failure raises."""
    program = folder / "node_modules" / ".bin" / "lighthouse"
    if not program.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise FileNotFoundError("there is no npm")
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), PACKAGE]
        subprocess.run(command, stdout=sys.stderr, check=True, timeout=300)
    return program


def run(program: Path, chromium: str, url: str) -> dict[str, Any]:
    """Return a report; Lighthouse looks as a phone on a slow connection if nothing else is said."""
    command = [
        *(
            str(program),
            url,
            "--quiet",
            "--output=json",
            "--output-path=stdout",
            "--no-enable-error-reporting",
        ),
        f"--only-categories={','.join(CATEGORIES)}",
        "--chrome-flags=--headless=new --no-sandbox",
    ]
    environ = {**os.environ, "CHROME_PATH": chromium}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=180)
    report: dict[str, Any] = json.loads(done.stdout)
    assert "runtimeError" not in report, report["runtimeError"]
    shown = [item["url"] for item in report["audits"]["network-requests"]["details"]["items"]]
    assert any("/leaflet.js" in address for address in shown), "the map was not shown"
    return report


def read(reports: list[dict[str, Any]], audit: str) -> float:
    """Return the median of what an audit has measured."""
    return median(float(report["audits"][audit]["numericValue"]) for report in reports)


if __name__ == "__main__":
    with running_installation() as installation:
        print_figures(measure(installation))
