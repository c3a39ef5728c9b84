"""Logging in through the hub, what a session is worth, and what is worth nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from urbanlab.contract.secrets import Secret
from urbanlab_services.publisher.web.security import to_own_path
from urbanlab_services.publisher.web.sessions import MAX_OF_ONE, Sessions
from urbanlab_services.tokens.credentials import Holder, make_publisher_token

SESSION = "urbanlab-publisher"


def begin(browser: Any, path: str = "/") -> tuple[str, dict[str, str]]:
    """Begin a login; return the callback's path as the hub gives it, and the attempt's state and challenge."""
    to_hub = browser.open(f"/login?next={path}", allow_redirects=False).response.headers["Location"]
    back = browser.session.get(to_hub, allow_redirects=False).headers["Location"]
    query = {name: values[0] for name, values in parse_qs(urlsplit(to_hub).query).items()}
    return f"{urlsplit(back).path}?{urlsplit(back).query}", query


def test_a_login_leads_back_to_where_somebody_wanted_to(site: Any) -> None:
    page = site.browse("gerd@town").open("/data-releases?dataset=footfall")
    assert (page.status, page.path) == (200, "data-releases")
    assert "Stadt Muster" in page.text
    assert "gerd Rollen: Freigabe" in page.text


def test_who_is_not_logged_in_at_the_hub_comes_no_further(site: Any) -> None:
    assert site.browse().open("/").text == "the hub's login"


def test_the_browser_holds_an_id_and_no_token(site: Any) -> None:
    browser = site.browse("gerd@town")
    callback, _ = begin(browser)
    answer = browser.open(callback, allow_redirects=False).response
    cookie = next(each for each in answer.raw.headers.getlist("Set-Cookie") if each.startswith(f"{SESSION}="))
    assert {"HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=28800"} <= set(cookie.split("; "))
    assert browser.session.cookies[SESSION] not in site.hub.models


def test_a_state_can_be_used_once(site: Any) -> None:
    browser = site.browse("gerd@town")
    kept = browser.session.cookies.copy()
    callback, query = begin(browser)
    kept.update(browser.session.cookies)
    assert browser.open(callback).status == 200
    browser.session.cookies = kept
    code = site.hub.make_code("gerd@town", challenge=query["code_challenge"])
    page = browser.open(f"/oauth_callback?state={query['state']}&code={code}")
    assert page.status == 403
    assert code in site.hub.codes, "the hub was asked all the same"
    assert "schon benutzt" in page.text


def test_a_login_of_another_browser_logs_nobody_in(site: Any) -> None:
    callback, _ = begin(site.browse("vera@village"))
    victim = site.browse("gerd@town")
    begin(victim)
    assert victim.open(callback).status == 403
    assert SESSION not in victim.session.cookies


@pytest.mark.parametrize("state", ["", "x", "%ff", "x" * 5000])
def test_a_state_that_nobody_gave_logs_nobody_in(site: Any, state: str) -> None:
    page = site.browse("gerd@town").open(f"/oauth_callback?state={state}&code=x")
    assert page.status == 403
    assert "Anmelden" in page.text


def test_a_code_of_another_client_logs_nobody_in(site: Any) -> None:
    browser = site.browse("gerd@town")
    _, query = begin(browser)
    code = site.hub.make_code("gerd@town", client="service-reports", challenge=query["code_challenge"])
    assert browser.open(f"/oauth_callback?state={query['state']}&code={code}").status == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"session_id": None},
        {"scopes": ["users:activity!user=gerd@town"]},
        {"scopes": ["custom:urbanlab:decide!user=anna@town"]},
        {"kind": "service"},
        {"name": "publications@town"},
        {"name": "gerd@nowhere"},
        {"name": "gerd"},
    ],
)
def test_what_the_hub_says_decides_whether_somebody_is_let_in(site: Any, changes: dict[str, Any]) -> None:
    browser = site.browse("gerd@town")
    browser.open("/")
    for token, model in list(site.hub.models.items()):
        if model["name"] == "gerd@town":
            del site.hub.models[token]
    original = site.hub.make_token
    site.hub.make_token = lambda person: original(person, **changes)
    try:
        browser = site.browse("gerd@town")
        assert browser.open("/").status == 403
        assert SESSION not in browser.session.cookies
    finally:
        del site.hub.make_token


def test_somebody_without_a_role_is_told_whom_to_ask(site: Any) -> None:
    page = site.browse("nora@town").open("/")
    assert page.status == 403
    assert "die Verwaltung Ihrer Stadt" in page.text


@pytest.mark.parametrize(
    "path", ["//elsewhere.example", "https://elsewhere.example/", "/\\elsewhere.example", "x"]
)
def test_a_login_leads_nowhere_else(site: Any, path: str) -> None:
    browser = site.browse("gerd@town")
    callback, _ = begin(browser, path)
    assert browser.open(callback, allow_redirects=False).response.headers["Location"] == "/"
    assert to_own_path(path) == "/"


def test_a_kernels_credential_and_a_servers_token_open_no_page(site: Any) -> None:
    credential = make_publisher_token(Holder("gerd@town", "town", "analyst", ("gatekeeper",)), site.key)
    server_token = site.hub.make_token("gerd@town", session_id=None)
    for token in (credential, server_token):
        browser = site.browse()
        browser.session.headers["Authorization"] = f"Bearer {token}"
        browser.session.cookies.set(SESSION, token)
        assert browser.open("/", allow_redirects=False).response.headers["Location"] == "/login?next=%2F"
        assert browser.send("/publish", {"xsrf": token}).status == 403


def test_a_session_opens_nothing_of_the_api(site: Any) -> None:
    browser = site.browse("gerd@town")
    browser.open("/")
    assert browser.open("/api/submissions").status == 401


def test_a_session_ends_soon_after_the_hub_has_revoked_it(site: Any, wait: Callable[..., Any]) -> None:
    browser = site.browse("gerd@town")
    xsrf = browser.get_xsrf()
    site.hub.revoke("gerd@town")
    browser.session.cookies.clear("127.0.0.1")
    wait(lambda: browser.open("/", allow_redirects=False).status == 303, 6, "the session to end")
    page = browser.send("/data-releases", {"xsrf": xsrf, "dataset": "footfall"})
    assert page.status == 403
    assert "nicht mehr angemeldet" in page.text


def test_a_role_that_was_taken_away_counts_no_more(site: Any, wait: Callable[..., Any]) -> None:
    browser = site.browse("grete@town")
    assert "Veröffentlichen …" in browser.open("/").text
    for model in site.hub.models.values():
        if model["name"] == "grete@town":
            model["groups"] = ["/tenants/town/analyst", "/tenants/village/publisher"]
    wait(lambda: "Veröffentlichen …" not in browser.open("/").text, 6, "the role to go")
    assert browser.open("/publish").status == 403


def test_the_hub_is_not_asked_for_each_page(site: Any) -> None:
    browser = site.browse("gerd@town")
    browser.open("/")
    before = site.hub.asked
    for _ in range(5):
        browser.open("/")
    assert site.hub.asked - before <= 1


def test_while_the_hub_is_away_a_page_says_so(site: Any, wait: Callable[..., Any]) -> None:
    browser = site.browse("gerd@town")
    browser.open("/")
    site.hub.is_down = True
    wait(lambda: browser.open("/").status == 503, 6, "the answer to be forgotten")
    assert "Der Hub antwortet nicht" in browser.open("/").text


def test_logging_out_ends_the_session_here(site: Any) -> None:
    browser = site.browse("gerd@town")
    browser.open("/")
    stolen = browser.session.cookies[SESSION]
    page = browser.press("/", "logout")
    assert (page.status, page.path) == (200, "logout")
    assert "Sie sind hier abgemeldet" in page.text
    assert "/hub/logout" in page.response.text
    thief = site.browse()
    thief.session.cookies.set(SESSION, stolen)
    assert thief.open("/", allow_redirects=False).status == 303


@pytest.mark.parametrize(
    "origin", [None, "null", "http://127.0.0.1:8000", "http://127.0.0.2:9", "https://127.0.0.2"]
)
def test_a_form_of_another_page_is_refused(site: Any, origin: str | None) -> None:
    browser = site.browse("gerd@town")
    form = {"xsrf": browser.get_xsrf(), "dataset": "footfall"}
    page = browser.send("/data-releases", form, origin=origin)
    assert page.status == 403
    assert "Seite, die nicht unsere ist" in page.text


@pytest.mark.parametrize("xsrf", [None, "", "x", "ä", "of another session"])
def test_a_form_without_the_sessions_own_token_is_refused(site: Any, xsrf: str | None) -> None:
    given = site.browse("anna@town").get_xsrf() if xsrf == "of another session" else xsrf
    browser = site.browse("gerd@town")
    browser.open("/")
    page = browser.send(
        "/data-releases", {"dataset": "footfall"} | ({} if given is None else {"xsrf": given})
    )
    assert page.status == 403
    assert "öffnen Sie die Seite neu" in page.text


def test_every_page_runs_nothing_and_stands_in_no_frame(site: Any) -> None:
    browser = site.browse("grete@town")
    for path in ("/", "/publish", "/data-releases", "/nothing-here", "/logout", "/submissions/%ff"):
        headers = browser.open(path).response.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "<script" not in browser.open(path).response.text
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"


def test_no_secret_and_no_session_is_in_the_log(site: Any) -> None:
    browser = site.browse("gerd@town")
    browser.open("/")
    log = site.process.log.read_text()
    secrets = [browser.session.cookies[SESSION], browser.get_xsrf(), *site.hub.models, *site.hub.codes]
    assert not [secret for secret in secrets if secret in log]
    assert not re.search(r"code=|state=", log)


def test_many_logins_of_one_person_end_the_oldest_and_nobody_elses() -> None:
    sessions = Sessions()
    other = sessions.create("anna@town", Secret("x"))
    own = [sessions.create("gerd@town", Secret("x")) for _ in range(MAX_OF_ONE + 2)]
    assert [sessions.find(each) is not None for each in own] == [False] * 2 + [True] * MAX_OF_ONE
    assert sessions.find(other)


def test_a_session_lasts_no_longer_than_it_may() -> None:
    sessions = Sessions(seconds=0)
    assert sessions.find(sessions.create("anna@town", Secret("x"))) is None
