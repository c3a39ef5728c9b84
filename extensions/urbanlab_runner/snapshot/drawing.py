"""Draws charts in processes of their own: what a chart computes may never end, and may be a bomb."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

MAX_SPEC_BYTES = 8_000_000
MAX_SVG_BYTES = 8_000_000
SECONDS = 20.0  # of one chart
ALL_SECONDS = 90.0  # of all charts of a page
_COMMAND = (sys.executable, "-P", "-s", "-m", "urbanlab_runner.snapshot.draw_chart")
_PLACES = {"de": "de-DE"}  # language -> how numbers and dates are written


@dataclass
class Drawing:
    """What draws the charts of one page, within the time that they are given."""

    language: str
    time_zone: str = "UTC"
    seconds: float = SECONDS
    left: float = ALL_SECONDS

    def draw(self, spec: dict[str, Any], library: str, major: str) -> bytes:
        """Return a chart as SVG; nothing where it is too large, wrong, or takes too long."""
        place = _PLACES.get(self.language, "en-US")
        task = {"spec": spec, "library": library, "major": major, "place": place}
        try:
            asked = json.dumps(task).encode()
        except (ValueError, RecursionError):
            return b""
        seconds = min(self.seconds, self.left)
        if len(asked) > MAX_SPEC_BYTES or seconds <= 0:
            return b""
        began = time.monotonic()
        try:
            # It inherits none of our variables, as it needs none.
            done = subprocess.run(
                _COMMAND,
                input=asked,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=seconds,
                env={"TZ": self.time_zone, "LANG": "C.UTF-8"},
                check=True,
            )
        except (subprocess.SubprocessError, OSError):
            return b""
        finally:
            self.left -= time.monotonic() - began
        return done.stdout if len(done.stdout) <= MAX_SVG_BYTES else b""
