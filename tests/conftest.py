"""What all tests share: two halves at once, and the browser.

What tests one part stays together, so that each half starts its real parts once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser
from xdist.scheduler import LoadScopeScheduling

from tests.chromium import running_browser

LONGEST = "tests/integration"  # begins first, so that nobody waits for it alone at the end


class ByPart(LoadScopeScheduling):
    """Gives a half all tests of a part, one after the other."""

    def _split_scope(self, nodeid: str) -> str:
        return find_part(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByPart:
    """Share the tests out by parts."""
    return ByPart(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests alike in all halves."""
    items.sort(key=lambda item: find_part(item.nodeid) != LONGEST)


def find_part(nodeid: str) -> str:
    """Return the part of the house that a test is about: the first folders of its path."""
    folders = nodeid.partition("::")[0].split("/")[:-1]
    return "/".join(folders[:2]) if "/".join(folders[:2]) == LONGEST else "/".join(folders[:3])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium; not for longer, because while it runs no test can have an event loop of its own."""
    with running_browser() as chromium:
        if chromium is None:
            pytest.skip("there is no Chromium: install the package chromium")
        yield chromium
