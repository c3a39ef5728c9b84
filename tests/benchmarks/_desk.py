"""The publisher's pages, as staff of the demo's first town use them."""

from __future__ import annotations

import re
import time

from tests.benchmarks.portal import TENANT
from tests.installation import Installation
from urbanlab_operate.staff_session import StaffSession

SECONDS = 300
POLL_SECONDS = 0.1
_STATE = re.compile(r'<span class="state ([a-z_]+)">')


def sign_in(place: Installation, role: str) -> StaffSession:
    """Return somebody of the town at the publisher's pages."""
    name = f"{role}-{TENANT}"
    return StaffSession(place.settings.publisher_url, name, place.password(name))


def wait_for_state(person: StaffSession, submission: str) -> str:
    """Return the state of a submission once its notebook has been executed."""
    deadline = time.perf_counter() + SECONDS
    while (state := _STATE.findall(person.get(submission))[0]) == "executing":
        assert time.perf_counter() < deadline, "the notebook is still being executed"
        time.sleep(POLL_SECONDS)
    return str(state)
