"""A running installation for the figures that need one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.installation import Installation, make_state_folder, remove_state_folder


@contextmanager
def running_installation(**settings: str) -> Iterator[Installation]:
    """Start an installation, with the demo tenants unless the settings say otherwise; remove it afterwards."""
    state = make_state_folder()
    place = Installation(state, **settings)
    try:
        place.start()
        yield place
    finally:
        place.stop()
        remove_state_folder(state)
