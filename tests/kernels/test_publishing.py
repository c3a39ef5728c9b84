"""`ul.publish` against the real publisher: what is sent, what is shown, what is said where something is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import urbanlab as ul
from urbanlab.contract import environment
from urbanlab.errors import PublishError, SessionError
from urbanlab.session import Session
from urbanlab_services.tokens.credentials import Holder, make_publisher_token

from ..extensions.conftest import make_tenant  # noqa: TID252, F401 - fixtures of the service
from ..extensions.publisher.conftest import ANNA, make_notebook, publisher, town  # noqa: TID252, F401
from .test_kernel import Kernel


@pytest.fixture
def published(
    publisher: Any,  # noqa: F811
    tokens: Any,
    environ: dict[str, str],
    use_session: Callable[[dict[str, str]], Session],
) -> Any:
    """Return the service that this session publishes to."""
    holder = Holder("anna@town", "town", "analyst", ("publisher",))
    tokens.make_token["publisher"] = lambda: make_publisher_token(holder, publisher.key)
    use_session({**environ, environment.PUBLISHER_URL: publisher.process.url})
    return publisher


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "footfall.ipynb"
    content = json.loads(make_notebook("show()", parameters="sensor = 'north'"))
    content["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "mine"}]
    path.write_text(json.dumps(content))
    return path


def test_a_notebook_is_handed_in_and_followed(published: Any, notebook: Path, capsys: Any) -> None:
    submission = ul.publish(notebook, title="Footfall", parameters={"sensor": ["north", "south"]})
    assert (submission.state, submission.version, submission.slug) == ("submitted", 1, "footfall")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Footfall: is being executed (0 of 2 pages)"
    assert lines[-1] == "Footfall: waits for its release"
    assert submission.url in repr(submission) and "waits for its release" in submission._repr_html_()
    assert "mine" not in json.dumps([task for _, task in published.town.tasks])
    assert "hub-token" not in published.process.log.read_text()


def test_arguments_win_over_the_file_beside_the_notebook(published: Any, notebook: Path) -> None:
    notebook.with_name("app.yaml").write_text("title: From the file\nslug: from-file\nrefresh: PT1H\n")
    submission = ul.publish(notebook, title="Footfall", wait=False)
    assert (submission.title, submission.slug) == ("Footfall", "from-file")
    assert published.act(ANNA, "get", submission.id)["application"]["refresh"] == "PT1H"


def test_what_is_not_released_is_named_and_asked_for(published: Any, notebook: Path) -> None:
    published.town.failure = {"error": "Not released", "failed_cell": 2, "needs": ["town.footfall"]}
    submission = ul.publish(notebook, title="Footfall")
    assert (submission.state, submission.failed_cell, submission.needs) == ("failed", 2, ["town.footfall"])
    assert "cell 2: Not released" in repr(submission) and "submission.request_data()" in repr(submission)
    assert submission.request_data("for the page") == ["town.footfall"]
    (request,) = published.act(ANNA, "list_data_requests")
    assert (request["table"], request["note"], request["state"]) == (
        "town.footfall",
        "for the page",
        "requested",
    )


def test_what_is_wrong_is_said_in_the_publishers_words(published: Any, notebook: Path) -> None:
    with pytest.raises(PublishError, match="title: is missing"):
        ul.publish(notebook)
    with pytest.raises(PublishError, match="`parameters` does not assign day"):
        ul.publish(notebook, title="x", parameters={"day": [1]})
    notebook.with_name("app.yaml").write_text("- no mapping")
    with pytest.raises(PublishError, match=r"app\.yaml beside the notebook"):
        ul.publish(notebook, title="x")
    notebook.with_name("app.yaml").unlink()
    notebook.write_text("{}")
    with pytest.raises(PublishError, match="no notebook"):
        ul.publish(notebook, title="x")
    with pytest.raises(PublishError, match="There is no file"):
        ul.publish("nowhere.ipynb", title="x")


def test_outside_of_a_notebook_its_path_is_needed(published: Any) -> None:
    with pytest.raises(PublishError, match="Which notebook"):
        ul.publish(title="x")


def test_a_credential_that_is_refused_is_renewed_once(published: Any, tokens: Any, notebook: Path) -> None:
    good = tokens.make_token["publisher"]
    made = iter(["x.y.z"])
    tokens.make_token["publisher"] = lambda: next(made, None) or good()
    assert ul.publish(notebook, title="x", wait=False).state == "executing"


def test_a_publisher_that_is_away_is_said(published: Any, notebook: Path) -> None:
    published.process.kill()
    with pytest.raises(PublishError, match="does not answer"):
        ul.publish(notebook, title="x")


def test_without_a_publisher_nothing_is_sent(session: Session, tokens: Any, notebook: Path) -> None:
    with pytest.raises(SessionError, match="knows no publisher"):
        ul.publish(notebook, title="x")
    assert tokens.asked == []


def test_a_kernel_knows_the_notebook_that_it_was_started_for(
    published: Any, tokens: Any, environ: Any, notebook: Path
) -> None:
    kernel = Kernel(
        {**environ, environment.PUBLISHER_URL: published.process.url, "JPY_SESSION_NAME": str(notebook)}
    )
    try:
        shown = kernel.run("import urbanlab as ul; ul.publish(title='From a kernel')")
    finally:
        kernel.client.stop_channels()
        kernel.manager.shutdown_kernel(now=True)
    assert "From a kernel: waits for its release" in shown
    assert published.act(ANNA, "list_submissions")[0]["application"]["title"] == "From a kernel"
