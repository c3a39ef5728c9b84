"""From disabling somebody in Keycloak until nothing of theirs is left: `python -m tests.benchmarks.revocation`.

Twenty people are at work, each with a running server; they are disabled one after another, at moments spread over
the interval in which the hub looks. What counts is when neither hub nor server knows their browser any more.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import requests

from tests.benchmarks._figures import Figure, print_figures
from tests.benchmarks._place import running_installation
from tests.installation import Installation
from tests.integration.login import StaffSession
from tests.integration.people import People

PEOPLE = 20
TENANT, GROUP = "detmold", "/tenants/detmold/analyst"
PAUSE_SECONDS = 1.7  # no divisor of the interval, so that all moments of it come about
GIVEN_UP_SECONDS = 120.0


class Leaver:
    """Somebody at work who is about to be disabled."""

    def __init__(self, people: People, name: str) -> None:
        password = people.make(name, (GROUP,))
        self.address = people.made[-1]
        self.staff = StaffSession(people.installation, name, TENANT, password)
        self.staff.start_server()

    def is_served(self) -> bool:
        """Return whether the server still answers the person."""
        answer = self.staff.session.get(f"{self.staff.prefix}api/status", timeout=60, allow_redirects=False)
        return answer.status_code == 200

    def is_known(self) -> bool:
        """Return whether the person's browser is still logged in to the hub."""
        address = f"{self.staff.hub_url}hub/api/user"
        return self.staff.session.get(address, timeout=60, allow_redirects=False).status_code == 200


def measure(place: Installation) -> Iterator[Figure]:
    """Yield the worst and the middle of all."""
    people = People(place)
    try:
        leavers = [Leaver(people, f"leaver{number}") for number in range(PEOPLE)]
        with ThreadPoolExecutor(PEOPLE) as pool:
            waits = []
            for leaver in leavers:
                disable(people, leaver)
                waits.append(pool.submit(wait_until_gone, leaver, time.monotonic()))
                time.sleep(PAUSE_SECONDS)
            seconds = [wait.result() for wait in waits]
    finally:
        people.remove()
    name = f"disabled in Keycloak → no login, no server, worst of {PEOPLE}"
    yield Figure(name, f"{max(seconds):.1f} s")
    yield Figure("– the middle one", f"{median(seconds):.1f} s")


def disable(people: People, leaver: Leaver) -> None:
    """Disable a person, as an administrator does."""
    values = {"enabled": False}
    requests.put(leaver.address, json=values, headers=people.headers, timeout=30).raise_for_status()


def wait_until_gone(leaver: Leaver, began: float) -> float:
    """Return the seconds until the person has nothing left."""
    while leaver.is_known() or leaver.is_served():
        assert time.monotonic() - began < GIVEN_UP_SECONDS, f"{leaver.staff.hub_user} is still there"
        time.sleep(0.2)
    return time.monotonic() - began


if __name__ == "__main__":
    with running_installation() as installation:
        print_figures(measure(installation))
