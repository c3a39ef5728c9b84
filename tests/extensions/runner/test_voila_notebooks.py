"""What the kinds of notebooks that the Voilà project ships become here: a page, an interactive view, a refusal."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from urbanlab.contract.publications import FILES_KEY
from urbanlab_services.publisher.bundles import BundleError, parse_notebook

from ...kafka_broker import wait_until  # noqa: TID252
from ..jupyter_process import JupyterServer  # noqa: TID252
from .page_server import fetch_page, make_notebook, start_page, wait_for_page
from .voila_kinds import ATTACHED_FILE, KINDS, Kind, make_all

LIVE = "/urbanlab/runner/live"
PARAMETERS = {"place": "Gütersloh"}
_SCRIPT = re.compile(r'<script type="application/vnd.voila.cell-output\+json">(.*?)</script>', re.DOTALL)
FAILING = {
    "this is no Python": "SyntaxError: invalid syntax",
    "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)": "the kernel ended by itself",
    "import bqplot.pyplot, ipyvolume, ipyvuetify, ipyleaflet\nfrom bokeh.io import show": (
        "does not have what is imported here: bqplot, ipyvolume, ipyvuetify, ipyleaflet, bokeh"
    ),
    "%matplotlib widget": "write `%matplotlib inline`",
}


@pytest.fixture(scope="module")
def notebook() -> dict[str, Any]:
    made = parse_notebook(json.dumps(make_all()).encode())
    made["metadata"][FILES_KEY] = {ATTACHED_FILE[0]: base64.b64encode(ATTACHED_FILE[1]).decode()}
    return made


@pytest.fixture(scope="module")
def page(server: JupyterServer, notebook: dict[str, Any]) -> dict[str, str]:
    started = start_page(server, notebook=notebook, parameters=PARAMETERS, language="de")
    return split(fetch_page(server, wait_for_page(server, started))[1])


@pytest.fixture(scope="module")
def live(server: JupyterServer, notebook: dict[str, Any]) -> dict[str, str]:
    asked = {"page": "town/page", "title": "Title", "language": "de", "spare": False}
    status, session = server.fetch_json(LIVE, {**asked, "notebook": notebook, "parameters": PARAMETERS})
    assert status == 202, session

    def find_ready() -> Any:
        model = server.fetch_json(f"{LIVE}/{session['id']}")[1]
        return model["state"] != "preparing" and model

    model = wait_until(find_ready, 90, "the session is prepared")
    assert model["state"] == "ready", model
    html = server.fetch(f"{LIVE}/open/{model['ticket']}?page=town/page")[2].decode()
    server.fetch(f"{LIVE}/{session['id']}", method="DELETE")
    return split(html)


def split(html: str) -> dict[str, str]:
    """Return what stands behind each kind's heading."""
    names = "|".join(re.escape(kind.name) for kind in KINDS)
    _, *parts = re.split(rf"<h[2-6][^>]*>({names})</h[2-6]>", html)
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_a_page_holds(page: dict[str, str], kind: Kind) -> None:
    assert [text for text in kind.page if text not in page[kind.name]] == []
    assert [text for text in kind.never if text in page[kind.name]] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_an_interactive_view_holds(live: dict[str, str], kind: Kind) -> None:
    held = [json.loads(script).get("data", {}) for script in _SCRIPT.findall(live[kind.name])]
    for media_type, text in kind.live:
        drawn = [str(data[media_type]) for data in held if media_type in data]
        # What was printed is in the page as it is.
        assert any(text in content for content in drawn or [live[kind.name]]), (media_type, text)
    assert [text for text in kind.never if text in live[kind.name]] == []


def test_what_cannot_be_a_page_is_refused_with_a_sentence(server: JupyterServer) -> None:
    # All at once: the server makes two at a time.
    started = {source: start_page(server, source) for source in FAILING}
    models = {source: wait_for_page(server, page) for source, page in started.items()}
    assert {model["state"] for model in models.values()} == {"failed"}
    assert [model["error"] for source, model in models.items() if FAILING[source] not in model["error"]] == []


@pytest.mark.parametrize("language", ["C++14", "R", "julia"])
def test_a_notebook_of_another_language_is_refused_when_it_is_handed_in(language: str) -> None:
    notebook = make_notebook("cout << 1;")
    notebook["metadata"]["kernelspec"] = {"name": "x", "display_name": language, "language": language}
    with pytest.raises(BundleError, match=r"written in .*; pages are made from Python"):
        parse_notebook(json.dumps(notebook).encode())
