"""Host names of their own, TLS and a base path, in an installation that has all three: what one origin cannot do to
another, in a real browser.

It has one town and two people, and no demo.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, BrowserContext, Page

from tests.installation import Installation, make_state_folder, remove_state_folder
from urbanlab.contract.naming import make_subdomain

from .people import People

TOWN = "musterstadt"
PEOPLE = ("anna", "bert")
pytestmark = pytest.mark.timeout(400)


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for localhost and all below it, and its key; return their paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.DNSName("*.localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    formats = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(*formats))
    for path in (certificate, secret):
        path.chmod(0o644)  # the proxy has an account of its own, and this key opens nothing
    return certificate, secret


@pytest.fixture(scope="module")
def guarded() -> Iterator[Installation]:
    """An installation with host names, TLS and a base path."""
    state = make_state_folder()
    certificate, key = write_certificate(state.parent)
    settings = {
        "demo": "0",
        "subdomains": "1",
        "base_url": "/lab/",
        "tls_certificate": str(certificate),
        "tls_key": str(key),
    }
    place = Installation(state, **settings)
    folder = place.settings.tenants
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{TOWN}.yaml").write_text(json.dumps({"title": "Musterstadt", "second_factor": []}))
    try:
        place.start()
        yield place
    finally:
        place.stop()
        remove_state_folder(state)


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
    return f"https://{make_subdomain(f'{name}@{TOWN}')}.localhost:{guarded.settings.hub_port}"


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
        f"https://evil.localhost:{guarded.settings.hub_port}/",
    ):
        answer = request.get(
            f"{guarded.settings.hub_url}hub/login?next={quote(link, safe='')}",
            ignore_https_errors=True,
            max_redirects=0,
        )
        place = urlsplit(answer.headers["location"].replace("\\", "/"))
        own = urlsplit(make_origin(guarded, "anna")).hostname
        assert place.hostname in (None, "localhost", own), answer.headers["location"]
