"""Pages made anew by schedule: what fails, dies or is killed leaves the last good page."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
from contextlib import suppress
from typing import Any

import pytest

from urbanlab.contract.publications import decode_page, file_path, make_digest, page_path, publication_path

from .conftest import ANNA, GERD, make_notebook


def _release(publisher: Any, **values: Any) -> Any:
    submission = publisher.submit(**{"refresh": "PT1H", **values})
    publisher.act(GERD, "release", submission["id"])
    return submission


def _wait_for_refresh(publisher: Any, wait: Any, outcome: str, count: int = 1) -> None:
    def has_ended() -> bool:
        ended = [
            line
            for line in publisher.read_audit()
            if (line["action"], line["who"]) == ("refresh", "publisher")
        ]
        return len(ended) == count and ended[-1]["outcome"] == outcome

    wait(has_ended, 15, f"refresh {outcome}")


def _let_time_pass(publisher: Any, submission_id: str) -> None:
    """Make a page due, as if the service had been away for long."""
    with sqlite3.connect(publisher.state / "publisher.sqlite") as database:
        (record,) = database.execute(
            "SELECT record FROM submissions WHERE id = ?", (submission_id,)
        ).fetchone()
        values = json.loads(record)
        values["refresh"]["next_at"] = "2020-01-01T00:00:00.000+00:00"
        row = (json.dumps(values), values["refresh"]["next_at"], submission_id)
        database.execute("UPDATE submissions SET record = ?, next_at = ? WHERE id = ?", row)


def _check_whole(publisher: Any) -> None:
    """Assert that what is public is there, byte for byte."""
    public = publisher.find_public()
    for digest in public.variants.values():
        page = decode_page(page_path(publisher.public, digest).read_bytes())
        for file in page.files:
            assert make_digest(file_path(publisher.public, file.digest).read_bytes()) == file.digest


def test_a_page_is_made_anew_by_its_schedule_also_after_the_service_was_away(
    publisher: Any, wait: Any
) -> None:
    submission = _release(publisher)
    before = publisher.find_public()
    publisher.process.stop()
    _let_time_pass(publisher, submission["id"])
    publisher.process.restart()
    _wait_for_refresh(publisher, wait, "done")
    after = publisher.find_public()
    assert after.variants != before.variants and after.updated_at > before.updated_at
    assert (after.released_at, after.version) == (before.released_at, before.version)
    _check_whole(publisher)
    assert publisher.act(GERD, "get", submission["id"])["refresh"]["next_at"] > after.updated_at


def test_a_failed_refresh_keeps_the_page_and_tells_the_owner_which_cell(publisher: Any, wait: Any) -> None:
    submission = _release(publisher)
    before = publisher.find_public()
    publisher.town.failure = {"error": "ValueError: no rain", "failed_cell": 3, "needs": []}
    publisher.act(ANNA, "refresh", submission["id"])
    _wait_for_refresh(publisher, wait, "failed")
    stale = publisher.find_public()
    assert stale.variants == before.variants and stale.stale_since > before.updated_at
    failure = publisher.act(ANNA, "get", submission["id"])["refresh"]["failure"]
    assert (failure["failed_cell"], failure["message"]) == (3, "ValueError: no rain")
    publisher.town.failure = None
    publisher.act(ANNA, "refresh", submission["id"])
    _wait_for_refresh(publisher, wait, "done", count=2)
    assert publisher.find_public().stale_since == ""
    assert publisher.act(ANNA, "get", submission["id"])["refresh"]["failure"] is None


def test_variants_become_public_together_or_not_at_all(publisher: Any, wait: Any) -> None:
    parameters = [{"name": "n", "choices": ["1", "2"]}]
    submission = _release(publisher, parameters=parameters, notebook=make_notebook(parameters="n = '1'"))
    before = publisher.find_public()
    publisher.town.seconds = 0.5
    publisher.act(ANNA, "refresh", submission["id"])
    wait(lambda: len(publisher.town.tasks) == 4, 10, "the second variant begun")
    publisher.town.failure = {"error": "late", "failed_cell": 1}
    _wait_for_refresh(publisher, wait, "failed")
    assert publisher.find_public().variants == before.variants
    assert publisher.act(ANNA, "get", submission["id"])["refresh"]["failure"]["message"] == "With n=2: late"


def test_a_runner_killed_in_the_middle_is_tried_again_and_then_given_up(publisher: Any, wait: Any) -> None:
    submission = _release(publisher)
    before = publisher.find_public()
    publisher.town.hangs = True
    publisher.act(ANNA, "refresh", submission["id"])
    wait(lambda: publisher.town.pages, 10, "the page begun")
    publisher.town.kill_runner("publications@town")
    publisher.town.hub_status = 500
    _wait_for_refresh(publisher, wait, "failed")
    assert publisher.find_public().variants == before.variants and publisher.find_public().stale_since
    publisher.town.hangs, publisher.town.hub_status = False, 201
    publisher.act(ANNA, "refresh", submission["id"])
    _wait_for_refresh(publisher, wait, "done", count=2)
    _check_whole(publisher)


def test_the_publisher_killed_in_the_middle_leaves_the_last_good_page_and_goes_on(
    publisher: Any, wait: Any
) -> None:
    submission = _release(publisher)
    before = publisher.find_public()
    publisher.town.hangs = True
    publisher.act(ANNA, "refresh", submission["id"])
    wait(lambda: publisher.town.pages, 10, "the page begun")
    publisher.process.kill()
    assert publisher.find_public() == before
    publisher.town.hangs = False
    publisher.process.restart()
    _wait_for_refresh(publisher, wait, "done")
    assert publisher.find_public().variants != before.variants
    _check_whole(publisher)


def test_killed_between_storing_and_releasing_what_was_seen_is_still_what_is_released(publisher: Any) -> None:
    submission = publisher.submit()
    publisher.process.kill()
    assert publisher.find_public() is None
    publisher.process.restart()
    publisher.act(GERD, "release", submission["id"])
    assert publisher.find_public().variants == submission["pages"]
    _check_whole(publisher)


@pytest.mark.parametrize("was", ["released", "withdrawn"])
def test_killed_between_a_decision_and_the_shelf_the_decision_counts(
    publisher: Any, wait: Any, was: str
) -> None:
    submission = _release(publisher)
    path = publication_path(publisher.public, "town", "fussgaenger")
    content = path.read_bytes()
    if was == "withdrawn":
        publisher.act(GERD, "withdraw", submission["id"])
    publisher.process.kill()
    path.unlink(missing_ok=True)
    if was == "withdrawn":
        path.write_bytes(content)
    (path.parent / ".half.draft").write_bytes(content[:20])
    publisher.process.restart()
    wait(lambda: path.exists() is (was == "released"), 5, "the shelf in line")
    assert [each.name for each in path.parent.iterdir()] == (
        ["fussgaenger.json"] if was == "released" else []
    )


def test_killed_at_any_moment_the_public_finds_a_whole_page_or_none(publisher: Any, wait: Any) -> None:
    submission = _release(publisher)
    numbers = random.Random(7)
    for _ in range(4):

        def flip() -> None:
            with suppress(OSError, ValueError):
                while True:
                    publisher.act(GERD, "withdraw", submission["id"])
                    publisher.act(GERD, "release_older", submission["id"])

        thread = threading.Thread(target=flip, daemon=True)
        thread.start()
        threading.Event().wait(numbers.uniform(0.05, 0.4))
        publisher.process.kill()
        thread.join()
        publisher.process.restart()
        state = publisher.act(GERD, "get", submission["id"])["state"]
        wait(lambda state=state: (publisher.find_public() is not None) is (state == "released"), 5, state)
        if state == "withdrawn":
            publisher.act(GERD, "release_older", submission["id"])
        _check_whole(publisher)


def test_a_page_withdrawn_meanwhile_does_not_come_back(publisher: Any, wait: Any) -> None:
    submission = _release(publisher)
    publisher.town.seconds = 0.8
    publisher.act(ANNA, "refresh", submission["id"])
    wait(lambda: len(publisher.town.tasks) == 2, 10, "the page begun")
    publisher.act(GERD, "withdraw", submission["id"])
    wait(lambda: not publisher.town.pages, 10, "the page fetched")
    assert publisher.find_public() is None
    assert publisher.act(GERD, "get", submission["id"])["state"] == "withdrawn"
