"""An installation of an ordinary account: it works, says what is missing, and the network's doors hold as well.

Whoever runs the tests as an ordinary account has all tests of this folder run in such a one.
"""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Iterator

import pytest

from tests.installation import Installation, make_state_folder, remove_state_folder
from urbanlab_operate.errors import OperateError
from urbanlab_operate.local.reach import NOBODY, check_reach

from . import test_isolation_network as network
from .attackers import Person, make_person
from .people import People

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="the installation of all tests is such a one already"),
    pytest.mark.timeout(300),  # all starts for the first of them
]


class OrdinaryInstallation(Installation):
    """Run by an account without any rights, with two towns and an analyst in each."""

    def start(self) -> str:
        """Bring everything up, as that account."""
        account, folder = pwd.getpwnam(NOBODY), self.settings.state.parent
        os.chown(folder, account.pw_uid, account.pw_gid)
        self.account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self.variables["HOME"] = str(folder)
        towns = folder / "towns"
        towns.mkdir(mode=0o755)
        for town in (network.TENANT, network.OTHER):
            (towns / f"{town}.yaml").write_text(json.dumps({"title": town.title()}))
        said = super().start()
        people = People(self)
        self.passwords = {
            f"analyst-{town}": people.make(f"analyst-{town}", (f"/tenants/{town}/analyst",))
            for town in (network.TENANT, network.OTHER)
        }
        return said

    def password(self, username: str) -> str:
        """Return an analyst's password."""
        return self.passwords[username]


@pytest.fixture(scope="module")
def place() -> Iterator[OrdinaryInstallation]:
    state = make_state_folder()
    made = OrdinaryInstallation(state, demo="0", tenants=str(state.parent / "towns"))
    try:
        check_reach(made.settings)
    except OperateError as error:
        pytest.skip(str(error))
    try:
        made.start()
        yield made
    finally:
        made.stop()
        remove_state_folder(state)


@pytest.fixture(scope="module")
def attacker(place: OrdinaryInstallation) -> Iterator[Person]:
    with make_person(place, f"analyst-{network.TENANT}") as person:
        yield person


@pytest.fixture(scope="module")
def neighbour(place: OrdinaryInstallation) -> Iterator[Person]:
    with make_person(place, f"analyst-{network.OTHER}") as person:
        yield person


def test_it_works_and_says_what_is_missing(place: OrdinaryInstallation, attacker: Person) -> None:
    account = pwd.getpwnam(NOBODY).pw_uid
    assert attacker.facts["uid"] == account
    read = attacker.session.run(
        f"import urbanlab as ul; len(ul.query('SELECT 1 FROM {network.TENANT}.footfall'))"
    )
    assert (read.text, read.error) == ("0", "")
    assert "NO ISOLATION" in place.run("status")


def test_the_doors_of_the_network_hold(
    place: OrdinaryInstallation, attacker: Person, neighbour: Person
) -> None:
    network.test_no_port_opens_to_what_an_attacker_can_show(place, attacker, neighbour)
    network.test_no_header_makes_somebody_of_an_attacker(place, attacker, neighbour)
    network.test_anothers_server_takes_neither_own_token_nor_own_cookies(place, attacker, neighbour)
