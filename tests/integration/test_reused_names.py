"""A name that Keycloak gives to somebody else gives nothing of who had it before, until the operator says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.installation import Installation
from urbanlab.contract.naming import make_account

from .login import StaffSession, answer_login
from .operator_access import has_hub_user, wait_until
from .people import People

NAME, TENANT = "nachfolge", "rietberg"
HUB_USER = f"{NAME}@{TENANT}"
GROUP = f"/tenants/{TENANT}/analyst"


def replace(people: People) -> str:
    """Delete the person in Keycloak and make another of the same name; return the new password."""
    requests.delete(people.made.pop(), headers=people.headers, timeout=30).raise_for_status()
    return people.make(NAME, (GROUP,))


@pytest.fixture
def successor(installation: Installation, people: People) -> Iterator[str]:
    """The password of somebody new; who had the name before has left a file."""
    password = people.make(NAME, (GROUP,))
    with StaffSession(installation, NAME, TENANT, password) as former:
        former.upload("privat.txt", b"mine")
    yield replace(people)
    installation.run("person", "accept", HUB_USER, code=None)


def find_home(installation: Installation) -> Path:
    """Return the home under the name."""
    name = (installation.settings.state / "installation").read_text().strip()
    return installation.settings.homes / make_account(HUB_USER, name)


def test_a_name_that_is_given_again_gives_nothing_of_the_former_person(
    installation: Installation, people: People, successor: str
) -> None:
    session, page = answer_login(installation, NAME, password=successor)
    assert page.status_code == 403
    assert 'data-reason="another-person"' in page.text
    assert f"urbanlab person accept {HUB_USER}" in page.text
    assert session.get(f"{installation.settings.hub_url}hub/api/user", timeout=30).status_code == 403
    told = ("audit", "list", "--tenant", TENANT, "--event", "login-refused", "--limit", "5")
    wait_until(lambda: "reason=another-person" in installation.run(*told))

    assert (find_home(installation) / "privat.txt").read_bytes() == b"mine"

    said = installation.run("person", "accept", NAME.upper() + f"@{TENANT}")
    assert "moved the home to" in said
    assert not has_hub_user(installation, HUB_USER)
    with StaffSession(installation, NAME, TENANT, successor) as staff:
        staff.start_server()
        assert staff.ask_server("GET", "api/contents/privat.txt").status_code == 404
        staff.upload("neu.txt", b"also mine")
    (archived,) = (installation.settings.archived_homes / TENANT).glob(f"{NAME}-*")
    assert (archived / "privat.txt").read_bytes() == b"mine"
    assert archived.parent.stat().st_mode & 0o777 == 0o700
    assert archived.parent.stat().st_uid == os.geteuid()
    accepted = ("audit", "list", "--tenant", TENANT, "--event", "person-accepted")
    wait_until(lambda: f"home=archived person={HUB_USER}" in installation.run(*accepted))

    # The same person with a new account keeps what is theirs.
    again = replace(people)
    assert is_refused(installation, again)
    installation.run("person", "accept", HUB_USER, "--same")
    with StaffSession(installation, NAME, TENANT, again) as staff:
        staff.start_server()
        assert staff.ask_server("GET", "api/contents/neu.txt").status_code == 200


def is_refused(installation: Installation, password: str) -> bool:
    """Return whether somebody of the name is told that it is another's."""
    _, page = answer_login(installation, NAME, password=password)
    return 'data-reason="another-person"' in page.text


def test_nobody_is_accepted_where_there_is_nobody(installation: Installation) -> None:
    said = installation.run("person", "accept", f"niemand-da@{TENANT}", code=1)
    assert "There is nobody called" in said
