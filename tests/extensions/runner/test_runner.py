"""Notebooks that the server of a service user runs with nobody logged in."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from urbanlab.contract import environment

from ...kafka_broker import wait_until  # noqa: TID252

RUNS = "/urbanlab/runner/runs"


@pytest.fixture(scope="module")
def server(start_jupyter: Callable[..., Any], curated: Path) -> Any:
    variables = {environment.PERSON: "reports", environment.CURATED_PATH: str(curated)}
    return start_jupyter(**variables, JUPYTERHUB_API_TOKEN="hub-token")


def _start(server: Any, notebook: str, **parameters: Any) -> str:
    status, answer = server.fetch_json(RUNS, {"notebook": notebook, "parameters": parameters})
    assert status == 202, answer
    return str(answer["id"])


def _wait(server: Any, run: str) -> dict[str, Any]:
    def find_ended() -> dict[str, Any] | None:
        model = server.fetch_json(f"{RUNS}/{run}")[1]
        return None if model["state"] == "running" else dict(model)

    return dict(wait_until(find_ended, 40, "the run ends"))


def _read_output(server: Any, run: str) -> list[str]:
    """Return the text that each code cell has written."""
    _, _, content = server.fetch(f"{RUNS}/{run}/output")
    cells = [cell for cell in json.loads(content)["cells"] if cell["cell_type"] == "code"]
    return ["".join(text for out in cell["outputs"] for text in out.get("text", ())) for cell in cells]


def _is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_notebook_runs_with_its_parameters(server: Any) -> None:
    run = _start(server, "sum.ipynb", a=40, b=2)
    model = _wait(server, run)
    assert (model["state"], model["error"], model["failed_cell"]) == ("succeeded", "", None)
    assert model["parameters"] == {"a": 40, "b": 2} and model["started"] < model["ended"]
    assert _read_output(server, run)[-1].strip() == "42"
    assert server.fetch_json(RUNS)[1]["runs"][0] == model
    folder = server.home / "runs" / run
    assert {path.name for path in folder.iterdir()} == {"run.json", "output.ipynb"}


def test_what_a_run_has_written_is_an_attachment(server: Any) -> None:
    run = _start(server, "topic/nested.ipynb")
    model = _wait(server, run)
    status, headers, _ = server.fetch(f"/urbanlab/runner/{model['output']}")
    assert status == 200
    assert headers["Content-Disposition"] == f'attachment; filename="{run}.ipynb"'
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert _read_output(server, run)[-1].strip() == str(server.home)


def test_a_failing_notebook_says_in_which_cell(server: Any) -> None:
    run = _start(server, "failing.ipynb", n=0)
    model = _wait(server, run)
    assert (model["state"], model["error"]) == ("failed", "ZeroDivisionError: division by zero")
    assert model["failed_cell"] == 4  # title, parameters, x = 1, and this one
    assert "never" not in str(_read_output(server, run))


def test_a_kernel_that_ends_by_itself_fails_its_run(server: Any) -> None:
    model = _wait(server, _start(server, "exit.ipynb"))
    assert model["state"] == "failed" and "the kernel ended by itself" in model["error"]
    assert model["failed_cell"] == 3


def test_what_is_no_notebook_fails_its_run(server: Any) -> None:
    run = _start(server, "text.ipynb")
    model = _wait(server, run)
    assert (model["state"], model["error"]) == ("failed", "the file is no notebook that can be read")
    assert model["failed_cell"] is None
    assert server.fetch(f"{RUNS}/{run}/output")[0] == 404


@pytest.mark.parametrize(
    "notebook",
    [
        *("../outside.ipynb", "topic/../../outside.ipynb", "link.ipynb", "/etc/passwd", "absent.ipynb"),
        *("data.csv", "topic", "", ".", "\0.ipynb", "a" * 300 + ".ipynb"),
    ],
)
def test_only_curated_notebooks_are_run(server: Any, notebook: str) -> None:
    status, answer = server.fetch_json(RUNS, {"notebook": notebook})
    assert status == 400 and "is no curated notebook" in answer["message"]


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"notebook": 1}, {"notebook": "sum.ipynb", "parameters": [1]}, [], "text"),
        {"notebook": "sum.ipynb", "parameters": {"a = 1; b": 2}},
        {"notebook": "sum.ipynb", "parameters": {"class": 2}},
    ],
)
def test_wrong_requests_start_nothing(server: Any, body: Any) -> None:
    before = server.fetch_json(RUNS)[1]
    assert server.fetch_json(RUNS, body)[0] == 400
    assert server.fetch_json(RUNS)[1] == before


def test_text_that_is_no_json_is_refused(server: Any) -> None:
    headers = {"Authorization": f"token {server.token}"}
    request = urllib.request.Request(server.url + RUNS, data=b"{", headers=headers)
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request, timeout=10)


@pytest.mark.parametrize("run", ["0" * 32, "..", "%2e%2e", "x", "0/../../.."])
def test_an_unknown_run_is_not_found(server: Any, run: str) -> None:
    for path in (f"{RUNS}/{run}", f"{RUNS}/{run}/output"):
        assert server.fetch(path)[0] == 404, path


def test_a_stranger_runs_nothing(server: Any) -> None:
    before = server.fetch_json(RUNS)[1]
    assert server.fetch(RUNS, {"notebook": "sum.ipynb"}, token="wrong")[0] == 403
    assert server.fetch(RUNS, token="")[0] == 403
    assert server.fetch_json(RUNS)[1] == before


def test_the_kernel_of_a_run_listens_at_no_port(server: Any) -> None:
    run = _start(server, "sockets.ipynb")
    assert _wait(server, run)["state"] == "succeeded"
    *statuses, transport, place = _read_output(server, run)[-1].split()
    assert transport == "ipc" and place.startswith(f"{server.runtime}/run-")
    assert statuses.count("LISTEN") <= 1  # ipykernel's pipe, see tests/extensions/lab


def test_the_kernel_of_a_run_has_a_socket_for_credentials_and_no_token(server: Any) -> None:
    run = _start(server, "environment.ipynb")
    assert _wait(server, run)["state"] == "succeeded"
    names = _read_output(server, run)[-1].split()
    assert not {"JUPYTERHUB_API_TOKEN", "JUPYTER_TOKEN"} & set(names)
    assert f"{environment.TOKENS_URL}=unix://{server.runtime}/tokens.sock" in names


def test_each_purpose_has_only_its_own_addresses(server: Any) -> None:
    assert server.fetch("/urbanlab/runner/pages", {"notebook": {}})[0] == 404


def test_a_server_that_is_killed_leaves_no_process_and_no_open_run(server: Any, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    run = _start(server, "endless.ipynb", pid_file=str(pid_file))
    kernel = int(wait_until(lambda: pid_file.exists() and pid_file.read_text(), 30, "the kernel runs"))
    process = psutil.Process(kernel).parent()
    assert process is not None
    server.kill()
    wait_until(lambda: not _is_alive(kernel) and not process.is_running(), 20, "kernel and process end")
    server.start()
    model = server.fetch_json(f"{RUNS}/{run}")[1]
    assert (model["state"], model["error"]) == ("failed", "the server ended during this run")
    assert model["failed_cell"] == 3
    assert _wait(server, _start(server, "sum.ipynb"))["state"] == "succeeded"
