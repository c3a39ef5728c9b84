"""Host names of their own, TLS and a base path, in an installation that has all three: what one origin cannot do to
another, in a real browser.

It has one town and two people, and no demo. Where nginx is at hand TLS ends there, as with most operators, and else
at our own proxy.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page
from requests.adapters import HTTPAdapter

from tests.certificates import write_certificate
from tests.installation import Installation, find_free_ports, make_state_folder, remove_state_folder
from urbanlab.contract.naming import make_subdomain

from .operator_access import wait_until
from .people import People
from .reverse_proxy import NGINX, reverse_proxy

TOWN = "musterstadt"
PEOPLE = ("anna", "bert")
PROXY, BROWSER, MADE_UP = "127.0.0.1", "127.0.0.5", "203.0.113.9"
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def guarded() -> Iterator[Installation]:
    """An installation with host names, TLS and a base path."""
    state = make_state_folder()
    certificate, key = write_certificate(state.parent)
    front = int(find_free_ports()["hub_port"])
    own = {"tls_certificate": str(certificate), "tls_key": str(key)}
    behind = {
        "public_url": f"https://localhost:{front}",
        "keycloak_public_url": f"https://login.localhost:{front}",
        "trusted_proxies": PROXY,
    }
    place = Installation(state, demo="0", subdomains="1", base_url="/lab/", **(behind if NGINX else own))
    folder = place.settings.tenants
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{TOWN}.yaml").write_text(json.dumps({"title": "Musterstadt", "second_factor": []}))
    with ExitStack() as stack:
        stack.callback(remove_state_folder, state)
        stack.callback(place.stop)
        place.start()
        if NGINX:
            stack.enter_context(reverse_proxy(place, front, certificate, key, state.parent / "nginx"))
        yield place


@pytest.fixture(scope="module")
def people(guarded: Installation) -> Iterator[dict[str, str]]:
    """The passwords of the people by name."""
    made = People(guarded)
    yield {name: made.make(name, (f"/tenants/{TOWN}/analyst",)) for name in PEOPLE}
    made.remove()


@pytest.fixture(scope="module")
def contexts(
    browser: Browser, guarded: Installation, people: dict[str, str]
) -> Iterator[dict[str, BrowserContext]]:
    """A browser of each, logged in, with JupyterLab open at the own host name."""
    made = {name: browser.new_context(ignore_https_errors=True) for name in PEOPLE}
    for name, context in made.items():
        page = context.new_page()
        page.goto(f"{guarded.settings.hub_url}hub/login")
        page.locator("#username").fill(name)
        page.locator("#password").fill(people[name])
        page.locator("#kc-login").click()
        page.wait_for_url(f"**{make_prefix(name)}lab**", timeout=90_000)
    yield made
    for context in made.values():
        context.close()


def make_prefix(name: str) -> str:
    """Return the path of somebody's server."""
    return f"/lab/user/{name}@{TOWN}/"


def make_origin(guarded: Installation, name: str) -> str:
    """Return the origin of somebody's server."""
    return f"https://{make_subdomain(f'{name}@{TOWN}')}.localhost:{urlsplit(guarded.settings.hub_url).port}"


def test_each_server_is_at_a_host_name_of_its_own(
    guarded: Installation, contexts: dict[str, BrowserContext]
) -> None:
    shown = {name: context.pages[0].url for name, context in contexts.items()}
    assert {name: url.partition("lab?")[0].partition("lab/")[0] for name, url in shown.items()}
    for name, url in shown.items():
        assert url.startswith(f"{make_origin(guarded, name)}{make_prefix(name)}lab")
    assert len({urlsplit(url).hostname for url in shown.values()} | {"localhost"}) == 3


def test_cookies_are_kept_to_tls_and_logins_to_one_host(
    guarded: Installation, contexts: dict[str, BrowserContext]
) -> None:
    cookies = [each for each in contexts["anna"].cookies() if not each["path"].startswith("/realms/")]
    found = {each["name"]: each for each in cookies}
    assert {"jupyterhub-session-id", "jupyterhub-hub-login", "_xsrf"} <= set(found)
    assert {each["name"] for each in cookies if not each["secure"]} == set()
    assert {each["name"] for each in cookies if each["sameSite"] not in ("Lax", "Strict")} == set()
    own = urlsplit(make_origin(guarded, "anna")).hostname
    named = [each for each in cookies if each["name"] != "_xsrf"]
    hosts = {(each["name"].partition("user-")[0], each["domain"].lstrip(".")) for each in named}
    # The id of the session opens nothing: by it services notice that somebody has logged out.
    login, session = ("jupyterhub-hub-login", "localhost"), ("jupyterhub-session-id", "localhost")
    assert hosts == {login, session, ("jupyterhub-", own)}
    assert found["jupyterhub-hub-login"]["path"] == "/lab/hub/"


READ = """async (addresses) => {
  const got = [];
  for (const address of addresses) for (const mode of ["cors", "no-cors"]) for (const method of ["GET", "POST"]) {
    try {
      const answer = await fetch(address, {credentials: "include", mode, method});
      const text = await answer.text();
      if (answer.ok || text) got.push([address, mode, method, answer.status, text.slice(0, 80)]);
    } catch (error) { /* refused by the browser */ }
  }
  return got;
}"""
SEND = """async ([address, body]) => {
  const form = document.createElement("form");
  form.action = address; form.method = "POST"; form.enctype = "text/plain"; form.target = "_blank";
  const field = document.createElement("input"); field.name = body; form.append(field);
  document.body.append(form); form.submit();
  await new Promise((resolve) => setTimeout(resolve, 1500));
}"""


def open_as_attacker(guarded: Installation, context: BrowserContext, victim: str, attacker: str) -> Page:
    """Return a page of the attacker's host in the victim's browser, as if the victim had followed a link there.

    The attacker's server may answer with whatever it likes, so the browser is given a page of that origin.
    """
    page = context.new_page()
    address = f"{make_origin(guarded, attacker)}{make_prefix(attacker)}trap"
    page.route(
        address, lambda route: route.fulfill(status=200, content_type="text/html", body="<title>trap</title>")
    )
    page.goto(address)
    assert page.title() == "trap"
    return page


def test_a_script_on_one_host_reads_and_does_nothing_on_anothers_nor_at_the_hub(
    guarded: Installation, contexts: dict[str, BrowserContext]
) -> None:
    context, hub = contexts["anna"], guarded.settings.hub_url
    server = make_origin(guarded, "anna") + make_prefix("anna")
    own = contexts["anna"].pages[0].evaluate(READ, [f"{server}api/kernelspecs"])
    assert [each for each in own if each[3] == 200 or each[3] == 403], "the question itself does not work"
    page = open_as_attacker(guarded, context, "anna", "bert")
    places = [f"{server}api/contents", f"{server}lab", f"{hub}hub/home", f"{hub}hub/api/user", f"{hub}hub/token",
              f"{hub}hub/api/users/{quote(f'anna@{TOWN}')}/server"]  # fmt: skip
    assert page.evaluate(READ, places) == []
    assert [
        name
        for name in page.evaluate("document.cookie").split("; ")
        if "user-anna" in name or "hub-login" in name
    ] == []
    # A window of the other host stays closed to the one who opened it.
    blind = page.evaluate(
        """async (address) => { const other = window.open(address);
        await new Promise((resolve) => setTimeout(resolve, 2500));
        try { return other.document.body.innerHTML.slice(0, 50); } catch (error) { return error.name; } }""",
        f"{hub}hub/home",
    )
    assert blind in ("SecurityError", "TypeError")
    for address in (f"{server}api/contents/forged.txt", f"{hub}hub/api/users/{quote(f'anna@{TOWN}')}/server"):
        page.evaluate(SEND, [address, '{"type":"file"}'])
    page.evaluate("(address) => { location.href = address; }", f"{hub}hub/logout")
    page.wait_for_url(f"{hub}hub/home")
    listed = contexts["anna"].pages[0].evaluate(READ, [f"{server}files/forged.txt"])
    assert {each[3] for each in listed} <= {403, 404}
    framed = page.evaluate(
        """async (address) => { const frame = document.createElement("iframe"); frame.src = address;
        document.body.append(frame); await new Promise((resolve) => setTimeout(resolve, 1500));
        try { return frame.contentDocument.body.innerHTML.length > 0; } catch (error) { return error.name; } }""",
        f"{server}lab",
    )
    assert framed in (False, "SecurityError", "TypeError")
    page.close()


def test_the_hub_answers_below_its_path_and_by_tls_alone(
    guarded: Installation, contexts: dict[str, BrowserContext]
) -> None:
    request = contexts["anna"].request
    home = request.get(f"{guarded.settings.hub_url}hub/home", ignore_https_errors=True)
    assert home.status == 200
    assert 'href="/hub/' not in home.text()
    assert request.get(
        f"{guarded.settings.hub_origin}/hub/home", ignore_https_errors=True, max_redirects=0
    ).status in (302, 404)
    for link in (
        "http://evil.example/",
        "//evil.example",
        "/\\evil.example",
        f"https://evil.localhost:{urlsplit(guarded.settings.hub_url).port}/",
    ):
        answer = request.get(
            f"{guarded.settings.hub_url}hub/login?next={quote(link, safe='')}",
            ignore_https_errors=True,
            max_redirects=0,
        )
        place = urlsplit(answer.headers["location"].replace("\\", "/"))
        own = urlsplit(make_origin(guarded, "anna")).hostname
        assert place.hostname in (None, "localhost", own), answer.headers["location"]


# --- a reverse proxy in front ---

needs_proxy = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: the package nginx brings it")
FORGED = {
    "X-Forwarded-For": MADE_UP,
    "X-Real-IP": MADE_UP,
    "Forwarded": f"for={MADE_UP};proto=http;host=evil.example",
    "X-Forwarded-Proto": "http",
    "X-Scheme": "http",
    "X-Forwarded-Host": "evil.example",
}
LISTEN = """async (path) => {
  const token = document.cookie.split("; ").find((each) => each.startsWith("_xsrf=")).slice(6);
  const started = await fetch(`${path}api/kernels`, {method: "POST", headers: {"X-XSRFToken": token}, body: "{}"});
  const socket = new WebSocket(`wss://${location.host}${path}api/kernels/${(await started.json()).id}/channels`);
  const status = await new Promise((resolve, reject) => {
    socket.onmessage = (event) => resolve(JSON.parse(event.data).msg_type);
    socket.onclose = () => reject(new Error("closed"));
  });
  socket.close();
  return status;
}"""


class _FromAddress(HTTPAdapter):
    """Asks from one address of the machine."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make the connections."""
        super().init_poolmanager(*arguments, source_address=(BROWSER, 0), **options)


@pytest.fixture
def elsewhere(guarded: Installation) -> Iterator[requests.Session]:
    """A browser at an address of its own that says what it likes of its way."""
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, _FromAddress())
        session.verify = str(guarded.settings.state.parent / "certificate.pem")
        session.trust_env = False  # whose bundle of certificates would be taken for ours
        session.headers.update(FORGED)
        yield session


@needs_proxy
@pytest.mark.parametrize("is_direct", [False, True], ids=["through the proxy", "past it"])
def test_what_a_browser_says_of_its_way_counts_for_nothing(
    guarded: Installation, elsewhere: requests.Session, is_direct: bool
) -> None:
    settings = guarded.settings
    own = f"http://127.0.0.1:{settings.hub_port}/lab/" if is_direct else settings.hub_url
    answer = elsewhere.get(f"{own}hub/oauth_login?seen={is_direct}", timeout=30, allow_redirects=False)
    place = urlsplit(answer.headers["Location"])
    assert f"{place.scheme}://{place.netloc}" == settings.login_url
    assert parse_qs(place.query)["redirect_uri"] == [f"{settings.hub_url}hub/oauth_callback"]
    assert {cookie.secure for cookie in answer.cookies} == {True}
    log = settings.state / "logs" / "hub.log"
    line = wait_until(
        lambda: next((line for line in log.read_text().splitlines() if f"seen={is_direct}" in line), "")
    )
    assert f"(@{BROWSER})" in line
    assert MADE_UP not in log.read_text()


@needs_proxy
def test_kernels_are_heard_through_the_reverse_proxy(
    guarded: Installation, contexts: dict[str, BrowserContext]
) -> None:
    page = contexts["anna"].pages[0]
    assert page.url.startswith(make_origin(guarded, "anna"))
    assert page.evaluate(LISTEN, make_prefix("anna")) in ("status", "kernel_info_reply", "iopub_welcome")


@needs_proxy
def test_keycloaks_administration_stays_on_the_machine(
    guarded: Installation, elsewhere: requests.Session
) -> None:
    address = f"{guarded.settings.hub_origin}/admin/"
    name = {"Host": urlsplit(guarded.settings.login_url).netloc}
    assert elsewhere.get(address, headers=name, timeout=30).status_code == 404
    realm = f"{guarded.settings.hub_origin}/realms/urban/.well-known/openid-configuration"
    assert elsewhere.get(realm, headers=name, timeout=30).json()["issuer"] == guarded.settings.issuer
    master = f"{guarded.settings.hub_origin}/realms/master/.well-known/openid-configuration"
    assert elsewhere.get(master, headers=name, timeout=30).status_code == 404


def test_the_own_server_leads_to_the_logout(
    guarded: Installation, contexts: dict[str, BrowserContext]
) -> None:
    page = contexts["bert"].pages[0]
    page.evaluate("(path) => { location.href = `${path}logout`; }", make_prefix("bert"))
    page.wait_for_url(f"{guarded.settings.hub_url}hub/logged-out")
