"""What people do on the pages: hand in, ask, decide, look back; and what the pages refuse."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import requests

from urbanlab.contract.audit_sender import ask_audit

from ..conftest import make_notebook  # noqa: TID252
from .conftest import PORTAL

NASTY = "<script>alert(1)</script>\"'&{{7*7}}"


def test_a_notebook_becomes_public_by_two_people(site: Any) -> None:
    path = site.hand_in(title="Vier Augen")
    gatekeeper = site.browse("gerd@town")
    assert "Vier Augen" in gatekeeper.open("/").text.partition("Meine Einreichungen")[0]
    page = gatekeeper.press(path, "release")
    assert "Die Seite ist jetzt öffentlich" in page.text
    assert f"{PORTAL}/town/vier-augen/" in page.text
    assert "freigegeben" in site.browse("karl@town").open("/publications/vier-augen").text


def test_nobody_releases_what_is_the_own(site: Any) -> None:
    path = site.hand_in("grete@town", title="Eigenes")
    author = site.browse("grete@town")
    page = author.open(path)
    assert page.acts == {"preview", "takedown"}
    assert "Wer eingereicht hat, entscheidet nicht selbst" in page.text
    answer = author.send(f"{path}/release", {"xsrf": author.get_xsrf()})
    assert answer.status == 403
    assert "eingereicht" in author.open(path).text


@pytest.mark.parametrize(
    ("person", "acts", "reason"),
    [
        ("gerd@town", {"preview", "release", "refuse", "takedown"}, ""),
        ("anna@town", {"preview"}, "nur, wer die Rolle Freigabe hat"),
        ("karl@town", set(), "sehen eine Seite nur die Rollen"),
    ],
)
def test_a_page_offers_what_somebody_may_do_and_says_why_not_more(
    site: Any, person: str, acts: set[str], reason: str
) -> None:
    path = site.hand_in(title="Rollen")
    page = site.browse(person).open(path)
    assert page.acts == acts
    assert reason in page.text


def test_a_refusal_needs_a_reason_and_shows_it_to_the_author(site: Any) -> None:
    path = site.hand_in(title="Unklar")
    gatekeeper = site.browse("gerd@town")
    assert gatekeeper.press(path, "refuse", reason=" ").status == 400
    gatekeeper.press(path, "refuse", reason=NASTY)
    page = site.browse("anna@town").open(path)
    assert NASTY in page.text
    assert "<script>" not in page.response.text


def test_a_preview_leads_to_the_portal_once_for_each_variant(site: Any) -> None:
    fields = {
        "parameter1_name": "place",
        "parameter1_kind": "text",
        "parameter1_choices": "n = Nord\ns = Süd",
    }
    path = site.hand_in(title="Varianten", notebook=make_notebook(parameters="place = 'n'"), **fields)
    browser = site.browse("gerd@town")
    page = browser.open(path)
    previews = [form for form in page.forms if form.action.endswith("/preview")]
    assert [form.hidden["variant"] for form in previews] == ["place=n", "place=s"]
    assert "Vorschau: place: Süd" in page.text
    answer = browser.send(previews[1].action, previews[1].hidden, allow_redirects=False)
    assert answer.status == 303
    assert answer.response.headers["Location"].startswith(f"{PORTAL}/preview/")
    assert answer.response.headers["Location"].endswith("/?place=s")


def test_older_versions_come_back_and_are_withdrawn_and_taken_down(site: Any) -> None:
    first, second = site.hand_in(title="Stand"), site.hand_in(title="Stand")
    gatekeeper = site.browse("gerd@town")
    for path in (first, second):
        gatekeeper.press(path, "release")
    assert "abgelöst" in gatekeeper.open(first).text
    gatekeeper.press("/publications/stand", "release_older")
    assert "Öffentlich als Version 1" in gatekeeper.open("/publications/stand").text
    gatekeeper.press(first, "withdraw", reason="Fehler in den Daten")
    assert "Zurzeit nicht öffentlich" in gatekeeper.open("/publications/stand").text
    gatekeeper.press(first, "takedown")
    page = gatekeeper.open("/publications/stand")
    history = page.text.rpartition("Verlauf")[2]
    for words in (
        "anna: eingereicht (Version 1)",
        "gerd: erneut freigegeben",
        "Fehler in den Daten",
        "gerd: gelöscht",
    ):
        assert words in history
    assert gatekeeper.open(first).acts == set()


def test_progress_is_shown_without_a_script(site: Any, wait: Callable[..., Any]) -> None:
    site.hub.hangs = True
    path = site.hand_in(title="Langsam", wait=False)
    browser = site.browse("anna@town")
    page = browser.open(path)
    assert page.response.headers["Refresh"] == "3"
    assert "Das Notebook läuft gerade" in page.text
    site.hub.hangs = False
    wait(lambda: "Refresh" not in browser.open(path).response.headers, 15, "the end")


def test_a_failure_names_the_cell_and_what_is_to_be_released_first(site: Any) -> None:
    needs = ["footfall", "lab_town.counts", "village.secret"]
    site.hub.failure = {"error": f"Boom {NASTY}", "failed_cell": 3, "needs": needs}
    path = site.hand_in(title="Scheitert")
    author = site.browse("anna@town")
    page = author.open(path)
    assert "Zelle 3 ist fehlgeschlagen." in page.text
    assert NASTY in page.text
    assert "<script>" not in page.response.text
    asks = [form.hidden["dataset"] for form in page.forms if form.action.endswith("/ask")]
    assert asks == ["footfall", "lab_town.counts"]
    assert "ist keine Tabelle Ihrer Stadt" in page.text
    assert "Die Freigabe ist beantragt" in author.press(path, "ask").text
    assert "Zum Antrag für town.footfall" in author.open(path).text
    xsrf = author.get_xsrf()
    assert author.send(f"{path}/ask", {"xsrf": xsrf, "dataset": "weather"}).status == 400


def test_a_dataset_is_asked_for_released_and_withdrawn_with_the_pages_that_use_it(site: Any) -> None:
    path = site.hand_in(title="Nutzt Daten")
    asker, gatekeeper = site.browse("karl@town"), site.browse("gerd@town")
    page = asker.press(
        "/data-releases", "data-releases", dataset="footfall", title_de="Zählung", note="nur Summen"
    )
    assert {"release", "refuse"} & page.acts == set()
    request = f"/{page.path}"
    assert {"release", "refuse"} <= gatekeeper.open(request).acts
    gatekeeper.press(request, "release")
    assert site.hub.releases["town/footfall"]["released_by"] == "gerd@town"
    gatekeeper.press(path, "release")
    page = gatekeeper.open(request)
    assert "Nutzt Daten" in page.text.partition("können aber nicht mehr neu erzeugt werden")[2]
    gatekeeper.press(request, "withdraw")
    assert "town/footfall" not in site.hub.releases
    assert "zurückgezogen" in gatekeeper.open("/data-releases").text


def test_who_asks_for_a_dataset_does_not_release_it(site: Any) -> None:
    browser = site.browse("grete@town")
    page = browser.press("/data-releases", "data-releases", dataset="weather")
    assert page.acts == set()
    assert "Wer eingereicht hat, entscheidet nicht selbst" in page.text
    assert browser.send(f"/{page.path}/release", {"xsrf": browser.get_xsrf()}).status == 403


def test_a_warehouse_that_is_away_is_not_said_to_have_released(site: Any) -> None:
    page = site.browse("anna@town").press("/data-releases", "data-releases", dataset="rain")
    site.hub.gateway_status = 503
    answer = site.browse("gerd@town").press(f"/{page.path}", "release")
    assert "das Warehouse hat es noch nicht bestätigt" in answer.text
    assert "Alle können diesen Datensatz jetzt nutzen" not in answer.text


def test_what_the_warehouse_refuses_is_told(site: Any) -> None:
    page = site.browse("anna@town").press("/data-releases", "data-releases", dataset="snow")
    site.hub.gateway_status = 404
    answer = site.browse("gerd@town").press(f"/{page.path}", "release")
    assert answer.status == 400
    assert "Das Warehouse kann das nicht freigeben: There is no such table." in answer.text
    assert "release" in site.browse("gerd@town").open(f"/{page.path}").acts


@pytest.mark.parametrize("dataset", ["", "village.secret", "../x", "a b", NASTY, "x" * 5000])
def test_a_dataset_that_cannot_be_asked_for_is_explained_beside_the_form(site: Any, dataset: str) -> None:
    page = site.browse("anna@town").press("/data-releases", "data-releases", dataset=dataset, title_de=NASTY)
    assert page.status == 400
    assert 'role="alert"' in page.response.text
    assert "<script>" not in page.response.text
    assert NASTY in page.text.replace("&quot;", '"') or "&lt;script&gt;" in page.response.text


def test_nothing_of_another_tenant_is_there(site: Any) -> None:
    path = site.hand_in(title="Nur hier")
    asked = site.browse("anna@town").press("/data-releases", "data-releases", dataset="hidden")
    stranger = site.browse("vera@village")
    xsrf = stranger.get_xsrf()
    assert "Nur hier" not in stranger.open("/").text
    for address in (path, "/publications/nur-hier", f"/{asked.path}"):
        assert stranger.open(address).status == 404
    for address in (f"{path}/release", f"{path}/preview", f"{path}/ask", f"/{asked.path}/release"):
        assert stranger.send(address, {"xsrf": xsrf, "reason": "x", "dataset": "x"}).status == 404
    assert stranger.open(f"/submissions/{'0' * 32}").text == stranger.open(path).text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Wählen Sie ein Notebook"),
        (b"PK\x03\x04" + bytes(100), "kein Notebook, das zu lesen wäre"),
        (b"\xff\xfe", "kein Notebook, das zu lesen wäre"),
        (b'{"a": 1}', "kein Notebook, das zu lesen wäre"),
        (make_notebook("x = '" + "y" * 5_100_000 + "'").encode(), "veröffentlicht werden höchstens 5 MB"),
        (
            make_notebook(kernelspec={"name": "ir", "display_name": "R", "language": "R"}).encode(),
            "in R geschrieben",
        ),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_form_kept(site: Any, content: bytes, words: str) -> None:
    files = {"notebook": (f"{NASTY}.ipynb", content, "application/zip")}
    page = site.browse("anna@town").press(
        "/publish", "publish", files=files, title="Mein Titel", summary=NASTY
    )
    assert page.status == 400
    assert words in page.text
    assert 'value="Mein Titel"' in page.response.text
    assert "<script>" not in page.response.text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"title": ""}, "Titel : fehlt."),
        ({"slug": "../../etc"}, "Adresse : '../../etc' kann keine Adresse sein"),
        ({"slug": "data"}, "kann keine Adresse sein"),
        ({"language": "fr"}, "möglich ist de oder en"),
        ({"refresh": "PT1S"}, "zwischen PT5M und P366D"),
        ({"title": "x" * 121}, "hat 121 Zeichen"),
        ({"title": "\u202eolleh"}, "unsichtbare Zeichen"),
        ({"parameter1_name": "lang", "parameter1_choices": "a"}, "kann keine Auswahl benennen"),
        ({"parameter1_name": "n", "parameter1_choices": ""}, "braucht Möglichkeiten"),
        (
            {
                "parameter1_name": "n",
                "parameter1_kind": "integer",
                "parameter1_choices": "",
                "parameter1_min": "9",
                "parameter1_max": "1",
            },
            "liegt über",
        ),
        ({"parameter1_name": "n", "parameter1_choices": "1\n2"}, "keine Zelle trägt den Tag"),
    ],
)
def test_each_wrong_field_is_explained(site: Any, fields: dict[str, str], words: str) -> None:
    files = {"notebook": ("page.ipynb", make_notebook(), "application/json")}
    page = site.browse("anna@town").press("/publish", "publish", files=files, **{"title": "T", **fields})
    assert page.status == 400
    assert words in page.text


def test_app_yaml_is_read_and_what_is_typed_counts_more(site: Any) -> None:
    yaml = b"title: From the file\nsummary: Of the file\nrefresh: P1D\n"
    files = {"notebook": ("n.ipynb", make_notebook()), "app_yaml": ("app.yaml", yaml)}
    page = site.browse("anna@town").press("/publish", "publish", files=files, title="Getippt")
    assert "Getippt" in page.text
    assert "Of the file" in page.text
    bad = {"notebook": ("n.ipynb", make_notebook()), "app_yaml": ("app.yaml", b"colour: red\ntitle: x")}
    page = site.browse("anna@town").press("/publish", "publish", files=bad)
    assert page.status == 400
    assert "colour : ist nicht bekannt" in page.text


def test_a_nasty_title_is_text_everywhere(site: Any) -> None:
    path = site.hand_in(title=NASTY, slug="boese", summary=NASTY, contact=NASTY, source=NASTY, licence=NASTY)
    site.browse("gerd@town").press(path, "release")
    browser = site.browse("grete@town")
    for address in ("/", path, "/publications/boese"):
        page = browser.open(address)
        assert NASTY in page.text
        assert "<script" not in page.response.text


def test_an_upload_that_is_far_too_large_ends_the_connection(site: Any) -> None:
    browser = site.browse("anna@town")
    xsrf = browser.get_xsrf()
    files = {"notebook": ("n.ipynb", b"x" * 31_000_000)}
    with suppress(requests.ConnectionError):  # it is not read to its end
        assert browser.send("/publish", {"xsrf": xsrf}, files=files).status in {400, 413}
    assert browser.open("/").status == 200


def test_who_is_no_publisher_has_no_form(site: Any) -> None:
    browser = site.browse("gerd@town")
    assert "/publish" not in browser.open("/").response.text
    assert browser.open("/publish").status == 403
    files = {"notebook": ("n.ipynb", make_notebook())}
    assert browser.send("/publish", {"xsrf": browser.get_xsrf(), "title": "T"}, files=files).status == 403


def test_a_failed_refresh_is_told_with_its_cell(site: Any, wait: Callable[..., Any]) -> None:
    path = site.hand_in(title="Veraltet", refresh="P1D")
    site.browse("gerd@town").press(path, "release")
    site.hub.failure = {"error": "Boom", "failed_cell": 2}
    browser = site.browse("anna@town")
    browser.press(path, "refresh")
    wait(lambda: "Zelle 2 ist fehlgeschlagen" in browser.open("/").text, 15, "the failure")
    page = browser.open("/publications/veraltet")
    assert "Veraltet seit" in page.text
    assert "Öffentlich als Version 1" in page.text


@pytest.mark.parametrize(
    ("accepted", "query", "words"),
    [
        ("de", "", "Übersicht"),
        ("en-GB,de;q=0.5", "", "Overview"),
        ("fr", "", "Übersicht"),
        ("en", "?lang=de", "Übersicht"),
    ],
)
def test_the_language_is_the_addresss_then_the_browsers(
    site: Any, accepted: str, query: str, words: str
) -> None:
    browser = site.browse("gerd@town", accepted)
    page = browser.open(f"/{query}")
    assert words in page.text
    assert f'lang="{page.response.headers["Content-Language"]}"' in page.response.text


def test_a_chosen_language_stays_for_the_session(site: Any) -> None:
    browser = site.browse("gerd@town")
    browser.open("/")
    browser.open("/data-releases?lang=en")
    assert "Waits for a decision" in browser.open("/").text
    assert "Not found" in browser.open("/nothing").text


@pytest.mark.parametrize(
    "path", ["/nothing", "/submissions/x", "/publications/%2e%2e", "/publications/gone", "/a/../b"]
)
def test_what_is_not_there_is_said_in_plain_words(site: Any, path: str) -> None:
    browser = site.browse("gerd@town")
    browser.open("/")
    page = browser.open(path)
    assert page.status == 404
    assert "Nicht gefunden" in page.text
    assert "Stadt Muster" in page.text


def test_every_act_is_in_the_audit_log_with_who_and_outcome(site: Any, wait: Any) -> None:
    path = site.hand_in("grete@town", title="Protokoll")
    author = site.browse("grete@town")
    author.send(f"{path}/release", {"xsrf": author.get_xsrf()})
    site.browse("gerd@town").press(path, "release")

    def list_acts() -> list[tuple[str, str, str]]:
        lines = [event["data"] for event in site.audit.ask("source=publisher&object=town/protokoll/1")]
        return [(line["person"], line["action"], line["outcome"]) for line in lines if "person" in line]

    # Entries are sent on their way, not waited for.
    expected = {("grete@town", "release", "four_eyes"), ("gerd@town", "release", "done")}
    wait(lambda: expected <= set(list_acts()), 10, "both acts are in the log")


def test_without_the_audit_log_work_goes_on_and_the_history_comes_later(site: Any, wait: Any) -> None:
    site.audit.kill()
    path = site.hand_in(title="Ohne Protokoll")
    gatekeeper = site.browse("gerd@town")
    gatekeeper.press(path, "release")
    page = gatekeeper.open("/publications/ohne-protokoll")
    assert "Öffentlich als Version 1" in page.text
    assert "Der Verlauf kann gerade nicht gezeigt werden" in page.text
    site.audit.start()
    wait(lambda: "gerd: freigegeben" in gatekeeper.open("/publications/ohne-protokoll").text, 20, "history")


def test_whoever_was_erased_is_nobody_in_the_history(site: Any) -> None:
    path = site.hand_in(title="Vergessen")
    gatekeeper = site.browse("gerd@town")
    gatekeeper.press(path, "release")
    assert "anna: eingereicht" in gatekeeper.open("/publications/vergessen").text
    assert ask_audit(site.audit.socket, "DELETE", "/people?person=anna@town")["erased"]
    history = gatekeeper.open("/publications/vergessen").text.rpartition("Verlauf")[2]
    assert "jemand, dessen Name gelöscht wurde: eingereicht" in history
    assert "anna" not in history
    assert "gerd: freigegeben" in history
