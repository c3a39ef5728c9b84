"""Roles that a password alone does not give: real codes through Keycloak's pages, also in a realm gone wrong."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from tests.installation import Installation

from .login import make_browser_session
from .one_time_codes import AuthenticatorApp, find_kind, send_form, walk_through
from .operator_access import wait_until
from .people import People, own_tenant

STRICT, PLAIN = "werther", "borgholz"
SWEEP_SECONDS = 40


@pytest.fixture(scope="module", autouse=True)
def tenants(installation: Installation) -> Iterator[None]:
    """A tenant that asks gatekeepers and admins for a second factor, and one that asks nobody."""
    with (
        own_tenant(installation, STRICT, second_factor=["gatekeeper", "admin"]),
        own_tenant(installation, PLAIN, second_factor=[]),
    ):
        yield


class Member:
    """Somebody with roles, a password and an authenticator app."""

    def __init__(self, people: People, username: str, *groups: str) -> None:
        self.people = people
        self.hub_url = people.installation.settings.hub_url
        self.username = username
        self.password = people.make(username, tuple(f"/tenants/{group}" for group in groups))
        self.address = people.made[-1]
        self.app = AuthenticatorApp()

    def join(self, group: str) -> None:
        """Become a member of one more group, as the administrator of Keycloak does it."""
        headers = self.people.headers
        found = requests.get(
            f"{self.people.url}/group-by-path/tenants/{group}", headers=headers, timeout=30
        ).json()
        done = requests.put(f"{self.address}/groups/{found['id']}", headers=headers, timeout=30)
        done.raise_for_status()


class Browser:
    """One browser of a member; `asked` is what Keycloak asked for at the last login."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.session = make_browser_session()
        self.asked: list[str] = []

    def log_in(self, tenant: str = STRICT) -> requests.Response:
        """Go to the hub and through everything that Keycloak asks; return the page at the end."""
        return self.go(f"hub/login?tenant={tenant}&next=%2Fhub%2Fhome")

    def go(self, path: str) -> requests.Response:
        """Open a page of the hub, through what Keycloak asks."""
        page = self.session.get(self.member.hub_url + path, timeout=30)
        self.asked, page = walk_through(
            self.session, page, self.member.username, self.member.password, self.member.app
        )
        return page

    def read_roles(self) -> set[str]:
        """Return the roles that the hub gives this browser's user; raise where it is logged out."""
        answer = self.session.get(f"{self.member.hub_url}hub/api/user", headers=self.headers, timeout=30)
        answer.raise_for_status()
        return {group.rpartition("/")[2] for group in answer.json()["groups"]}

    def is_logged_in(self) -> bool:
        """Return whether the hub knows this browser."""
        page = self.session.get(
            f"{self.member.hub_url}hub/home", headers=self.headers, timeout=30, allow_redirects=False
        )
        return page.status_code == 200

    def read_publisher(self) -> str:
        """Return who one is at the publisher's pages, by a login there if none is left."""
        address = self.member.people.installation.settings.publisher_url
        page = self.session.get(f"{address}/login?next=%2F", headers={"Accept-Language": "en"}, timeout=30)
        found = re.search(r'class="who">(.*?)</p>', page.text, re.DOTALL)
        assert found, f"nobody at {page.url}"
        return found[1].lower()

    @property
    def headers(self) -> dict[str, str]:
        """What the hub's own pages send with a question to its API."""
        token = next((each.value for each in self.session.cookies if each.name == "_xsrf"), "") or ""
        return {"X-XSRFToken": token, "Referer": f"{self.member.hub_url}hub/home"}


def find_notice(page: requests.Response) -> str:
    """Return the link of the notice that says which roles wait."""
    found = re.search(r'id="waiting-roles".*?href="([^"]+)"', page.text, re.DOTALL)
    assert found, f"no notice at {page.url}"
    return html.unescape(found[1]).lstrip("/")


def test_codes_are_set_up_at_the_first_login_and_given_at_the_next(people: People) -> None:
    gatekeeper = Member(people, "gate-one", f"{STRICT}/gatekeeper")
    browser = Browser(gatekeeper)
    assert browser.log_in().url.endswith("/hub/home")
    # Setting up the app is no login with it: the hub has a code asked for.
    assert browser.asked == ["password", "enrol", "code"]
    assert browser.read_roles() == {"gatekeeper"}

    other = Browser(gatekeeper)
    page = other.log_in()
    assert (other.asked, page.url.endswith("/hub/home")) == (["password", "code"], True)
    # Both browsers have proven it, so both stay.
    assert browser.is_logged_in()


def test_wrong_and_used_codes_stay_outside_and_after_some_the_right_one_too(people: People) -> None:
    member = Member(people, "gate-wrong", f"{STRICT}/gatekeeper")
    Browser(member).log_in()
    thief = Browser(member)
    page = thief.session.get(f"{member.hub_url}hub/login?tenant={STRICT}", timeout=30)
    page = send_form(thief.session, page, {"username": member.username, "password": member.password})
    used = member.app.make_code_of(max(member.app.used))
    for code in (used, "", "000000", "12345", "1234567", "٠١٢٣٤٥"):
        assert find_kind(page) == "code"
        page = send_form(thief.session, page, {"otp": code})
    # Five failures: now Keycloak takes nothing for a minute, so that nobody tries all codes.
    send_form(thief.session, page, {"otp": member.app.make_code()})
    assert not thief.is_logged_in()


def test_an_account_is_locked_by_guessing_its_password_and_no_other_is(people: People) -> None:
    member, other = (Member(people, name, f"{PLAIN}/analyst") for name in ("guessed", "not-guessed"))
    locks = f"{people.url}/attack-detection/brute-force/users/{member.address.rpartition('/')[2]}"
    thief = Browser(member)
    page = thief.session.get(f"{member.hub_url}hub/login?tenant={PLAIN}", timeout=30)
    for guess in range(5):
        assert find_kind(page) == "password"
        guessed = {"username": member.username, "password": f"guess-{guess}"}
        page = send_form(thief.session, page, guessed)
    said = find_complaint(page)
    wait_until(lambda: requests.get(locks, headers=people.headers, timeout=30).json()["disabled"])
    # Nobody learns that the account is locked, nor that this was the right one.
    page = send_form(thief.session, page, {"username": member.username, "password": member.password})
    assert find_kind(page) == "password"
    assert find_complaint(page) == said
    assert not thief.is_logged_in()
    assert Browser(other).log_in(PLAIN).url.endswith("/hub/home")

    requests.delete(locks, headers=people.headers, timeout=30).raise_for_status()
    assert Browser(member).log_in(PLAIN).url.endswith("/hub/home")


def find_complaint(page: requests.Response) -> str:
    """Return what Keycloak's form says about what was sent."""
    found = re.search(r'id="input-error[^"]*"[^>]*>(.*?)</span>', page.text, re.DOTALL)
    assert found, f"no complaint at {page.url}"
    return found[1].strip()


def test_a_role_that_is_given_later_waits_for_a_code_and_ends_other_browsers(people: People) -> None:
    member = Member(people, "gate-later", f"{STRICT}/analyst")
    browser, thief = Browser(member), Browser(member)
    for each in (browser, thief):
        assert each.log_in().url.endswith("/hub/home")
        assert each.asked == ["password"]
    member.join(f"{STRICT}/gatekeeper")
    notice = wait_until(lambda: find_if_any(browser), SWEEP_SECONDS)
    assert browser.read_roles() == thief.read_roles() == {"analyst"}
    assert "analyst" in thief.read_publisher()
    assert "gatekeeper" not in thief.read_publisher()

    page = browser.go(notice)
    assert page.url.endswith("/hub/home")
    assert "enrol" in browser.asked
    assert browser.asked[-1] == "code"
    assert browser.read_roles() == {"analyst", "gatekeeper"}
    assert 'id="waiting-roles"' not in page.text
    assert "gatekeeper" in browser.read_publisher()
    assert not thief.is_logged_in()


def find_if_any(browser: Browser) -> str | None:
    """Return the link of the notice on the home page, if it is there."""
    page = browser.session.get(f"{browser.member.hub_url}hub/home", timeout=30)
    return find_notice(page) if 'id="waiting-roles"' in page.text else None


def test_a_tenant_that_asks_for_nothing_does_not_open_one_that_does(people: People) -> None:
    member = Member(people, "gate-both", f"{STRICT}/gatekeeper", f"{PLAIN}/gatekeeper")
    browser = Browser(member)
    assert browser.log_in(PLAIN).url.endswith("/hub/home")
    assert browser.asked == ["password", "enrol"]
    assert browser.read_roles() == {"gatekeeper"}
    # The session at Keycloak is enough for the one, and not for the other.
    assert browser.log_in(STRICT).url.endswith("/hub/home")
    assert browser.asked == ["code"]
    assert f"gate-both@{STRICT}" in browser.session.get(f"{member.hub_url}hub/home", timeout=30).text
    # Once given, it counts for the whole session.
    for tenant in (PLAIN, STRICT):
        browser.log_in(tenant)
        assert browser.asked == []


# --- Keycloak configured otherwise than it should be ---


@contextmanager
def without_role_mapping(people: People, group: str) -> Iterator[None]:
    """Take the realm's role from a group by hand."""
    headers = people.headers
    found = requests.get(f"{people.url}/group-by-path/tenants/{group}", headers=headers, timeout=30).json()
    role = requests.get(f"{people.url}/roles/otp-required", headers=headers, timeout=30).json()
    address = f"{people.url}/groups/{found['id']}/role-mappings/realm"
    requests.delete(address, json=[role], headers=headers, timeout=30).raise_for_status()
    try:
        yield
    finally:
        requests.post(address, json=[role], headers=people.headers, timeout=30).raise_for_status()


def put(people: People, address: str, values: dict[str, Any]) -> None:
    """Bring something in Keycloak into a state."""
    requests.put(address, json=values, headers=people.headers, timeout=30).raise_for_status()


@contextmanager
def with_realm(people: People, **changes: Any) -> Iterator[None]:
    """Change settings of the realm by hand, and have the groups of the strict tenant demand nothing."""
    realm = requests.get(people.url, headers=people.headers, timeout=30).json()
    put(people, people.url, {**realm, **changes})
    try:
        with without_role_mapping(people, f"{STRICT}/gatekeeper"):
            yield
    finally:
        put(people, people.url, realm)


MISCONFIGURED = {
    "the flow that Keycloak brings along": {"browserFlow": "browser"},
    "a level that a password reaches": {"attributes": {"acr.loa.map": json.dumps({"otp": 1})}},
}


def test_the_hub_asks_where_keycloak_was_not_told_to(people: People) -> None:
    member = Member(people, "gate-unmapped", f"{STRICT}/gatekeeper")
    with without_role_mapping(people, f"{STRICT}/gatekeeper"):
        browser = Browser(member)
        assert browser.log_in().url.endswith("/hub/home")
        assert browser.asked[:2] == ["password", "enrol"]
        assert browser.asked[-1] == "code"
        assert browser.read_roles() == {"gatekeeper"}
        again = Browser(member)
        again.log_in()
        assert again.asked == ["password", "code"]


@pytest.mark.parametrize("changes", MISCONFIGURED.values(), ids=MISCONFIGURED)
def test_where_keycloak_asks_nobody_the_role_is_not_given_and_a_page_says_so(
    people: People, changes: dict[str, Any]
) -> None:
    name = f"gate-{len(str(changes))}"
    only = Member(people, f"{name}-only", f"{STRICT}/gatekeeper")
    also = Member(people, f"{name}-also", f"{STRICT}/gatekeeper", f"{STRICT}/analyst")
    with with_realm(people, **changes):
        page = Browser(only).log_in()
        assert page.status_code == 403
        assert 'data-reason="second-factor"' in page.text
        assert "Einmalcode" in page.text
        assert "one-time code" in page.text

        browser = Browser(also)
        page = browser.log_in()
        assert page.url.endswith("/hub/home")
        assert browser.read_roles() == {"analyst"}
        assert find_notice(page)
        # Asking again leads back here, and not round in circles.
        assert browser.go(find_notice(page)).url.endswith("/hub/home")
        assert browser.read_roles() == {"analyst"}


@pytest.mark.parametrize("asked", ["2", "3"])
def test_saying_that_one_was_asked_before_gives_nothing(people: People, asked: str) -> None:
    member = Member(
        people, f"gate-claims-{ord(asked[0])}-{len(asked)}", f"{STRICT}/gatekeeper", f"{STRICT}/analyst"
    )
    with without_role_mapping(people, f"{STRICT}/gatekeeper"):
        browser = Browser(member)
        page = browser.session.get(
            f"{member.hub_url}hub/oauth_login", params={"tenant": STRICT, "asked": asked}, timeout=30
        )
        page = send_form(browser.session, page, {"username": member.username, "password": member.password})
        assert find_kind(page) == "enrol"
        assert not browser.is_logged_in()
