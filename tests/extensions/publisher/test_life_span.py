"""Days after which a page is reviewed or ends, who is in charge of it, and who decides in whose place."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from urbanlab_services.publisher.applications import ApplicationError, check_days, parse_application
from urbanlab_services.publisher.life_span import list_ending
from urbanlab_services.publisher.publications import State, find_end

from .conftest import ANNA, GERD, ActError, Person, make_submission

BEN = Person("ben@town", ("publisher",), may_decide=False)
ADA = Person("ada@town", ("admin",))


def in_days(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def set_back(publisher: Any, submission_id: str, field: str, value: str) -> None:
    """Change a field of a version's record, as if time had passed."""
    with sqlite3.connect(publisher.state / "publisher.sqlite") as database:
        (text,) = database.execute("SELECT record FROM submissions WHERE id = ?", (submission_id,)).fetchone()
        record = json.dumps({**json.loads(text), field: value})
        database.execute("UPDATE submissions SET record = ? WHERE id = ?", (record, submission_id))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"expires": "2020-01-01"}, "expires"),
        ({"expires": "31.12.2030"}, "expires"),
        ({"review_by": "2999-01-01"}, "review_by"),
        ({"review_by": in_days(20), "expires": in_days(10)}, "review_by"),
        ({"review_by": ["x"]}, "review_by"),
        ({"pictures_in_text": "yes"}, "pictures_in_text"),
    ],
)
def test_days_that_make_no_sense_are_refused_beside_their_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(ApplicationError) as caught:
        parse_application({"title": "T", **values})
    assert list(caught.value.problems) == [field]


def test_days_may_be_given_as_app_yaml_gives_them() -> None:
    day = datetime.now(UTC).date() + timedelta(days=3)
    assert check_days(day, None) == (day.isoformat(), "")


def test_what_ends_soon_is_listed_the_nearest_first() -> None:
    today = datetime.now(UTC).date()
    soon = make_submission(state=State.RELEASED, expires=in_days(14), review_by=in_days(-3))
    late = make_submission(state=State.RELEASED, expires=in_days(15))
    gone = make_submission(state=State.WITHDRAWN, expires=in_days(1))
    found = [(kind, day) for _, kind, day in list_ending([late, soon, gone], today)]
    assert found == [("review", in_days(-3)), ("expires", in_days(14))]


@pytest.mark.parametrize(
    ("expires", "time_zone", "ends_at"),
    [
        ("", "Europe/Berlin", ""),
        ("2026-07-01", "Europe/Berlin", "2026-07-01T22:00:00.000+00:00"),
        ("2026-12-31", "Europe/Berlin", "2026-12-31T23:00:00.000+00:00"),
        ("2026-03-29", "Europe/Berlin", "2026-03-29T22:00:00.000+00:00"),  # the day of 23 hours
        ("2026-10-25", "Europe/Berlin", "2026-10-25T23:00:00.000+00:00"),  # and of 25
        ("2026-01-01", "Pacific/Auckland", "2026-01-01T11:00:00.000+00:00"),
        ("2026-04-23", "Africa/Cairo", "2026-04-23T22:00:00.000+00:00"),  # whose next day has no midnight
        ("2028-02-28", "UTC", "2028-02-29T00:00:00.000+00:00"),
    ],
)
def test_a_last_day_ends_at_the_towns_midnight(expires: str, time_zone: str, ends_at: str) -> None:
    assert find_end(make_submission(expires=expires), time_zone) == ends_at


def find_berlin_end(days: int) -> str:
    return find_end(make_submission(expires=in_days(days)), "Europe/Berlin")


def test_a_page_is_withdrawn_after_its_last_day_and_comes_back_by_a_new_one(
    publisher: Any, wait: Any
) -> None:
    submission = publisher.submit(expires=in_days(30), review_by=in_days(10))
    publisher.act(GERD, "release", submission["id"])
    # So that the portal knows it when this service is away.
    assert publisher.find_public().ends_at == find_berlin_end(30)
    for days, ends_at in (("", ""), (in_days(3), find_berlin_end(3))):
        publisher.act(GERD, "prolong", submission["id"], "", days)
        assert publisher.find_public().ends_at == ends_at
    set_back(publisher, submission["id"], "expires", in_days(-2))
    publisher.process.kill()
    publisher.process.restart()
    ended = publisher.wait_for(submission["id"], "withdrawn")
    assert (publisher.find_public(), ended["reason"]) == (None, "Its last day was over.")
    assert [line["who"] for line in publisher.read_audit() if line["action"] == "expire"] == ["publisher"]
    with pytest.raises(ActError) as caught:
        publisher.act(GERD, "release_older", submission["id"])
    assert caught.value.code == "conflict"
    with pytest.raises(ActError):
        publisher.act(ANNA, "prolong", submission["id"], "", in_days(5))
    publisher.act(GERD, "prolong", submission["id"], "", in_days(5))
    publisher.act(GERD, "release_older", submission["id"])
    assert publisher.find_public()


def test_a_page_is_handed_over_with_consent_or_by_an_administrator(publisher: Any) -> None:
    first = publisher.submit()
    for person, act, args in (
        (BEN, "take_over", ["fussgaenger"]),
        (BEN, "hand_over", ["fussgaenger", "ben"]),
        (ANNA, "hand_over", ["fussgaenger", "a/b@village" * 40]),
    ):
        with pytest.raises(ActError):
            publisher.act(person, act, *args)
    publisher.act(ANNA, "hand_over", "fussgaenger", "ben")
    assert publisher.act(ANNA, "get", first["id"])["offered_to"] == "ben@town"
    publisher.act(BEN, "take_over", "fussgaenger")
    second = publisher.submit(ANNA)
    owners = {publisher.act(BEN, "get", each["id"])["owned_by"] for each in (first, second)}
    assert owners == {"ben@town"}
    publisher.act(ADA, "hand_over", "fussgaenger", "anna")
    assert publisher.act(BEN, "get", first["id"])["owned_by"] == "anna@town"
