"""What all tests share: two halves at once, and the browser.

What tests one part stays together, so that each half starts its real parts once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.chromium import running_browser

HERE = Path(__file__).parent
LONGEST = "integration"  # begins first, so that nobody waits for it alone at the end


@pytest.hookimpl(tryfirst=True)  # before what reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests belong together; order them alike in all halves."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(find_group(item.path)))
    items.sort(key=lambda item: find_group(item.path) != LONGEST)


def find_group(path: Path) -> str:
    """Return the part that a test is about: the first folders of its path."""
    folders = path.relative_to(HERE).parts[:-1]
    return folders[0] if folders[:1] == (LONGEST,) else "/".join(folders[:2])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium; not for longer, because while it runs no test can have an event loop of its own."""
    with running_browser() as chromium:
        if chromium is None:
            pytest.skip("there is no Chromium: install the package chromium")
        yield chromium
