"""Sharing with one partner on the pages: what the gatekeeper sees, what the partner sees, and the counts of use."""

from __future__ import annotations

from typing import Any

import pytest

from .test_pages import NASTY

FIELDS = {
    "dataset": "footfall",
    "partner": "village",
    "title_de": f"Zählung {NASTY}",
    "columns": "persons, sensor",
    "where": "persons > 0 AND  sensor != '<b>'",
    "until": "2090-12-31",
    "note": "nur Summen",
}


def ask(site: Any, **fields: str) -> str:
    page = site.browse("karl@town").press("/data-releases", "data-releases", **{**FIELDS, **fields})
    assert page.path.startswith("data-releases/"), page.text
    return f"/{page.path}"


def test_a_dataset_is_shared_by_two_people_here_and_one_there(site: Any) -> None:
    request = ask(site)
    gatekeeper, partner = site.browse("gerd@town"), site.browse("vera@village")
    page = gatekeeper.open(request)
    assert page.acts == {"release", "refuse"}
    for words in (
        "persons, sensor",
        "nur wo persons > 0 AND sensor != '<b>'",
        "01.01.2091, 00:00",
        "Mit village teilen",
        "shared_with_village.town__footfall",
        "Was in der Zeit kopiert wird, bleibt dort",
    ):
        assert words in page.text
    assert "<script>" not in page.response.text and "<b>" not in page.response.text
    offer = request.replace("releases", "offers")
    assert partner.open(offer).status == 404
    assert "Angeboten" in gatekeeper.press(request, "release").text
    assert "town bietet Ihnen diesen Datensatz an" in partner.open("/").text
    page = partner.open(offer)
    assert page.acts == {"accept", "decline"}
    for words in ("gerd", "karl", "nur Summen", "town.footfall", "persons >"):
        assert words not in page.text.replace("shared_with_village.town__footfall", "")
    assert "Ihre Stadt kann diesen Datensatz jetzt lesen" in partner.press(offer, "accept").text
    assert site.hub.releases["town/footfall/village"]["where"] == "persons > 0 AND sensor != '<b>'"
    page = gatekeeper.open(request)
    assert "Vom Partner beantwortet" in page.text and "vera" not in page.text
    page = gatekeeper.press(request, "withdraw")
    assert "Niemand liest es mehr" in page.text
    assert "town/footfall/village" not in site.hub.releases
    assert "zurückgezogen" in partner.open("/data-releases").text


def test_the_use_of_what_is_shared_stands_on_its_pages(site: Any) -> None:
    request = ask(site, dataset="weather", columns="", where="", until="")
    site.browse("gerd@town").press(request, "release")
    site.browse("vera@village").press(request.replace("releases", "offers"), "accept")
    view = "shared_with_village.town__weather"
    site.hub.uses = [
        {"view": view, "day": "2026-03-02", "queries": 3, "rows": 40},
        {"view": view, "day": "2026-03-01", "queries": 4, "rows": 2},
        {"view": "open_data.town__weather", "day": "2026-03-01", "queries": 77, "rows": 77},
    ]
    assert "2026-03-02 3 40 2026-03-01 4 2" in site.browse("karl@town").open(request).text
    assert "In 30 Tagen lasen 7 Abfragen 42 Zeilen." in site.browse("karl@town").open("/data-releases").text
    site.browse("vera@village").press(request.replace("releases", "offers"), "decline")
    assert "town/weather/village" not in site.hub.releases


def test_a_gatekeeper_is_told_that_the_workshop_goes_on_being_written(site: Any) -> None:
    warned = "Was Ihre Fachleute später in die Tabelle schreiben, ist sofort lesbar"
    assert warned in site.browse("gerd@town").open(ask(site, dataset="lab_town.notes")).text
    assert warned not in site.browse("gerd@town").open(ask(site, dataset="footfall_live")).text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"partner": "town"}, "Ihre eigene Stadt hat ihre Daten schon"),
        ({"partner": "Ä"}, "kann keine Kennung einer Stadt sein"),
        ({"until": "2020-01-01"}, "ist schon vorbei"),
        ({"until": "31.12.2030"}, "ist kein Tag"),
        ({"dataset": "village.footfall"}, "keine Tabelle Ihrer Stadt"),
    ],
)
def test_what_cannot_be_shared_is_said_beside_the_form(site: Any, fields: dict[str, str], says: str) -> None:
    page = site.browse("karl@town").press("/data-releases", "data-releases", **{**FIELDS, **fields})
    assert page.status == 400 and says in page.text
    assert "nur Summen" in page.response.text


def test_who_may_not_answer_an_offer_has_no_button(site: Any) -> None:
    request = ask(site, dataset="trees")
    site.browse("gerd@town").press(request, "release")
    offer = request.replace("releases", "offers")
    site.hub.people = {**site.hub.people, "paul@village": ("analyst",)}
    reader = site.browse("paul@village")
    page = reader.open(offer)
    assert page.acts == set() and "nur die Rollen Datenpflege und Freigabe" in page.text
    assert reader.send(f"{offer}/accept", {"xsrf": reader.get_xsrf()}).status == 403
    assert reader.send(f"{offer}/nonsense", {"xsrf": reader.get_xsrf()}).status == 404
    assert site.browse("gerd@town").open(offer).status == 404
    assert site.browse("vera@village").send(f"{offer}/accept", {}).status == 403
    assert "town/trees/village" not in site.hub.releases
