"""The system's Chromium, for tests and benchmarks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@contextmanager
def running_browser() -> Iterator[Browser | None]:
    """Give a browser; None where there is no Chromium."""
    program = find_chromium()
    if program is None:
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


def find_chromium() -> str | None:
    """Return where the system's Chromium is."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)
