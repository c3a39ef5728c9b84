"""Publishing from a kernel: data first, then the page; versions forth and back; and a line for each act."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from nbformat.v4 import new_markdown_cell

from tests.installation import Installation
from urbanlab_hub.tenants import DEMO_FOLDER, list_tenant_files
from urbanlab_operate.errors import OperateError

from .login import StaffSession
from .operator_access import wait_until
from .publishing import Town, find_publication, list_acts, list_open_data, load_page, read_body, visit

TENANT = "guetersloh"


@pytest.fixture(scope="module")
def town(installation: Installation) -> Town:
    """The people of the tenant, as programs see the publisher's pages."""
    return Town(installation, TENANT)


# --- open data first: a notebook of a kernel that reads what has not been released ---

WRITE = """
import json, pathlib, urbanlab as ul
code = "import urbanlab as ul\\nrows = ul.dataset('it_parken').to_frame()\\nprint(rows['plaetze'].sum(), 'Plätze')"
cell = dict(cell_type="code", id="a", metadata={}, source=code, outputs=[], execution_count=None)
notebook = dict(cells=[cell], metadata={}, nbformat=4, nbformat_minor=5)
pathlib.Path("parken.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
"""
SUBMIT = """
handed_in = ul.publish("parken.ipynb", title="Plätze zum Parken", slug="it-parken", summary="Wie viele es gibt.")
"""
SHOW = "print(json.dumps([handed_in.state, handed_in.needs, handed_in.failed_cell, handed_in.url]))"


@dataclass
class Parking:
    """What happened before the page about parking was public."""

    first: list[Any]
    second: list[Any]
    own_answer: str
    request: str


@pytest.fixture(scope="module")
def parking(installation: Installation, town: Town) -> Parking:
    """A page that was public once its dataset was released: all asked for from the publisher's kernel."""
    with StaffSession(installation, f"publisher-{TENANT}") as staff:
        staff.run(f"{WRITE}\nimport pandas as pd")
        loaded = "ul.load(pd.DataFrame({'ort': ['Markt', 'Bahnhof'], 'plaetze': [120, 340]}), 'it_parken')"
        assert not staff.run(loaded).error
        own_answer = staff.run("print(ul.dataset('it_parken').to_frame()['plaetze'].sum())").text.strip()
        assert not staff.run(SUBMIT).error
        first = staff.ask_json(SHOW)
        town.publisher.post(f"{urlsplit(first[3]).path}/ask", {"dataset": "it_parken"})  # the page's button
        assert not staff.run("asked = handed_in.request_data('Für die Bürgerinnen und Bürger')").error
        request = find_request(town, "it_parken")
        town.decide(request, "release")
        assert not staff.run(SUBMIT).error
        second = staff.ask_json(SHOW)
    town.decide(urlsplit(second[3]).path, "release")
    return Parking(first, second, own_answer, request)


def find_request(town: Town, dataset: str) -> str:
    """Return the path of a dataset's request."""
    found = re.search(rf'href="(/data-releases/\w+)">{dataset}<', town.gatekeeper.get("/data-releases"))
    assert found is not None
    return found[1]


def test_a_notebook_says_which_data_to_release_first(parking: Parking, town: Town) -> None:
    state, needs, cell, url = parking.first
    assert (state, needs, cell) == ("failed", ["it_parken"], 1)
    said = town.read(urlsplit(url).path)
    assert "Not open data yet" in said
    assert "it_parken released To the request for" in said


def test_once_released_the_same_notebook_shows_the_same_data(
    parking: Parking, installation: Installation
) -> None:
    assert parking.second[:3] == ["submitted", [], None]
    assert parking.own_answer == "460"
    assert "460 Plätze" in visit(installation, f"/{TENANT}/it-parken/").text
    assert list_open_data(installation)[f"open_data.{TENANT}__it_parken"] == f"lab_{TENANT}.it_parken"


def test_what_is_withdrawn_can_be_read_no_more_and_the_page_stays(
    parking: Parking, installation: Installation, town: Town
) -> None:
    path = urlsplit(parking.second[3]).path
    before = find_publication(installation, TENANT, "it-parken")
    town.decide(parking.request, "withdraw", reason="Versehen")
    assert f"open_data.{TENANT}__it_parken" not in list_open_data(installation)
    town.publisher.post(f"{path}/refresh", {})
    stale = wait_until(
        lambda: (found := find_publication(installation, TENANT, "it-parken")) and found.stale_since and found
    )
    assert before is not None
    assert stale.variants == before.variants
    page = visit(installation, f"/{TENANT}/it-parken/?lang=en").text
    assert "460 Plätze" in page
    assert "This page could not be renewed" in page
    said = town.read("/")
    assert "The last refresh failed; the public still sees the page from before." in said
    assert "Cell 1 failed. " in said
    with pytest.raises(OperateError, match="got 409"):
        town.decide(parking.request, "withdraw")


def test_each_act_with_data_and_page_is_in_the_audit_log(
    parking: Parking, installation: Installation
) -> None:
    table = f"lab_{TENANT}.it_parken"
    # It is asked for on the page and again from the kernel, and is one request.
    assert list_acts(installation, table)[:4] == [
        (f"publisher-{TENANT}", "request_data", "done"),
        (f"publisher-{TENANT}", "request_data", "done"),
        (f"gatekeeper-{TENANT}", "release_data", "done"),
        (f"gatekeeper-{TENANT}", "withdraw_data", "done"),
    ]
    first, second = (list_acts(installation, f"{TENANT}/it-parken/{version}") for version in (1, 2))
    assert [act[1:] for act in first] == [("submit", "done"), ("execute", "failed")]
    assert [act[1:] for act in second] == [
        ("submit", "done"),
        ("execute", "done"),
        ("release", "done"),
        ("refresh", "done"),
        ("refresh", "failed"),
    ]


# --- versions ---


def test_versions_go_forth_and_back_and_away(installation: Installation, town: Town) -> None:
    def see() -> tuple[int, bool, bool]:
        page = visit(installation, f"/{TENANT}/it-fassungen/")
        return page.status_code, "Stand eins" in page.text, "Stand zwei" in page.text

    fields = {"slug": "it-fassungen"}
    first = town.publish("Fassungen", "print('Stand eins')", **fields)
    second = town.submit("Fassungen", "print('Stand zwei')", **fields)
    assert see() == (200, True, False)
    town.decide(second, "release")
    assert see() == (200, False, True)
    town.decide(first, "release_older")
    assert see() == (200, True, False)
    town.decide(first, "withdraw", reason="Fehler")
    assert see()[0] == 404
    town.decide(second, "release_older")
    assert see() == (200, False, True)
    town.decide(second, "takedown", reason="Darf niemand sehen")
    assert see()[0] == 404
    with pytest.raises(OperateError, match="got 409"):
        town.decide(second, "release_older")
    acts = [act[1] for act in list_acts(installation, f"{TENANT}/it-fassungen/1")]
    assert acts == ["submit", "execute", "release", "release_older", "withdraw"]


def test_what_is_taken_down_is_deleted(installation: Installation, town: Town) -> None:
    path = town.publish("Zu löschen", "print('Geheimes')", new_markdown_cell("Auch das"), slug="it-loeschen")
    publication = find_publication(installation, TENANT, "it-loeschen")
    assert publication is not None
    assert "Geheimes" in read_body(installation, TENANT, "it-loeschen")
    files = [file.digest for file in load_page(installation, publication.variants[""]).files]
    town.decide(path, "takedown")
    public = installation.settings.public
    assert visit(installation, f"/{TENANT}/it-loeschen/").status_code == 404
    assert [digest for digest in files if (public / "files" / digest).exists()] == []
    assert not (public / "pages" / f"{publication.variants['']}.json").exists()


def test_who_handed_a_page_in_does_not_release_it(installation: Installation, town: Town) -> None:
    path = town.submit("Vier Augen", "print(1)", slug="it-vier-augen")
    with pytest.raises(OperateError, match="got 403"):
        town.publisher.post(f"{path}/release", {})
    assert town.get_state(path) == "submitted"
    assert list_acts(installation, f"{TENANT}/it-vier-augen/1")[-1][1:] == ("release", "forbidden")


def test_a_newcomer_finds_the_footfall_page_of_each_demo_town(installation: Installation) -> None:
    towns = [path.stem for path in list_tenant_files(DEMO_FOLDER)]
    assert len(towns) == 3
    for town in towns:
        page = visit(installation, f"/{town}/passantenfrequenz-und-wetter/")
        assert (page.status_code, "simuliert" in page.text) == (200, True), town
