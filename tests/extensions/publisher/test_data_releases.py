"""Data is asked for by one and released by another; what was decided is carried out whatever is away meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import ANNA, GERD, ActError, Person

OLGA = Person("olga@town", ("analyst",), may_decide=False)


def test_a_dataset_is_asked_for_released_and_withdrawn(publisher: Any) -> None:
    request = publisher.act(OLGA, "request_data", {"dataset": "footfall", "title": "Passanten"})
    assert publisher.town.releases == {}
    assert publisher.act(GERD, "decide_data", request["id"], release=True)["state"] == "released"
    assert publisher.town.releases["town/footfall"] == {
        "title": {"de": "Passanten", "en": "Passanten"},
        "description": {},
        "licence": "dl-de/zero-2.0",
        "table": "town.footfall",
        "released_by": "gerd@town",
        "columns": [],
        "where": "",
        "until": "",
    }
    assert publisher.act(ANNA, "request_data", {"dataset": "town.footfall"})["id"] == request["id"]
    assert publisher.act(GERD, "withdraw_data", request["id"])["state"] == "withdrawn"
    assert publisher.town.releases == {}
    actions = [(line["action"], line["object"], line["outcome"]) for line in publisher.read_audit()]
    acts = ("request_data", "release_data", "request_data", "withdraw_data")
    assert actions == [(act, "town.footfall", "done") for act in acts]


def test_nobody_else_releases_data(publisher: Any) -> None:
    request = publisher.act(OLGA, "request_data", {"dataset": "footfall"})
    others = {
        "four_eyes": Person("olga@town", ("gatekeeper",)),
        "login_needed": Person("gerd@town", ("gatekeeper",), may_decide=False),
        "forbidden": Person("paul@town", ("publisher", "admin")),
        "not_found": Person("vera@village"),
    }
    for code, person in others.items():
        for release in (True, False):
            with pytest.raises(ActError) as refused:
                publisher.act(person, "decide_data", request["id"], release=release, reason="because")
            assert refused.value.code == code
    assert publisher.town.releases == {}


def test_a_table_of_the_workshop_keeps_its_name(publisher: Any) -> None:
    request = publisher.act(OLGA, "request_data", {"dataset": "lab_town.per_day"})
    assert (request["dataset"], request["table"]) == ("per_day", "lab_town.per_day")
    with pytest.raises(ActError, match="another name"):
        publisher.act(OLGA, "request_data", {"dataset": "per_day"})


def test_a_name_of_the_workshop_means_its_table(publisher: Any) -> None:
    publisher.town.workshop.add("plots")
    request = publisher.act(OLGA, "request_data", {"dataset": "plots"})
    assert (request["dataset"], request["table"]) == ("plots", "lab_town.plots")


def test_a_warehouse_that_is_away_is_told_when_it_is_back(publisher: Any, wait: Any) -> None:
    request = publisher.act(OLGA, "request_data", {"dataset": "footfall"})
    publisher.town.gateway_status = 503
    assert publisher.act(GERD, "decide_data", request["id"], release=True)["state"] == "releasing"
    publisher.process.kill()
    publisher.town.gateway_status = 200
    publisher.process.restart()
    wait(
        lambda: publisher.act(GERD, "get_data_request", request["id"])["state"] == "released", 10, "released"
    )
    assert "town/footfall" in publisher.town.releases


def test_what_the_warehouse_refuses_waits_for_a_decision_again(publisher: Any) -> None:
    request = publisher.act(OLGA, "request_data", {"dataset": "footfall"})
    publisher.town.gateway_status = 404
    with pytest.raises(ActError, match=r"cannot release this: There is no such table\.$"):
        publisher.act(GERD, "decide_data", request["id"], release=True)
    assert publisher.act(GERD, "get_data_request", request["id"])["state"] == "requested"


def test_a_refusal_has_a_reason(publisher: Any) -> None:
    request = publisher.act(OLGA, "request_data", {"dataset": "footfall"})
    with pytest.raises(ActError, match="reason"):
        publisher.act(GERD, "decide_data", request["id"], release=False)
    refused = publisher.act(GERD, "decide_data", request["id"], release=False, reason="names of people")
    assert (refused["state"], refused["reason"]) == ("refused", "names of people")
    assert publisher.act(OLGA, "request_data", {"dataset": "footfall"})["id"] != request["id"]
