"""The life of a publication through the running service: four eyes, versions, takedown, previews, the audit log."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from urbanlab.contract.publications import (
    decode_page,
    decode_ticket,
    file_path,
    page_path,
    ticket_path,
)

from .conftest import ANNA, GERD, ActError, Person, make_notebook
from .hub_runner_gateway import TOKEN

BOTH = Person("bert@town", ("publisher", "gatekeeper"))


def _read_body(publisher: Any, digest: str) -> str:
    page = decode_page(page_path(publisher.public, digest).read_bytes())
    return file_path(publisher.public, page.find("body.html").digest).read_text()


def test_a_notebook_becomes_public_by_two_people(publisher: Any) -> None:
    submission = publisher.submit(summary="How many pass by", refresh="PT1H")
    assert (submission["state"], submission["version"], submission["slug"]) == ("submitted", 1, "fussgaenger")
    assert publisher.find_public() is None
    publisher.act(GERD, "release", submission["id"])
    public = publisher.find_public()
    assert public.variants == submission["pages"]
    assert (public.title, public.contact, public.source) == ("Fußgänger", "info@example.org", "Town")
    assert "Run 1" in _read_body(publisher, public.variants[""])
    assert publisher.town.tokens == {f"token {TOKEN}", ""}


def test_nobody_else_releases(publisher: Any) -> None:
    submission = publisher.submit()
    others = {
        "four_eyes": Person("anna@town", ("publisher", "gatekeeper")),
        "login_needed": Person("gerd@town", ("gatekeeper",), may_decide=False),
        "forbidden": Person("paul@town", ("publisher", "admin", "analyst", "steward")),
        "not_found": Person("vera@village", ("gatekeeper",)),
    }
    for code, person in others.items():
        for act, *reason in (("release",), ("refuse", "because")):
            with pytest.raises(ActError) as refused:
                publisher.act(person, act, submission["id"], *reason)
            assert refused.value.code == code
            line = publisher.read_audit()[-1]
            assert (line["who"], line["action"], line["outcome"]) == (person.hub_user, act, code)
    assert publisher.find_public() is None


def test_only_publishers_hand_in(publisher: Any) -> None:
    with pytest.raises(ActError, match="role publisher") as refused:
        publisher.act(
            Person("olga@town", ("analyst", "gatekeeper")), "submit", {"title": "x"}, make_notebook()
        )
    assert (refused.value.status, publisher.town.tasks) == (403, [])


def test_what_is_refused_stays_refused(publisher: Any) -> None:
    submission = publisher.submit()
    with pytest.raises(ActError, match="reason"):
        publisher.act(GERD, "refuse", submission["id"], " ")
    assert publisher.act(GERD, "refuse", submission["id"], "too small")["reason"] == "too small"
    with pytest.raises(ActError, match="is refused") as refused:
        publisher.act(GERD, "release", submission["id"])
    assert refused.value.status == 409


def test_a_newer_version_replaces_and_an_older_one_comes_back_without_being_executed(publisher: Any) -> None:
    first, second = publisher.submit(), publisher.submit()
    assert (first["version"], second["version"]) == (1, 2)
    for submission in (first, second):
        publisher.act(GERD, "release", submission["id"])
    assert publisher.find_public().version == 2
    assert publisher.act(GERD, "get", first["id"])["state"] == "replaced"
    publisher.act(GERD, "release_older", first["id"])
    assert (publisher.find_public().version, publisher.find_public().variants) == (1, first["pages"])
    assert publisher.act(GERD, "get", second["id"])["state"] == "replaced"
    assert len(publisher.town.tasks) == 2


def test_withdrawn_can_come_back_and_taken_down_cannot(publisher: Any) -> None:
    submission = publisher.submit()
    publisher.act(GERD, "release", submission["id"])
    publisher.act(GERD, "withdraw", submission["id"], "a mistake")
    assert publisher.find_public() is None
    publisher.act(GERD, "release_older", submission["id"])
    publisher.act(GERD, "preview", submission["id"])
    publisher.act(GERD, "takedown", submission["id"], "personal data")
    assert publisher.find_public() is None
    left = [path for path in publisher.public.rglob("*") if path.is_file() and path.name != "tenants.json"]
    assert left == []
    with pytest.raises(ActError, match="taken down"):
        publisher.act(GERD, "release_older", submission["id"])


def test_a_takedown_leaves_what_another_version_shows(publisher: Any) -> None:
    first = publisher.submit(slug="one")
    second = publisher.submit(slug="two")
    for submission in (first, second):
        publisher.act(GERD, "release", submission["id"])
    publisher.act(GERD, "takedown", first["id"])
    assert "Run 2" in _read_body(publisher, publisher.find_public("two").variants[""])
    assert not page_path(publisher.public, first["pages"][""]).exists()


def test_an_author_may_take_away_what_is_public(publisher: Any) -> None:
    submission = publisher.submit(BOTH)
    publisher.act(GERD, "release", submission["id"])
    publisher.act(BOTH, "withdraw", submission["id"])
    assert publisher.find_public() is None


def test_each_variant_is_made_ahead_and_previewed_as_it_is_stored(publisher: Any) -> None:
    parameters = [
        {"name": "day", "kind": "integer", "choices": [1, 2], "default": 2},
        {"name": "place", "choices": ["a&b"]},
    ]
    with pytest.raises(ActError, match="divides"):
        publisher.submit(parameters=parameters)
    parameters[1]["choices"] = ["Am Markt"]
    submission = publisher.submit(
        notebook=make_notebook(parameters="day = 1\nplace = ''"), parameters=parameters
    )
    assert set(submission["pages"]) == {"day=1&place=Am Markt", "day=2&place=Am Markt"}
    assert [task["parameters"] for _, task in publisher.town.tasks] == [
        {"day": 2, "place": "Am Markt"},
        {"day": 1, "place": "Am Markt"},
    ]
    url = urlsplit(publisher.act(GERD, "preview", submission["id"], "day=1&place=Am Markt"))
    assert (url.netloc, parse_qs(url.query)) == ("localhost:8080", {"day": ["1"], "place": ["Am Markt"]})
    text = url.path.removeprefix("/preview/").rstrip("/")
    ticket = decode_ticket(ticket_path(publisher.public, text).read_bytes())
    assert ticket.publication.variants == submission["pages"] and len(text) >= 40
    with pytest.raises(ActError, match="variant"):
        publisher.act(GERD, "preview", submission["id"], "day=3&place=Am Markt")
    with pytest.raises(ActError, match="Only publishers and gatekeepers"):
        publisher.act(Person("olga@town", ("analyst",)), "preview", submission["id"])


def test_what_is_no_longer_as_it_was_seen_is_not_released(publisher: Any) -> None:
    submission = publisher.submit()
    page = decode_page(page_path(publisher.public, submission["pages"][""]).read_bytes())
    file_path(publisher.public, page.files[0].digest).write_bytes(b"something else")
    with pytest.raises(ActError, match="no longer whole"):
        publisher.act(GERD, "release", submission["id"])
    assert publisher.find_public() is None
    assert publisher.act(GERD, "get", submission["id"])["state"] == "submitted"


def test_tenants_do_not_see_each_others_things(publisher: Any) -> None:
    submission = publisher.submit()
    request = publisher.act(ANNA, "request_data", {"dataset": "footfall"})
    vera = Person("vera@village")
    for act, *args in (
        *(("get", submission["id"]), ("preview", submission["id"]), ("release", submission["id"])),
        *(("withdraw", submission["id"]), ("takedown", submission["id"]), ("refresh", submission["id"])),
        *(("get_publication", "fussgaenger"), ("get_data_request", request["id"])),
        *(("withdraw_data", request["id"]), ("get", "0" * 32)),
    ):
        with pytest.raises(ActError) as refused:
            publisher.act(vera, act, *args)
        assert refused.value.status == 404, act
        assert "town" not in refused.value.message
    assert publisher.act(vera, "list_submissions") == publisher.act(vera, "list_data_requests") == []
    theirs = publisher.submit(Person("vera@village"))
    assert (theirs["version"], theirs["tenant"]) == (1, "village")
    assert {user for user, _ in publisher.town.tasks} == {"publications@town", "publications@village"}


def test_every_act_is_a_line_of_the_audit_log(publisher: Any) -> None:
    submission = publisher.submit()
    for act in ("preview", "release", "withdraw", "release_older", "takedown"):
        publisher.act(GERD, act, submission["id"])
    lines = [
        (line["who"], line["action"], line["object"], line["outcome"]) for line in publisher.read_audit()
    ]
    name = "town/fussgaenger/1"
    assert lines == [
        ("anna@town", "submit", name, "done"),
        ("publisher", "execute", name, "done"),
        *(
            ("gerd@town", act, name, "done")
            for act in ("preview", "release", "withdraw", "release_older", "takedown")
        ),
    ]


def test_no_secret_is_in_the_log(publisher: Any) -> None:
    publisher.town.hub_status = 500
    assert publisher.submit()["state"] == "failed"
    log = publisher.process.log.read_text()
    assert "the runner is gone" in log and TOKEN not in log
    assert TOKEN not in json.dumps(publisher.read_audit())
