"""Pages: a notebook of anybody's becomes a page of a publications server, or is told why not."""

from __future__ import annotations

from typing import Any

import pytest

from ...kafka_broker import wait_until  # noqa: TID252
from ..jupyter_process import JupyterServer  # noqa: TID252
from .page_server import (
    PAGES,
    fetch_page,
    list_processes,
    make_notebook,
    run_page,
    start_page,
)


def test_a_notebook_becomes_a_page_with_its_parameters(server: JupyterServer) -> None:
    notebook = make_notebook("print('sum', a + b)", parameters="a = 1\nb = 1")
    model = run_page(server, notebook=notebook, parameters={"a": 40, "b": 2})
    page, body = fetch_page(server, model)
    assert "sum 42" in body and (page.title, page.language, page.datasets) == ("Title", "en", ())
    assert model["failed_cell"] is None and model["needs"] == [] and model["seconds"] > 0
    assert not list((server.home / "pages").iterdir())


def test_charts_are_drawn_in_the_servers_account(server: JupyterServer) -> None:
    code = """spec = {"description": "Visitors", "mark": "bar", "data": {"values": [{"n": 1}]}}
spec["encoding"] = {"y": {"field": "n", "type": "quantitative"}}
display({"application/vnd.vegalite.v5+json": spec}, raw=True)"""
    body = fetch_page(server, run_page(server, code))[1]
    assert 'alt="Visitors"' in body and "cannot be drawn" not in body


def test_a_page_is_kept_until_it_is_deleted(server: JupyterServer) -> None:
    model = run_page(server, "1 + 1")
    fetch_page(server, model)
    fetch_page(server, model)
    address = f"{PAGES}/{model['id']}"
    assert server.fetch(address, method="DELETE")[0] == 204
    for path, method in ((address, "GET"), (f"{address}/page", "GET"), (address, "DELETE")):
        assert server.fetch(path, method=method)[0] == 404


def test_outputs_that_the_author_sent_along_are_not_believed(server: JupyterServer) -> None:
    notebook = make_notebook("pass")
    output = {"output_type": "stream", "name": "stdout", "text": "faked"}
    notebook["cells"][-1]["outputs"] = [output]
    assert "faked" not in fetch_page(server, run_page(server, notebook=notebook))[1]


@pytest.mark.parametrize(
    ("cells", "error", "cell"),
    [
        (("x = 1", "1 / 0", "print('never')"), "ZeroDivisionError: division by zero", 4),
        (("raise ValueError('\\x1b[31m' + 'a' * 9999)",), "ValueError: " + "a" * 487 + "…", 3),
        (("raise ValueError('eyJhbGciOi.eyJzdWIi.c2ln')",), "ValueError: ***", 3),
        (("import os; os._exit(0)",), "the kernel ended by itself", 3),
        (("pass", "import os; os.kill(os.getppid(), 9)"), "ended from within the notebook", 4),
        (("while True: print('x' * 100_000)",), "more than the 20 MB of output", 3),
        (("print('x' * 1_000_000_000)",), "more than the 20 MB of output", 3),
        (
            (
                "from IPython.display import HTML, display",
                "for n in range(200): display(HTML('x' * 1_000_000))",
            ),
            "more than the 20 MB of output",
            4,
        ),
        (("import ipywidgets; ipywidgets.HTML('x' * 30_000_000)",), "more than the 20 MB of output", 3),
        (("import os; os.closerange(0, 200)",), "", 3),
        (("import sys; sys.exit()",), "SystemExit", 3),
        (("1 / 0", "import nowhere_x"), "does not have what is imported here: nowhere_x", 4),
    ],
)
def test_a_notebook_that_goes_wrong_fails_with_a_sentence_and_leaves_nothing(
    server: JupyterServer, cells: tuple[str, ...], error: str, cell: int
) -> None:
    model = run_page(server, *cells, seconds=30)
    assert (model["state"], model["failed_cell"]) == ("failed", cell), model
    assert error in model["error"] and len(model["error"]) <= 500
    assert "Traceback" not in model["error"]
    assert server.fetch(f"{PAGES}/{model['id']}/page")[0] == 404
    wait_until(lambda: not list_processes(server), 5, "everything has ended")


def test_of_what_a_cell_prints_only_the_beginning_is_kept(server: JupyterServer) -> None:
    _, body = fetch_page(server, run_page(server, "for n in range(30): print('x' * 99_999)"))
    assert 199_000 < body.count("x") < 202_000 and "the cell has printed more" in body


def test_a_cell_that_may_raise_stops_the_page_all_the_same(server: JupyterServer) -> None:
    notebook = make_notebook("1 / 0")
    notebook["cells"][-1]["metadata"]["tags"] = ["raises-exception"]
    assert run_page(server, notebook=notebook)["error"] == "ZeroDivisionError: division by zero"


def test_a_notebook_that_loops_is_ended_with_its_time(server: JupyterServer) -> None:
    model = run_page(
        server, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass", seconds=8
    )
    assert model["error"] == "the run was still going on after 8 s and was ended"
    assert model["failed_cell"] == 3
    wait_until(lambda: not list_processes(server), 20, "everything has ended")


def test_what_is_not_released_is_named(server: JupyterServer) -> None:
    code = "class NotReleasedError(Exception): pass\nraise NotReleasedError({!r})"
    text = "Not released as open data: footfall, town.weather, <b>\nAsk a gatekeeper."
    assert run_page(server, code.format(text))["needs"] == ["footfall", "town.weather"]
    assert run_page(server, code.format("No list"))["needs"] == []


def test_a_page_takes_nothing_from_third_parties(server: JupyterServer) -> None:
    model = run_page(
        server, "from IPython.display import HTML\nHTML('<img src=\"https://tracker.example/x.png\">')"
    )
    assert model["state"] == "failed" and "tracker.example" in model["error"]
    assert model["failed_cell"] is None


def test_a_page_that_is_deleted_while_it_is_made_ends(server: JupyterServer) -> None:
    page = start_page(server, "import time; time.sleep(600)")
    wait_until(
        lambda: any("ipykernel" in command for command in list_processes(server)), 20, "the kernel runs"
    )
    assert server.fetch(f"{PAGES}/{page}", method="DELETE")[0] == 204
    wait_until(lambda: not list_processes(server), 20, "everything has ended")
    assert server.fetch(f"{PAGES}/{page}")[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"notebook": "x"}, [], "text", {"notebook": {}, "parameters": [1]}),
        *(
            {"notebook": {}, "paramters": {}},
            {"notebook": {}, "seconds": 0},
            {"notebook": {}, "seconds": "9"},
        ),
        *({"notebook": {}, "seconds": 1e9}, {"notebook": {}, "seconds": True}, {"notebook": {}, "title": 1}),
        *({"notebook": {}, "parameters": {"a = 1; b": 2}}, {"notebook": {}, "parameters": {"class": 2}}),
    ],
)
def test_wrong_requests_begin_nothing(server: JupyterServer, body: Any) -> None:
    assert server.fetch_json(PAGES, body)[0] == 400


@pytest.mark.parametrize(
    "notebook", [{}, {"cells": 1}, {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}]
)
def test_what_is_no_notebook_fails(server: JupyterServer, notebook: Any) -> None:
    model = run_page(server, notebook=notebook)
    assert (model["error"], model["failed_cell"]) == ("what was sent is no notebook that can be read", None)


def test_a_notebook_that_is_too_large_is_refused(server: JupyterServer) -> None:
    assert server.fetch(PAGES, {"notebook": {"x": "x" * 9_000_000}})[0] == 413


def test_a_publications_server_has_only_its_own_addresses(server: JupyterServer) -> None:
    assert server.fetch("/urbanlab/runner/runs")[0] == 404
    assert server.fetch(PAGES, {"notebook": {}}, token="wrong")[0] == 403
    for page in ("0" * 32, "..", "x", "0/../../.."):
        assert server.fetch(f"{PAGES}/{page}")[0] == 404
        assert server.fetch(f"{PAGES}/{page}/page")[0] == 404


def test_a_server_that_was_killed_knows_no_page_and_leaves_no_process(server: JupyterServer) -> None:
    page = start_page(server, "import time; time.sleep(600)")
    wait_until(
        lambda: any("ipykernel" in command for command in list_processes(server)), 20, "the kernel runs"
    )
    server.kill()
    wait_until(lambda: not list_processes(server), 20, "everything has ended")
    server.start()
    assert server.fetch(f"{PAGES}/{page}")[0] == 404
    assert "again" in fetch_page(server, run_page(server, "print('again')"))[1]
