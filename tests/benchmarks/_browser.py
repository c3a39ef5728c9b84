"""The system's Chromium, as a phone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Request, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "locale": "de-DE",
}


def find_chromium() -> str | None:
    """Return where the system's Chromium is."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def running_browser() -> Iterator[Browser | None]:
    """Give a browser; None where there is no Chromium."""
    program = find_chromium()
    if program is None:
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def count_bytes(requests: list[Request]) -> int:
    """Return the bytes that answers took on their way, headers and packed contents."""
    sizes = [request.sizes() for request in requests]
    return sum(size["responseHeadersSize"] + size["responseBodySize"] for size in sizes)
