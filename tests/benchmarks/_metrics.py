"""What a part counts about itself."""

from __future__ import annotations

import urllib.request


def read_metric(url: str, name: str) -> float:
    """Return a value of a part's ``/metrics``, 0 where nothing was counted yet; `name` is spelt with its labels."""
    with urllib.request.urlopen(f"{url.rstrip('/')}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name)
