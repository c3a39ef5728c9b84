"""The administrator's page on the running product: the own tenant, all of it, and nothing of another's."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from playwright.sync_api import Browser

from tests.installation import Installation

from .login import StaffSession
from .operator_access import ask_as_service, wait_until

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "tests/.artifacts/administration"
AXE = ROOT / ".parts/npm/node_modules/axe-core/axe.min.js"
GERMAN = {"Accept-Language": "de"}
ANALYST = "analyst-guetersloh"
STOP = f"hub/tenant/servers/{ANALYST}/stop"
FOREIGN = re.compile(r"rietberg|detmold", re.IGNORECASE)


@pytest.fixture(scope="module")
def admin(installation: Installation) -> Iterator[StaffSession]:
    with StaffSession(installation, "admin-guetersloh") as session:
        yield session


@pytest.fixture(scope="module")
def analyst(installation: Installation) -> Iterator[StaffSession]:
    with StaffSession(installation, ANALYST) as session:
        yield session


def open_page(staff: StaffSession, path: str = "hub/tenant") -> requests.Response:
    return staff.session.get(staff.hub_url + path, headers=GERMAN, timeout=30)


def read_main(page: requests.Response) -> str:
    """Return the words of the page, without its marks."""
    assert page.status_code == 200, page.text
    found = re.search(r"<main.*</main>", page.text, re.DOTALL)
    assert found, page.text
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


def read_form(page: requests.Response) -> dict[str, str]:
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text)
    return {name: html.unescape(value) for name, value in hidden}


def send(staff: StaffSession, path: str, form: dict[str, str]) -> requests.Response:
    return staff.session.post(staff.hub_url + path, form, headers=GERMAN, timeout=30)


def is_running(installation: Installation, hub_user: str) -> bool:
    model = ask_as_service(installation, "operator", "GET", f"users/{quote(hub_user)}").json()
    return bool(model.get("servers"))


def test_the_page_shows_the_own_servers_people_and_numbers(
    admin: StaffSession, analyst: StaffSession
) -> None:
    analyst.start_server()
    text = read_main(open_page(admin))
    assert "Verwaltung von Gütersloh" in text
    found = re.search(rf"{ANALYST} (?:unter einer|\d+) Minuten? ([\d,]+) MB Stoppen …", text)
    assert found, text
    assert float(found[1].replace(",", ".")) > 30
    assert f"{ANALYST} Analyse heute" in text
    assert re.search(r"\d+ Seiten?, \d+ Datens[aä]tze?\.", text), "the publisher tells no numbers"
    assert not FOREIGN.search(text)


def test_nobody_but_an_administrator_gets_in_and_no_token_at_all(
    installation: Installation, analyst: StaffSession
) -> None:
    answers = [open_page(analyst), open_page(analyst, STOP), open_page(analyst, "hub/tenant/servers/x/stop")]
    assert {answer.status_code for answer in answers} == {403}
    result = analyst.ask_json(
        """
        import json, os, urllib.error, urllib.request
        def ask(data):
            headers = {"Authorization": f"token {os.environ.get('JUPYTERHUB_API_TOKEN', 'none')}"}
            url = os.environ["JUPYTERHUB_API_URL"].removesuffix("api") + "tenant"
            try:
                return urllib.request.urlopen(urllib.request.Request(url, data, headers)).geturl()
            except urllib.error.HTTPError as error:
                return f"{error.code} {error.geturl()}"
        print(json.dumps([ask(None), ask(b"x=1")]))
        """.replace("\n        ", "\n")
    )
    assert not [answer for answer in result if answer.endswith("/hub/tenant") and not answer.startswith("4")]
    operator = {"Authorization": f"token {installation.secret('service-operator')}"}
    page = requests.get(f"{analyst.hub_url}hub/tenant", headers=operator, allow_redirects=False, timeout=30)
    assert page.status_code == 302


def test_a_foreign_server_can_neither_be_seen_nor_stopped(
    installation: Installation, admin: StaffSession, analyst: StaffSession
) -> None:
    analyst.start_server()
    with StaffSession(installation, "analyst-rietberg") as foreign:
        foreign.start_server()
        assert not FOREIGN.search(read_main(open_page(admin)))
        form = read_form(open_page(admin, STOP))
        for name in ("analyst-rietberg", "analyst-rietberg@rietberg", "analyst-rietberg%40rietberg"):
            path = f"hub/tenant/servers/{name}/stop"
            assert open_page(admin, path).status_code == 404
            assert send(admin, path, form).status_code == 404
        assert is_running(installation, "analyst-rietberg@rietberg")


def test_a_server_of_the_tenant_is_stopped_after_a_question_and_that_is_written_down(
    installation: Installation, admin: StaffSession, analyst: StaffSession
) -> None:
    analyst.start_server()
    question = open_page(admin, STOP)
    assert f"Server von {ANALYST} stoppen?" in read_main(question)
    assert is_running(installation, f"{ANALYST}@guetersloh")
    assert "gestoppt" in read_main(send(admin, STOP, read_form(question)))
    wait_until(lambda: not is_running(installation, f"{ANALYST}@guetersloh"))
    line = re.compile(rf"admin-guetersloh +Handlung der Verwaltung: Server gestoppt ?; {ANALYST}")
    wait_until(lambda: line.search(read_main(open_page(admin))))


def test_switching_is_a_click_in_the_header(installation: Installation) -> None:
    with StaffSession(installation, "analyst-multi", "guetersloh") as staff:
        home = staff.session.get(f"{staff.hub_url}hub/home", timeout=30).text
        assert 'id="administration-link"' not in home
        (link,) = re.findall(r'href="(/hub/login\?tenant=[^"]+)">Rietberg<', home)
        page = staff.session.get(staff.hub_url.rstrip("/") + html.unescape(link), timeout=30)
        assert page.url.endswith("/hub/home")
        assert "analyst-multi@rietberg" in page.text
        assert "Gütersloh</a>" in page.content.decode()


def test_it_is_seen_in_a_browser_with_the_log(browser: Browser, admin: StaffSession) -> None:
    context = browser.new_context(
        viewport={"width": 375, "height": 812}, locale="de-DE", bypass_csp=True, base_url=admin.hub_url
    )
    for cookie in admin.session.cookies:
        if cookie.domain == "127.0.0.1":
            context.add_cookies(
                [
                    {
                        "name": cookie.name,
                        "value": cookie.value or "",
                        "domain": cookie.domain,
                        "path": cookie.path,
                    }
                ]
            )
    page = context.new_page()
    page.goto("hub/tenant")
    page.get_by_role("heading", level=1).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / "installation-phone.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.screenshot(path=ARTIFACTS / "installation-desktop.png", full_page=True)
    if AXE.exists():
        page.add_script_tag(path=AXE)
        found = page.evaluate(
            "async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
        )
        assert found == []
    context.close()
