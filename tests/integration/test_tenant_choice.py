"""Several tenants of one person: chosen by a link, a click or the host name; nothing of one is left in another."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.installation import Installation

from .login import StaffSession, fill_in_form, make_browser_session
from .operator_access import has_hub_user
from .people import People, own_tenant

ONE, OTHER = "werther", "borgholz"
HOST, HOST_OF_OTHER = "lab.werther.example", "lab.borgholz.example"
FORWARDED = ("X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-Host", "Origin", "Referer")


@pytest.fixture(scope="module", autouse=True)
def tenants(installation: Installation) -> Iterator[None]:
    """Two tenants with host names of their own that ask for no second factor."""
    with (
        own_tenant(installation, ONE, second_factor=[], host_names=[HOST]),
        own_tenant(installation, OTHER, second_factor=[], host_names=[HOST_OF_OTHER]),
    ):
        yield


def make_person(people: People, username: str, *tenants: str) -> str:
    """Make an analyst of some tenants and return the password."""
    return people.make(username, tuple(f"/tenants/{tenant}/analyst" for tenant in tenants))


def ask_at_host(installation: Installation, host: str, path: str, **headers: str) -> requests.Response:
    """Ask the hub as a browser that went to another host name does, and follow nothing."""
    address = f"{installation.settings.hub_url}{path}"
    return make_browser_session().get(
        address, headers={"Host": host, **headers}, timeout=30, allow_redirects=False
    )


# --- by host name ---


@pytest.mark.parametrize("host", [HOST, HOST.upper(), f"{HOST}:443"])
@pytest.mark.parametrize("path", ["hub/login", "hub/oauth_login"])
def test_a_host_name_of_a_tenant_leads_to_the_hubs_own_address(
    installation: Installation, host: str, path: str
) -> None:
    answer = ask_at_host(installation, host, f"{path}?next=%2Fhub%2Fhome")
    place = urlsplit(answer.headers["Location"])
    assert answer.status_code == 302
    assert f"{place.scheme}://{place.netloc}/" == installation.settings.hub_url
    assert place.path == "/hub/login"
    assert parse_qs(place.query) == {"tenant": [ONE], "next": ["/hub/home"]}
    # What Keycloak's answer is compared with must not be left at another host name.
    assert "oauthenticator-state" not in answer.cookies


def test_the_host_name_chooses_for_somebody_with_several_tenants(
    installation: Installation, people: People
) -> None:
    password = make_person(people, "host-chooser", ONE, OTHER)
    for host, tenant in ((HOST, ONE), (HOST_OF_OTHER, OTHER)):
        session = make_browser_session()
        start = ask_at_host(installation, host, "hub/login?next=%2Fhub%2Fhome").headers["Location"]
        page = fill_in_form(session, session.get(start, timeout=30), "host-chooser", password)
        assert page.url == f"{installation.settings.hub_url}hub/home"
        assert f"host-chooser@{tenant}" in page.text


def test_the_host_name_of_a_foreign_tenant_lets_nobody_in(installation: Installation, people: People) -> None:
    password = make_person(people, "host-stranger", ONE)
    session = make_browser_session()
    start = ask_at_host(installation, HOST_OF_OTHER, "hub/login").headers["Location"]
    page = fill_in_form(session, session.get(start, timeout=30), "host-stranger", password)
    assert page.status_code == 403
    assert 'data-reason="other-tenant"' in page.text
    assert not has_hub_user(installation, f"host-stranger@{OTHER}")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"{HOST}.evil.example",
        f"evil.{HOST}",
        f"{HOST}@evil.example",
        "localhost:1",
        f"{HOST}.",
    ],
)
@pytest.mark.parametrize("path", ["hub/login", "hub/oauth_login"])
def test_a_host_name_of_nobody_changes_nothing_and_is_not_repeated(
    installation: Installation, host: str, path: str
) -> None:
    answer = ask_at_host(installation, host, path)
    place = answer.headers.get("Location", "")
    assert "evil" not in place
    assert "tenant=" not in place
    keycloak = installation.settings.realm_url
    assert place.startswith(("/hub/", keycloak)) or answer.status_code == 400
    if place.startswith(keycloak):
        # Keycloak's answer comes to the hub's own address whatever the browser called.
        assert parse_qs(urlsplit(place).query)["redirect_uri"] == [
            f"{installation.settings.hub_url}hub/oauth_callback"
        ]


@pytest.mark.parametrize("header", FORWARDED)
def test_no_other_header_chooses_a_tenant(installation: Installation, header: str) -> None:
    own = urlsplit(installation.settings.hub_url).netloc
    value = {"Forwarded": f"host={HOST}", "Origin": f"https://{HOST}", "Referer": f"https://{HOST}/"}
    answer = ask_at_host(installation, own, "hub/login", **{header: value.get(header, HOST)})
    assert answer.headers["Location"].startswith("/hub/")
    assert ONE not in answer.headers["Location"]


@pytest.mark.parametrize(
    "following", ["https://evil.example/x", "//evil.example/x", "/\\evil.example", "/%09/evil.example"]
)
def test_a_tenants_host_name_leads_nowhere_else(installation: Installation, following: str) -> None:
    path = f"hub/login?next={quote(following)}"
    session = make_browser_session()
    start = ask_at_host(installation, HOST, path).headers["Location"]
    assert start.startswith(installation.settings.hub_url)
    keycloak = session.get(start, timeout=30)
    assert keycloak.url.startswith(installation.settings.realm_url)
    kept = next(cookie.value for cookie in session.cookies if cookie.name == "oauthenticator-state") or ""
    state = json.loads(
        base64.b64decode(base64.b64decode(kept.split("|")[4].partition(":")[2] + "==") + b"==")
    )
    assert re.fullmatch(r"/([^/\\].*)?", state["next_url"])
    assert state["tenant"] == ONE


# --- by a click ---


def test_switching_leaves_nothing_of_the_former_tenant(installation: Installation, people: People) -> None:
    password = make_person(people, "switcher", ONE, OTHER)
    with StaffSession(installation, "switcher", ONE, password) as staff:
        assert staff.ask_hub("GET", "user").json()["name"] == f"switcher@{ONE}"
        page = staff.session.get(f"{staff.hub_url}hub/login?tenant={OTHER}&next=%2Fhub%2Fhome", timeout=30)
        assert page.url == f"{staff.hub_url}hub/home"
        model = staff.ask_hub("GET", "user").json()
        assert (model["name"], model["groups"]) == (f"switcher@{OTHER}", [f"/tenants/{OTHER}/analyst"])
        former = quote(f"switcher@{ONE}")
        for method, path in (
            ("GET", f"users/{former}"),
            ("POST", f"users/{former}/server"),
            ("DELETE", f"users/{former}/server"),
            ("GET", f"users/{former}/tokens"),
        ):
            assert staff.ask_hub(method, path).status_code in (403, 404)
        staff.session.get(f"{staff.hub_url}hub/login?tenant={ONE}&next=%2Fhub%2Fhome", timeout=30)


def test_switching_works_by_keyboard_without_a_password(
    installation: Installation, people: People, browser: Browser
) -> None:
    password = make_person(people, "keyboard", ONE, OTHER)
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{installation.settings.hub_url}hub/login?next=%2Fhub%2Fhome")
    page.keyboard.type("keyboard")
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name=OTHER.title())
    press_tab_until(page, link)
    page.keyboard.press("Enter")
    page.wait_for_url("**/hub/home")
    expect(page.locator("#switch-tenant summary")).to_contain_text(OTHER.title())

    press_tab_until(page, page.locator("#switch-tenant summary"))
    page.keyboard.press("Enter")
    press_tab_until(page, page.locator("#switch-tenant a", has_text=ONE.title()))
    page.keyboard.press("Enter")
    expect(page.locator("#switch-tenant summary")).to_contain_text(ONE.title())
    page.context.close()


def press_tab_until(page: object, target: object) -> None:
    """Move on by the keyboard until an element has the focus."""
    for _ in range(40):
        if target.evaluate("element => element === document.activeElement"):  # type: ignore[attr-defined]
            return
        page.keyboard.press("Tab")  # type: ignore[attr-defined]
    raise AssertionError("the keyboard does not reach it")


# --- what a browser's session may not make ---


def test_a_browsers_session_makes_no_token(installation: Installation, people: People) -> None:
    password = make_person(people, "minter", ONE)
    with StaffSession(installation, "minter", ONE, password) as staff:
        own = f"users/{quote(staff.hub_user)}/tokens"
        for body in ({}, {"note": "mine"}, {"scopes": ["self"]}, {"roles": ["user"], "expires_in": 60}):
            answer = staff.ask_hub("POST", own, json=body)
            assert answer.status_code == 403, answer.text
            assert "token" not in answer.json()
        tokens = staff.ask_hub("GET", own).json()["api_tokens"]
        assert all(token["session_id"] for token in tokens)
