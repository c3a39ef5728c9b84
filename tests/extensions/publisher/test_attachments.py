"""Files of a notebook: which may be handed in, that they lie beside it when it runs, that none hides a secret."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from urbanlab.contract.publications import FILES_KEY
from urbanlab_runner.attachments import write_attachments
from urbanlab_services.publisher.applications import ApplicationError, parse_application
from urbanlab_services.publisher.attachments import MAX_BYTES, AttachmentError, attach
from urbanlab_services.publisher.bundles import parse_notebook
from urbanlab_services.publisher.leaked_secrets import LeakError, check_no_secrets

from .conftest import ANNA, ActError, Publisher, make_notebook


@pytest.mark.parametrize(
    "name",
    [
        "../a.csv",
        "a/b.csv",
        ".hidden.csv",
        "a..csv",
        "run.sh",
        "a.ipynb",
        "sitecustomize.py",
        "csv",
        "ä.csv",
        "",
        3,
    ],
)
def test_names_that_lead_elsewhere_or_run_by_themselves_are_refused(name: object) -> None:
    with pytest.raises(ApplicationError) as caught:
        parse_application({"title": "T", "files": [name]})
    assert list(caught.value.problems) == ["files"]


@pytest.mark.parametrize(
    ("listed", "files", "said"),
    [
        (["a.csv"], {}, "listed, but were not handed in: a.csv"),
        ([], {"a.csv": b"1"}, "not listed under `files`: a.csv"),
        (["a.csv"], {"a.csv": b"x" * (MAX_BYTES + 1)}, "at most 1.5 MB are taken"),
    ],
)
def test_what_is_listed_and_what_is_there_are_the_same(
    listed: list[str], files: dict[str, bytes], said: str
) -> None:
    with pytest.raises(AttachmentError, match=said):
        attach(parse_notebook(make_notebook().encode()), listed, files)


def test_files_lie_where_the_notebook_runs(tmp_path: Path) -> None:
    notebook = attach(
        parse_notebook(make_notebook().encode()), ["a.csv", "b.py"], {"a.csv": b"1", "b.py": b""}
    )
    assert write_attachments(json.loads(json.dumps(notebook)), tmp_path) == ("a.csv", "b.py")
    assert (tmp_path / "a.csv").read_bytes() == b"1"
    with pytest.raises(ValueError, match=r"x\.csv"):
        write_attachments({"metadata": {FILES_KEY: {"../x.csv": ""}}}, tmp_path)


def test_a_file_is_looked_through_for_secrets() -> None:
    files = {"settings.yaml": b"# old\npassword: 'hunter22x'\n"}
    notebook = attach(parse_notebook(make_notebook().encode()), files, files)
    with pytest.raises(LeakError, match=r"File settings\.yaml, line 2"):
        check_no_secrets(notebook)


def test_nobody_brings_files_in_by_the_notebooks_metadata_and_the_runner_gets_those_handed_in(
    publisher: Publisher,
) -> None:
    notebook = json.loads(make_notebook(**{FILES_KEY: {"evil.py": "eA=="}}))
    body = {"notebook": notebook, "application": {"title": "T", "files": ["a.csv"]}}
    content = base64.b64encode(b"a,b\n1,2\n").decode()
    submission = publisher.ask(ANNA, "POST", "/api/submissions", {**body, "files": {"a.csv": content}})
    publisher.wait_for(submission["id"], "submitted", "failed")
    assert publisher.town.tasks[-1][1]["notebook"]["metadata"][FILES_KEY] == {"a.csv": content}
    for files in ({"a.csv": "no base 64!"}, {}, ["a.csv"]):
        with pytest.raises(ActError) as caught:
            publisher.ask(ANNA, "POST", "/api/submissions", {**body, "files": files})
        assert caught.value.status == 400
