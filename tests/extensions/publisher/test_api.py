"""The addresses for kernels, asked with the credential that the tokens service signs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import ANNA, GERD, ActError, Person, make_notebook

OLGA = Person("olga@town", ("analyst",), may_decide=False)


def test_a_kernel_hands_in_asks_for_data_and_sees_how_it_goes(publisher: Any) -> None:
    publisher.town.failure = {"error": "Not released", "failed_cell": 1, "needs": ["town.footfall"]}
    body = {"notebook": json.loads(make_notebook()), "application": {"title": "Fußgänger"}}
    begun = publisher.ask(ANNA, "POST", "/api/submissions", body)
    assert (begun["state"], begun["version"], begun["variants"]) == ("executing", 1, {"done": 0, "all": 1})
    publisher.wait_for(begun["id"], "failed")
    failed = publisher.ask(ANNA, "GET", f"/api/submissions/{begun['id']}")
    assert failed["failure"]["needs"] == [
        {"name": "town.footfall", "url": "http://127.0.0.2:8204/data-releases?dataset=town.footfall"}
    ]
    assert failed["url"] == f"http://127.0.0.2:8204/submissions/{begun['id']}"
    request = publisher.ask(OLGA, "POST", "/api/data-releases", {"dataset": "town.footfall"})
    assert (request["state"], request["requester"]) == ("requested", "olga@town")
    assert publisher.ask(OLGA, "GET", "/api/data-releases")["requests"] == [request]

    publisher.town.failure = None
    released = publisher.submit()
    publisher.act(GERD, "release", released["id"])
    (publication,) = publisher.ask(OLGA, "GET", "/api/publications")["publications"]
    assert publication["public_url"] == "http://localhost:8080/town/fussgaenger/"
    assert [version["state"] for version in publication["versions"]] == ["released", "failed"]
    assert publication["released_version"] == 2


def test_what_a_kernel_may_not_do_is_refused(publisher: Any) -> None:
    submission = publisher.submit()
    body = {"notebook": json.loads(make_notebook()), "application": {"title": "x"}}
    vera = Person("vera@village")
    refused: tuple[tuple[int, Any, str, str, Any], ...] = (
        (403, OLGA, "POST", "/api/submissions", body),
        (403, Person("nobody@town", ()), "GET", "/api/submissions", None),
        (404, vera, "GET", f"/api/submissions/{submission['id']}", None),
        (400, ANNA, "POST", "/api/submissions", {"notebook": "x", "application": {"title": "x"}}),
        (400, ANNA, "POST", "/api/submissions", {**body, "author": "x"}),
        (400, ANNA, "POST", "/api/submissions", [1]),
        (400, vera, "POST", "/api/data-releases", {"dataset": "town.footfall"}),
        (404, Person("gerd@town"), "POST", f"/api/submissions/{submission['id']}/release", {}),
        (405, Person("gerd@town"), "PUT", f"/api/submissions/{submission['id']}", {}),
    )
    for status, person, method, path, content in refused:
        with pytest.raises(ActError) as answer:
            publisher.ask(person, method, path, content)
        assert answer.value.status == status, (method, path)
    with pytest.raises(ActError) as answer:
        publisher.ask(ANNA, "GET", "/api/submissions", token="x.y.z")
    assert answer.value.status == 401
    assert publisher.ask(vera, "GET", "/api/submissions") == {"submissions": []}
    assert publisher.find_public() is None


def test_it_says_what_is_missing(publisher: Any) -> None:
    status, body = publisher.process.get("/readyz")
    assert (status, json.loads(body)["status"]) == (200, "ready")
    assert publisher.process.stop() == 0


def test_the_towns_public_pages_say_what_they_have_read(publisher: Any) -> None:
    submission = publisher.submit(ANNA)
    assert publisher.ask(ANNA, "GET", "/api/page-uses")["pages"] == []
    publisher.act(GERD, "release", submission["id"])
    (page,) = publisher.ask(ANNA, "GET", "/api/page-uses")["pages"]
    assert page["tables"] == ["open_data.town__footfall"]
    assert page["url"].endswith("/town/fussgaenger/")
    assert publisher.ask(Person("vera@village"), "GET", "/api/page-uses")["pages"] == []
