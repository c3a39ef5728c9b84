"""One installation for all of these tests, started once: tests make their own people, tables and topics in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Installation, make_state_folder, remove_state_folder

from .people import People

KEEP = os.environ.get("URBANLAB_KEEP_TEST_STATE")  # for looking at logs after a failure
START_SECONDS = 420  # what the first test is given: all starts, and the demo's pages are made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the first of these tests the time that the installation takes to start."""
    ours = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    if ours:
        ours[0].add_marker(pytest.mark.timeout(START_SECONDS))


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """The running product, with the demo tenants."""
    state = make_state_folder()
    place = Installation(state, sweep_seconds="5")  # so that tests need not wait for what takes time only
    try:
        place.start()
        yield place
    finally:
        place.stop()
        if not KEEP:
            remove_state_folder(state)


@pytest.fixture
def people(installation: Installation) -> Iterator[People]:
    """People of one test, removed after it."""
    made = People(installation)
    yield made
    made.remove()
