"""The page at a real hub: who gets in, what it shows, and that it stops only what it was asked about."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil
import pytest
import requests

from urbanlab.contract.naming import make_hub_user

from .conftest import HOSTILE, Browser, Hub, make_request

STOP_KARL = "tenant/servers/karl/stop"
FOREIGN = "Dorf|village|vera|viktor"


@pytest.fixture(scope="module")
def anna(hub: Hub) -> Browser:
    """The administrator of the town."""
    return hub.log_in("anna@town")


@pytest.fixture
def karl(hub: Hub) -> Iterator[Browser]:
    """An analyst of the town whose server runs."""
    browser = hub.log_in("karl@town")
    browser.start_server()
    yield browser
    browser.stop_server()


@pytest.fixture
def viktor(hub: Hub) -> Iterator[Browser]:
    """Somebody of another tenant whose server runs."""
    browser = hub.log_in("viktor@village")
    browser.start_server()
    yield browser
    browser.stop_server()


def read_main(page: requests.Response) -> str:
    """Return the words of the page, without its marks."""
    found = re.search(r"<main.*</main>", page.text, re.DOTALL)
    assert found, page.text
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


# --- who gets in ---


@pytest.mark.parametrize("person", ["gerd@town", "karl@town", "nora@town", "publications@town"])
@pytest.mark.parametrize(
    "path",
    [
        "tenant",
        STOP_KARL,
        "tenant/servers/viktor/stop",
        "tenant/servers/viktor@village/stop",
        "tenant?lang=en",
    ],
)
def test_nobody_else_gets_in_and_all_refusals_are_alike(hub: Hub, person: str, path: str) -> None:
    browser = hub.log_in(person)
    answers = [browser.open(path), browser.send(path, {"_xsrf": browser.get_xsrf("home")})]
    for answer in answers:
        assert answer.status_code in (403, 405)
        assert (
            "for a municipality's administrators" in html.unescape(answer.text) or answer.status_code == 405
        )
        assert not re.search(FOREIGN, answer.text)


def test_whoever_is_not_logged_in_is_sent_to_the_login(hub: Hub) -> None:
    session = requests.Session()
    answer = session.get(f"{hub.url}tenant", allow_redirects=False, timeout=20)
    assert answer.status_code == 302
    assert "/hub/login" in answer.headers["Location"]
    assert session.post(f"{hub.url}{STOP_KARL}", timeout=20).status_code == 403


def test_no_token_opens_it_not_even_that_of_an_administrators_server(hub: Hub, anna: Browser) -> None:
    anna.start_server()
    token = find_token("anna@town")
    who = requests.get(f"{hub.url}api/user", headers={"Authorization": f"token {token}"}, timeout=20)
    assert who.json()["name"] == "anna@town"
    for header in (f"token {token}", f"Bearer {token}"):
        headers = {"Authorization": header}
        page = requests.get(f"{hub.url}tenant", headers=headers, allow_redirects=False, timeout=20)
        assert page.status_code == 302
        assert requests.post(f"{hub.url}{STOP_KARL}", headers=headers, timeout=20).status_code == 403
    anna.stop_server()


def find_token(person: str) -> str:
    """Return the token of a person's server, as code that runs in it has it."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            environ = process.environ()
            if (environ.get("JUPYTERHUB_USER"), environ.get("URBANLAB_TENANT")) == (person, "town"):
                return environ["JUPYTERHUB_API_TOKEN"]
    raise AssertionError(f"{person} has no server")


@pytest.mark.parametrize(
    "fetch", [{"Mode": "cors", "Dest": "empty"}, {"Mode": "navigate", "Dest": "iframe"}, {"Mode": "no-cors"}]
)
def test_no_script_and_no_frame_of_the_same_origin_reads_it(anna: Browser, fetch: dict[str, str]) -> None:
    headers = {f"Sec-Fetch-{name}": value for name, value in fetch.items()}
    headers |= {"Sec-Fetch-Site": "same-origin", "X-XSRFToken": anna.get_xsrf("home")}
    answer = anna.open("tenant", headers=headers)
    assert answer.status_code == 403
    assert "karl" not in answer.text


def test_the_page_is_kept_nowhere_and_no_opener_holds_on_to_it(anna: Browser) -> None:
    headers = anna.open("tenant").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Opener-Policy"] == "noopener-allow-popups"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


# --- what it shows ---


def test_it_shows_the_own_tenant_and_nothing_of_another(
    hub: Hub, anna: Browser, karl: Browser, viktor: Browser
) -> None:
    for number, tenant in enumerate(("town", "town", "village")):
        hub.store.save_data_request(make_request(tenant, number))
    page = anna.open("tenant")
    text = read_main(page)
    assert "Verwaltung von Stadt & Muster" in text
    assert re.search(r"karl unter einer Minute \d+ MB Stoppen … karl", text), text
    assert "0 Seiten, 2 Datensätze." in text
    assert "anna Datenpflege, Verwaltung heute" in text
    assert "gerd Veröffentlichung, Freigabe" in text
    assert "müller 'x' {0} \u202egnp Analyse nie" in text  # who was never here
    assert "nora" not in text  # without a role
    assert "Server von Personen gleichzeitig 1 7" in text
    assert not re.search(FOREIGN, text)
    assert "1 Datensatz" in read_main(hub.log_in("vera@village").open("tenant"))


def test_memory_is_that_of_the_whole_account(anna: Browser, karl: Browser) -> None:
    found = re.search(r"karl .*? (\d+) MB Stoppen", read_main(anna.open("tenant")))
    assert found
    assert 50 < int(found[1]) < 150


def test_names_are_shown_as_people_have_them_and_never_as_marks(hub: Hub, anna: Browser) -> None:
    hostile = hub.log_in(make_hub_user(HOSTILE, "town"))
    hostile.start_server()
    page = anna.open("tenant")
    assert "<script>hit" not in page.text
    shown = f'<bdi class="text-break">{html.escape(HOSTILE.lower(), quote=False)}'
    assert shown.replace("'", "&#39;") in page.text
    link = re.search(r'href="/hub/(tenant/servers/~3cscript[^"]+/stop)"', page.text)
    assert link
    question = anna.open(html.unescape(link[1]))
    assert question.status_code == 200
    assert "<script>hit" not in question.text
    assert HOSTILE.lower() in html.unescape(question.text)
    assert anna.send(link[1], anna.read_form(question)).status_code == 200
    hostile.wait_for(lambda: hostile.find_server() is None)


@pytest.mark.parametrize(
    ("accepted", "query", "code"),
    [
        ("de-DE,de;q=0.9", "", "de"),
        ("en-GB,en;q=0.9,de;q=0.5", "", "en"),
        ("fr", "", "de"),
        ("de", "?lang=en", "en"),
        ("de", "?lang=xx", "de"),
        ("de", "?lang=%22%3E%3Cscript%3E", "de"),
    ],
)
def test_the_language_is_that_of_the_address_or_of_the_browser(
    anna: Browser, accepted: str, query: str, code: str
) -> None:
    page = anna.open(f"tenant{query}", headers={"Accept-Language": accepted})
    assert page.headers["Content-Language"] == code
    assert f'lang="{code}">' in page.text
    assert {"de": "Kontingente", "en": "Quotas"}[code] in page.text
    assert "<script>" not in re.sub(r"<script[ >].*?</script>", "", page.text, flags=re.DOTALL)


# --- stopping ---


def test_a_server_is_stopped_after_a_question(anna: Browser, karl: Browser) -> None:
    question = anna.open(STOP_KARL)
    assert "Server von karl stoppen?" in read_main(question)
    assert karl.find_server()  # asking stops nothing
    done = anna.send(STOP_KARL, anna.read_form(question))
    assert done.url.endswith("/hub/tenant?done=stopped")
    assert "Der Server ist gestoppt." in read_main(done)
    assert karl.find_server() is None
    again = anna.send(STOP_KARL, anna.read_form(question))
    assert again.url.endswith("?done=absent")
    assert anna.open(STOP_KARL).url.endswith("?done=absent")


def test_a_server_that_was_started_since_is_not_the_one_that_was_asked_about(
    anna: Browser, karl: Browser
) -> None:
    question = anna.read_form(anna.open(STOP_KARL))
    karl.stop_server()
    karl.start_server()
    answer = anna.send(STOP_KARL, question)
    assert answer.status_code == 409
    assert "Es wurde nichts gestoppt" in read_main(answer)
    assert karl.find_server()
    assert anna.send(STOP_KARL, anna.read_form(answer)).url.endswith("?done=stopped")


@pytest.mark.parametrize("missing", ["_xsrf", "confirmation"])
def test_a_form_that_is_not_ours_stops_nothing(hub: Hub, anna: Browser, karl: Browser, missing: str) -> None:
    form = anna.read_form(anna.open(STOP_KARL))
    other = hub.log_in("vera@village")
    forged = [{name: value for name, value in form.items() if name != missing}]
    forged += [{**form, missing: "x"}, {**form, missing: other.get_xsrf()}]
    for fields in forged:
        assert anna.send(STOP_KARL, fields).status_code in (403, 409)
    assert karl.find_server()


def test_a_confirmation_counts_in_its_own_session_and_for_its_own_server(
    hub: Hub, anna: Browser, karl: Browser
) -> None:
    elsewhere = hub.log_in("anna@town")
    form = {**anna.read_form(anna.open(STOP_KARL)), "_xsrf": elsewhere.get_xsrf()}
    assert elsewhere.send(STOP_KARL, form).status_code == 409
    anna.start_server()
    own = anna.read_form(anna.open("tenant/servers/anna/stop"))
    assert anna.send(STOP_KARL, own).status_code == 409
    assert karl.find_server()
    anna.stop_server()


@pytest.mark.parametrize(
    "owner",
    ["viktor", "viktor@village", "viktor%40village", "viktor%40village%40town", "nobody", "..%2Fviktor"],
)
def test_a_foreign_server_is_not_there(anna: Browser, karl: Browser, viktor: Browser, owner: str) -> None:
    form = anna.read_form(anna.open(STOP_KARL))
    path = f"tenant/servers/{owner}/stop"
    answers = [anna.open(path), anna.send(path, form)]
    assert [answer.status_code for answer in answers] == [404, 404]
    # Somebody who exists elsewhere and nobody at all get the same answer.
    unknown = anna.open("tenant/servers/doesnotexist/stop")
    assert strip(answers[0].text) == strip(unknown.text)
    assert viktor.find_server()


def strip(text: str) -> str:
    return re.sub(r'xsrf_token: "[^"]*"|next=[^"]*', "", text)


def test_a_runner_is_shown_as_one(hub: Hub, anna: Browser) -> None:
    runner = hub.log_in("publications@town")
    runner.start_server()
    text = read_main(anna.open("tenant"))
    assert "Dienst: öffentliche Seiten unter einer Minute" in text
    assert "Server von Personen gleichzeitig 0 7" in text
    question = anna.open("tenant/servers/publications/stop")
    assert "Dienst für öffentliche Seiten stoppen?" in read_main(question)
    assert anna.send("tenant/servers/publications/stop", anna.read_form(question)).status_code == 200
    runner.wait_for(lambda: runner.find_server() is None)


# --- the header ---


def test_every_page_names_the_tenant_and_leads_to_the_others(hub: Hub, anna: Browser) -> None:
    page = anna.open("home").text
    assert "Stadt &amp; Muster" in page
    assert 'id="switch-tenant"' in page
    assert re.findall(r'href="(/hub/login\?tenant=[^"]+)">([^<]+)<', page) == [
        ("/hub/login?tenant=village&amp;next=/hub/home", "Dorf")
    ]
    assert 'id="administration-link"' in page
    karl: Any = hub.log_in("karl@town").open("home").text
    assert "Stadt &amp; Muster" in karl
    assert 'id="switch-tenant"' not in karl
    assert 'id="administration-link"' not in karl
