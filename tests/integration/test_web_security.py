"""What browsers are told and what they cannot be made to do: cookies, forged forms, frames, and ways elsewhere."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from http.cookies import Morsel, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import pytest
import requests

from tests.installation import Installation

from .authorization_table import HUB_API, HUB_PAGES
from .login import StaffSession, make_browser_session
from .test_authorization_walk import METHODS, Asker, make_paths

USERNAME = "gatekeeper-rietberg"


class Browser:
    """A session that keeps every answer on its way, and the cookies as they were set."""

    def __init__(self) -> None:
        self.session = make_browser_session()
        self.answers: list[requests.Response] = []
        self.session.hooks["response"].append(lambda answer, **_: self.answers.append(answer))

    def log_in(self, installation: Installation, start: str, *, follow: bool = True) -> requests.Response:
        """Go to an address that leads to Keycloak, and log in there."""
        page = self.session.get(start, timeout=30)
        action = re.search(r'id="kc-form-login"[^>]*action="([^"]+)"', page.text)
        assert action, page.url
        form = {"username": USERNAME, "password": installation.password(USERNAME)}
        return self.session.post(html.unescape(action[1]), form, timeout=30, allow_redirects=follow)

    def list_cookies(self) -> Iterator[tuple[str, Morsel[str]]]:
        """Give the origin and each cookie that was set and not removed."""
        for answer in self.answers:
            for header in answer.raw.headers.getlist("Set-Cookie"):
                for morsel in SimpleCookie(header).values():
                    if morsel.value and morsel["expires"][-8:] != "1970 GMT":
                        yield f"{urlsplit(answer.url).scheme}://{urlsplit(answer.url).netloc}", morsel


@pytest.fixture(scope="module")
def staff(installation: Installation) -> Iterator[StaffSession]:
    """Somebody with a running server."""
    with StaffSession(installation, "analyst-rietberg") as session:
        session.start_server()
        yield session


@pytest.fixture(scope="module")
def origins(installation: Installation) -> set[str]:
    """The origins of the installation, which alone may be led to."""
    settings = installation.settings
    urls = (settings.hub_url, settings.publisher_url, settings.portal_url, settings.keycloak_url)
    return {f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in urls}


# --- cookies ---


def test_cookies_are_kept_from_scripts_other_sites_and_other_paths(
    installation: Installation, staff: StaffSession
) -> None:
    settings, browser = installation.settings, Browser()
    browser.log_in(installation, f"{settings.hub_url}hub/login?next=%2Fhub%2Fhome")
    browser.session.get(f"{settings.publisher_url}/", timeout=30)
    own = Browser()
    own.session.cookies.update(staff.session.cookies)
    own.session.cookies.clear(domain="127.0.0.1", path=urlsplit(staff.prefix).path)
    own.session.get(f"{staff.prefix}lab", timeout=30)
    found = {}
    for each in (browser, own):
        for origin, cookie in each.list_cookies():
            if origin != settings.keycloak_url:  # Keycloak's are Keycloak's
                found[cookie.key] = (bool(cookie["httponly"]), cookie["samesite"], cookie["path"])
    assert {"jupyterhub-session-id", "jupyterhub-hub-login", "_xsrf", "urbanlab-publisher"} <= set(found)
    assert any(name.startswith("jupyterhub-user-") for name in found)
    # The pages' own scripts hand the token of forms on, so they can read it.
    assert {name for name, (httponly, _, _) in found.items() if not httponly} == {"_xsrf"}
    assert {name: same for name, (_, same, _) in found.items() if same not in ("Lax", "Strict")} == {}
    on_all_paths = {name for name, (_, _, path) in found.items() if path in ("/", "")}
    # The id of the session opens nothing; what a login sets out with counts once, and only with Keycloak's answer.
    assert on_all_paths == {"jupyterhub-session-id", "oauthenticator-state", "urbanlab-publisher"}


# --- forged forms ---


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    "referer", ["", "http://evil.example/", "http://127.0.0.2/", "{publisher}.evil.example/"]
)
def test_no_link_elsewhere_logs_somebody_out(
    installation: Installation, staff: StaffSession, site: str, referer: str
) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    if referer:
        headers["Referer"] = referer.format(publisher=installation.settings.publisher_url)
    answer = staff.session.get(f"{installation.settings.hub_url}hub/logout", headers=headers, timeout=30)
    assert answer.url.endswith("/hub/home")
    assert staff.is_ready()


def test_the_publishers_link_logs_out(installation: Installation) -> None:
    settings, browser = installation.settings, Browser()
    browser.log_in(installation, f"{settings.hub_url}hub/login?next=%2Fhub%2Fhome")
    headers = {"Sec-Fetch-Site": "cross-site", "Referer": f"{settings.publisher_url}/"}
    browser.session.get(f"{settings.hub_url}hub/logout", headers=headers, timeout=30)
    assert browser.answers[-1].url == f"{settings.hub_url}hub/logged-out"


def test_no_page_elsewhere_changes_anything_at_the_hub(
    installation: Installation, staff: StaffSession
) -> None:
    asker = Asker("analyst", staff.hub_user, staff=staff)
    base, done = installation.settings.hub_url + "hub", []
    headers = {"Origin": "http://evil.example", "Referer": "http://evil.example/", "Sec-Fetch-Site": "cross-site",
               "Sec-Fetch-Mode": "navigate", "Content-Type": "application/x-www-form-urlencoded"}  # fmt: skip
    for pattern in [*HUB_API, *HUB_PAGES]:
        path = make_paths(pattern, asker).get("self") or make_paths(pattern, asker)[""]
        for method in METHODS[1:]:
            answer = staff.session.request(
                method, base + path, headers=headers, data="x=1", timeout=30, allow_redirects=False
            )
            if answer.status_code not in (400, 403, 404, 405, 424, 500):
                done.append([method, path, answer.status_code])
    # The browser's own report, and what needs a client's secret, know no session.
    assert done == [["POST", "/security/csp-report", 200]] or done == []
    assert staff.is_ready()


FORMS = ["/publish", "/data-releases", "/logout"]


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("forged", [{"xsrf": ""}, {"xsrf": "x" * 43}, {}], ids=["empty", "guessed", "none"])
def test_no_form_elsewhere_changes_anything_at_the_publisher(
    publisher: requests.Session, installation: Installation, path: str, forged: dict[str, str]
) -> None:
    address = installation.settings.publisher_url
    for headers in ({"Origin": address}, {"Origin": "http://127.0.0.1"}, {"Origin": "null"}, {},
                    {"Origin": address, "Sec-Fetch-Site": "same-site"}):  # fmt: skip
        answer = publisher.post(
            address + path, {**forged, "title": "x"}, headers=headers, timeout=30, allow_redirects=False
        )
        assert answer.status_code == 403, headers


@pytest.fixture(scope="module")
def publisher(installation: Installation) -> requests.Session:
    """Somebody who is logged in at the publisher's pages."""
    browser = Browser()
    page = browser.log_in(installation, f"{installation.settings.publisher_url}/")
    assert page.url == f"{installation.settings.publisher_url}/"
    return browser.session


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "api/contents/x.txt"), ("DELETE", "api/contents/x.txt"), ("POST", "api/kernels"),
     ("PATCH", "api/contents/x"), ("POST", "api/sessions"), ("POST", "api/terminals"),
     ("POST", "api/shutdown"), ("GET", "api/contents")],
)  # fmt: skip
def test_no_page_elsewhere_acts_on_a_server(staff: StaffSession, method: str, path: str) -> None:
    for headers in (
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Content-Type": "text/plain"},
        {"X-XSRFToken": "x" * 40, "Sec-Fetch-Mode": "cors"},
    ):
        answer = staff.session.request(
            method, staff.prefix + path, headers=headers, timeout=30, allow_redirects=False
        )
        assert answer.status_code in (403, 404), (headers, answer.text[:200])


# --- what pages may load, and where they may be shown ---


def test_pages_stand_in_no_foreign_frame_and_load_nothing_foreign(
    installation: Installation, staff: StaffSession, publisher: requests.Session
) -> None:
    settings = installation.settings
    evil = {"type": "file", "format": "text", "content": "<script>document.title='ran'</script>"}
    staff.ask_server("PUT", "api/contents/evil.html", json=evil).raise_for_status()
    pages: list[tuple[Any, str, tuple[str, ...]]] = [
        (requests, f"{settings.hub_url}hub/logged-out", ("frame-ancestors 'none'",)),
        (staff.session, f"{settings.hub_url}hub/home", ("frame-ancestors 'none'",)),
        (staff.session, f"{settings.hub_url}hub/api/user", ("frame-ancestors 'none'", "default-src 'none'")),
        (
            staff.session,
            f"{staff.prefix}lab",
            ("frame-ancestors 'self'", "default-src 'self'", "base-uri 'self'"),
        ),
        (staff.session, f"{staff.prefix}files/evil.html", ("sandbox allow-scripts",)),
        (staff.session, f"{staff.prefix}api/contents", ("default-src",)),
        (
            publisher,
            f"{settings.publisher_url}/",
            ("frame-ancestors 'none'", "default-src 'none'", "base-uri 'none'"),
        ),
        (publisher, f"{settings.publisher_url}/nonsuch", ("frame-ancestors 'none'", "default-src 'none'")),
        (requests, f"{settings.portal_url}/", ("frame-ancestors", "default-src 'none'", "base-uri 'none'")),
        (requests, f"{settings.portal_url}/nonsuch/x/", ("frame-ancestors", "default-src 'none'")),
    ]
    lacking = []
    for session, address, directives in pages:
        answer = session.get(address, timeout=30)
        policy = answer.headers.get("Content-Security-Policy", "")
        lacking += [(address, directive) for directive in directives if directive not in policy]
        if re.search(r"https?:", policy.replace(settings.hub_origin, "").replace(settings.portal_url, "").replace(
                settings.publisher_url, "").replace(settings.keycloak_url, "")):  # fmt: skip
            lacking.append((address, policy))
        named = set(re.findall(r'(?:src|href)="(?:https?:)?//([^"/]+)', answer.text))
        named -= {
            urlsplit(url).netloc for url in (settings.hub_url, settings.portal_url, settings.publisher_url)
        }
        lacking += [
            (address, name) for name in named if "script" in answer.text and name not in ("jupyter.org",)
        ]
    assert lacking == []


# --- ways elsewhere ---

ELSEWHERE = [
    "//evil.example", "///evil.example", "////evil.example/x", "https://evil.example/", "https:evil.example",
    "https:/evil.example", "http:evil.example", "\\\\evil.example", "/\\evil.example", "\\/evil.example",
    "/\t/evil.example", "/\n/evil.example", "\t//evil.example", "/%2f%2fevil.example", "/%09/evil.example",
    "/%5cevil.example", "//evil%E3%80%82example", "//127.0.0.1@evil.example/", "http://127.0.0.1@evil.example/",
    "{own}@evil.example/", "{own}.evil.example/", "//{host}@evil.example", "//{host}.evil.example",
    "/./\\evil.example", "/..//evil.example", "/hub/..//evil.example", "/hub/%2e%2e//evil.example",
    "javascript:alert(1)", "data:text/html,x", "/\x00//evil.example",
    "//evil.example\\@{host}", "/;//evil.example", "?//evil.example",
    "//[::ffff:1.2.3.4]/", " //evil.example",
]  # fmt: skip


def find_origin(page: str, place: str) -> str:
    """Return the origin to which a browser goes that is sent from a page to a place."""
    cleaned = re.sub(r"[\t\r\n]", "", place).strip("\x00-\x20").replace("\\", "/")
    slashes = re.fullmatch(r"(https?):/*([^/].*)", cleaned, re.IGNORECASE | re.DOTALL)
    if slashes:  # whatever stands between a scheme that browsers know and the host
        cleaned = f"{slashes[1]}://{slashes[2]}"
    elif cleaned.startswith("//"):
        cleaned = "//" + cleaned.lstrip("/")
    parts = urlsplit(urljoin(page, cleaned))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def test_what_leads_elsewhere_is_recognised() -> None:
    page, own = "http://127.0.0.1:8000/hub/login", "http://127.0.0.1:8000"
    given = [place.format(own=own, host="127.0.0.1:8000") for place in ELSEWHERE]
    assert [place for place in given if find_origin(page, place) != own and "evil.example" in place]
    assert find_origin(page, "/hub/home") == own
    assert find_origin(page, "/\\evil.example") == find_origin(page, "https:evil.example").replace(
        "https", "http"
    )


DOORS = [
    "{hub}hub/login?next={next}", "{hub}hub/login?tenant=rietberg&next={next}", "{hub}hub/?next={next}",
    "{hub}hub/logged-out?next={next}", "{hub}hub/user-redirect{next}", "{hub}hub/spawn-pending/{user}?next={next}",
    "{hub}hub/user/{user}/..{next}", "{server}login?next={next}", "{server}lab/..{next}", "{server}{next}/",
    "{server}tree/{next}/", "{publisher}/login?next={next}", "{publisher}{next}", "{portal}{next}",
    "{portal}/rietberg{next}", "{hub}{next}/hub", "{hub}{next}",
]  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_no_address_of_ours_leads_elsewhere(
    installation: Installation, staff: StaffSession, publisher: requests.Session, origins: set[str], door: str
) -> None:
    settings, led = installation.settings, []
    session = publisher if door.startswith("{publisher}") else staff.session
    for place in ELSEWHERE:
        given = place.format(own=settings.hub_origin, host=urlsplit(settings.hub_origin).netloc)
        in_query = "next={next}" in door
        if not in_query and not given.startswith(("/", "?")):
            continue  # would be another port or host from the start
        address = door.format(
            hub=settings.hub_url, publisher=settings.publisher_url, portal=settings.portal_url, server=staff.prefix,
            user=quote(staff.hub_user), next=quote(given, safe="" if in_query else "/\\:@?;%.[]"),
        )  # fmt: skip
        for _ in range(1 if door.startswith("{publisher}") else 3):
            answer = get_as_written(session, address)
            if not answer.is_redirect:
                break
            following = answer.headers["Location"]
            if find_origin(address, following) not in origins:
                led.append((address, following))
                break
            address = urljoin(address, following)
            if urlsplit(address).path.endswith("/auth"):
                break  # Keycloak, which knows the addresses that it may send to
    assert led == []


def get_as_written(session: requests.Session, address: str) -> requests.Response:
    """Ask for an address as it is written: a client would tidy it up."""
    prepared = session.prepare_request(requests.Request("GET", address))
    prepared.url = address
    return session.send(prepared, timeout=30, allow_redirects=False)


@pytest.mark.parametrize("place", ELSEWHERE[:14:2])
def test_a_whole_login_leads_nowhere_else(installation: Installation, origins: set[str], place: str) -> None:
    browser = Browser()
    browser.log_in(
        installation, f"{installation.settings.hub_url}hub/oauth_login?next={quote(place, safe='')}"
    )
    led = [answer.headers["Location"] for answer in browser.answers if answer.is_redirect
           if find_origin(answer.url, answer.headers["Location"]) not in origins]  # fmt: skip
    assert led == []
    assert urlsplit(browser.answers[-1].url).netloc == urlsplit(installation.settings.hub_url).netloc


# --- logging somebody in as somebody else ---


def test_an_answer_of_keycloak_logs_in_nobody_but_who_asked(installation: Installation) -> None:
    hub = installation.settings.hub_url
    attacker = Browser()
    given = attacker.log_in(installation, f"{hub}hub/oauth_login", follow=False)
    callback = given.headers["Location"]
    assert callback.startswith(f"{hub}hub/oauth_callback")
    fresh, waiting = Browser(), Browser()
    waiting.session.get(f"{hub}hub/oauth_login", timeout=30)
    query = parse_qs(urlsplit(callback).query)
    own_state = next(
        parse_qs(urlsplit(each.url).query)["state"][0] for each in waiting.answers if "state=" in each.url
    )
    mixed = f"{hub}hub/oauth_callback?code={quote(query['code'][0])}&state={quote(own_state)}"
    for victim, address in ((fresh, callback), (waiting, callback), (waiting, mixed)):
        page = victim.session.get(address, timeout=30)
        assert page.status_code == 400, page.url
        assert "jupyterhub-hub-login" not in {cookie.name for cookie in victim.session.cookies}


def test_an_answer_of_keycloak_counts_once(installation: Installation) -> None:
    hub = installation.settings.hub_url
    browser = Browser()
    callback = browser.log_in(installation, f"{hub}hub/oauth_login?next=%2Fhub%2Fhome", follow=False).headers[
        "Location"
    ]
    kept = browser.session.cookies.copy()
    assert browser.session.get(callback, timeout=30).url == f"{hub}hub/home"
    again = Browser()
    again.session.cookies.update(kept)
    assert again.session.get(callback, timeout=30).status_code == 400
    assert "jupyterhub-hub-login" not in {cookie.name for cookie in again.session.cookies}
