"""One chart: a process that reads its specification from stdin and writes an SVG to stdout; status 1 if it cannot.

It asks nobody for anything: data and pictures that are not in the specification are refused.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any

MEMORY = 1_536_000_000  # the engine reserves most of a thousand million bytes before it draws anything
SECONDS = 60  # of computing, should nobody be left who ends this


def main() -> None:
    """Draw the chart."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_DATA, MEMORY)
    _limit(resource.RLIMIT_CPU, SECONDS)
    task = json.load(sys.stdin)
    try:
        svg = draw(**task)
    except ValueError:  # whatever is wrong in a specification
        svg = ""
    sys.stdout.buffer.write(svg.encode())
    sys.stdout.flush()
    # The engine's threads are not waited for.
    os._exit(0 if svg else 1)


def draw(spec: dict[str, Any], library: str, major: str, place: str) -> str:
    """Return a chart as SVG; raise `ValueError`."""
    import vl_convert

    rules: dict[str, Any] = {"allowed_base_urls": [], "format_locale": place, "time_format_locale": place}
    if library == "vega":
        return str(vl_convert.vega_to_svg(spec, **rules))
    versions = vl_convert.get_vegalite_versions()
    # The latest of the version it was written for; the oldest that we have, for older ones.
    same = [version for version in versions if version.partition(".")[0] == major]
    version = (same or (versions[:1] if major.isdecimal() and int(major) < 6 else versions))[-1]
    return str(vl_convert.vegalite_to_svg(spec, vl_version=version, **rules))


def _limit(kind: int, value: int) -> None:
    allowed = resource.getrlimit(kind)[1]
    value = value if allowed == resource.RLIM_INFINITY else min(value, allowed)
    resource.setrlimit(kind, (value, value))


if __name__ == "__main__":
    main()
