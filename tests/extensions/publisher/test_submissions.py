"""What may be handed in, and what becomes of notebooks and runners that misbehave."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import ANNA, GERD, ActError, Person, make_notebook
from .hub_runner_gateway import make_parcel, pack


def test_a_file_that_is_no_notebook_is_refused_before_anything_runs(publisher: Any) -> None:
    for notebook, sentence in (("[" * 100_000, "no notebook"), (make_notebook(*["x"] * 501), "501 cells")):
        with pytest.raises(ActError, match=sentence) as refused:
            publisher.act(ANNA, "submit", {"title": "x"}, notebook)
        assert (refused.value.status, refused.value.code) == (400, "invalid_notebook")
    assert publisher.town.tasks == []
    assert [line["outcome"] for line in publisher.read_audit()] == ["invalid_notebook"] * 2


def test_of_a_thousand_variants_one_is_made_ahead(publisher: Any) -> None:
    parameters = [{"name": name, "choices": list(range(10))} for name in ("a", "b", "c")]
    submission = publisher.submit(
        notebook=make_notebook("a, b, c", parameters="a = b = c = '0'"), parameters=parameters
    )
    assert (submission["state"], list(submission["pages"])) == ("submitted", ["a=0&b=0&c=0"])


def test_outputs_never_leave_the_author(publisher: Any) -> None:
    notebook = json.loads(make_notebook("1 + 1", kernelspec={"name": "conda-base-py", "display_name": "x"}))
    notebook["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "of the author"}]
    notebook["metadata"]["widgets"] = {"state": "of the author"}
    publisher.submit(notebook=json.dumps(notebook))
    sent = publisher.town.tasks[0][1]
    assert "of the author" not in json.dumps(sent)
    assert sent["notebook"]["metadata"]["kernelspec"]["name"] == "urbanlab"
    assert (sent["language"], sent["title"], sent["parameters"]) == ("de", "Fußgänger", {})


def test_a_notebook_that_needs_closed_data_is_told_which(publisher: Any) -> None:
    publisher.town.failure = {
        "error": "Not released",
        "failed_cell": 2,
        "needs": ["town.footfall", "../x", 3, "rain"],
    }
    submission = publisher.submit()
    assert submission["state"] == "failed"
    assert submission["failure"]["needs"] == ["town.footfall", "rain"]
    assert (submission["failure"]["failed_cell"], submission["failure"]["message"]) == (2, "Not released")
    request = publisher.act(ANNA, "request_data", {"dataset": "town.footfall"})
    assert publisher.act(ANNA, "find_data_request", "town.footfall")["id"] == request["id"]
    with pytest.raises(ActError, match="has not been executed"):
        publisher.act(ANNA, "preview", submission["id"])


def test_a_hostile_parcel_ends_as_failed_and_leaves_nothing(publisher: Any) -> None:
    parcels = {
        b"no zip": "no ZIP file",
        make_parcel("<script>alert(1)</script>"): "has a script",
        pack({"../../state/publisher.sqlite": b"x"}): "name or type",
        pack({"body.html": b"0" * 70_000_000, "page.json": b"{}"}): "too large",
    }
    for parcel, sentence in parcels.items():
        publisher.town.parcel = parcel
        submission = publisher.submit()
        assert submission["state"] == "failed" and sentence in submission["failure"]["message"]
    assert [path.name for path in publisher.public.rglob("*") if path.is_file()] == ["tenants.json"]


def test_a_runner_that_is_killed_is_started_anew(publisher: Any, wait: Any) -> None:
    publisher.town.hangs = True
    submission = publisher.act(ANNA, "submit", {"title": "x"}, make_notebook())
    wait(lambda: publisher.town.pages, 10, "the page begun")
    publisher.town.hangs = False
    publisher.town.kill_runner("publications@town")
    assert publisher.wait_for(submission["id"], "submitted", "failed")["state"] == "submitted"
    assert publisher.town.start_count == 2


def test_a_runner_that_stays_away_is_no_fault_of_the_notebook(publisher: Any) -> None:
    publisher.town.hub_status = 503
    submission = publisher.submit()
    assert submission["state"] == "failed"
    assert "not the notebook's fault" in submission["failure"]["message"]


def test_the_publisher_killed_while_executing_goes_on_where_it_was(publisher: Any, wait: Any) -> None:
    parameters = [{"name": "n", "kind": "integer", "choices": [1, 2, 3]}]
    publisher.town.seconds = 0.6
    submission = publisher.act(
        ANNA, "submit", {"title": "x", "parameters": parameters}, make_notebook(parameters="n = 1")
    )
    wait(lambda: len(publisher.town.tasks) == 2, 10, "the second page begun")
    publisher.process.kill()
    publisher.process.restart()
    done = publisher.wait_for(submission["id"], "submitted", "failed")
    assert (done["state"], len(done["pages"])) == ("submitted", 3)
    assert [task["parameters"]["n"] for _, task in publisher.town.tasks] == [1, 2, 2, 3]


def test_one_tenant_executes_one_at_a_time_and_all_together_two(publisher: Any) -> None:
    publisher.town.seconds = 0.3
    people = [*[ANNA] * 3, Person("vera@village")]
    submissions = [publisher.act(person, "submit", {"title": "x"}, make_notebook()) for person in people]
    for person, submission in zip(people, submissions, strict=True):
        seen = publisher.act(person, "get", submission["id"])
        assert seen["state"] in {"executing", "submitted"}
    for submission in submissions[:3]:
        publisher.wait_for(submission["id"], "submitted")
    assert publisher.town.most_running == 2


def test_a_tenant_cannot_fill_the_queue(publisher: Any) -> None:
    publisher.town.hangs = True
    for _ in range(10):
        publisher.act(ANNA, "submit", {"title": "x"}, make_notebook())
    with pytest.raises(ActError) as refused:
        publisher.act(ANNA, "submit", {"title": "x"}, make_notebook())
    assert refused.value.status == 429
    assert publisher.act(GERD, "list_submissions")[0]["version"] == 10
