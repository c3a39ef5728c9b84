"""Reports run in a server that the hub starts for the tenant, with nobody logged in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.installation import Installation

from .figures import BUSIEST, find_busiest_hour, read_counts
from .login import StaffSession
from .operator_access import ask_as_service, wait_until

NOTEBOOK = "innenstadt/01_passantenfrequenz_und_wetter.ipynb"
SIMULATED = "Diese Daten sind simuliert"


class Runner:
    """The runner of a tenant's reports, as the reports service sees it."""

    def __init__(self, installation: Installation, tenant: str) -> None:
        self.installation = installation
        self.user = f"reports@{tenant}"
        self.url = f"{installation.settings.hub_url}user/{quote(self.user, safe='@')}/urbanlab/runner/runs"
        self.headers = {"Authorization": f"token {installation.secret('service-reports')}"}

    def start(self) -> None:
        """Have the hub start the server and wait until it answers."""
        started = ask_as_service(self.installation, "reports", "POST", f"users/{quote(self.user)}/server")
        assert started.status_code in (201, 202, 400), started.text
        wait_until(lambda: self.ask("GET").status_code == 200, 60)

    def stop(self) -> None:
        """Have the hub stop the server, and wait until it has."""
        path = f"users/{quote(self.user)}/server"
        wait_until(lambda: ask_as_service(self.installation, "reports", "DELETE", path).status_code != 202)

    def ask(self, method: str, path: str = "", **arguments: Any) -> requests.Response:
        """Ask the runner."""
        address = f"{self.url}{path}"
        return requests.request(
            method, address, headers=self.headers, timeout=60, allow_redirects=False, **arguments
        )

    def run(self, notebook: str, **parameters: Any) -> dict[str, Any]:
        """Run a notebook to its end and return the run."""
        answer = self.ask("POST", json={"notebook": notebook, "parameters": parameters})
        assert answer.status_code == 202, answer.text
        run_id = answer.json()["id"]
        ended = wait_until(lambda: self.find_ended(run_id), 150)
        return dict(ended)

    def find_ended(self, run_id: str) -> dict[str, Any] | None:
        """Return a run that has ended, or None."""
        run: dict[str, Any] = self.ask("GET", f"/{run_id}").json()
        return run if run["state"] != "running" else None

    def read_output(self, run: dict[str, Any]) -> dict[str, Any]:
        """Return the executed notebook."""
        answer = self.ask("GET", f"/{run['id']}/output")
        answer.raise_for_status()
        notebook: dict[str, Any] = answer.json()
        return notebook


@contextmanager
def running(installation: Installation, tenant: str) -> Iterator[Runner]:
    """The runner of a tenant while the block runs."""
    runner = Runner(installation, tenant)
    runner.start()
    try:
        yield runner
    finally:
        runner.stop()


def read_texts(notebook: dict[str, Any]) -> list[str]:
    """Return the Markdown that the notebook's cells showed."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    return ["".join(output.get("data", {}).get("text/markdown", "")) for output in outputs]


@pytest.mark.parametrize("tenant", ["guetersloh", "detmold"])
def test_the_curated_notebook_runs_for_any_tenant_with_nobody_logged_in(
    installation: Installation, tenant: str
) -> None:
    with running(installation, tenant) as runner:
        run = runner.run(NOTEBOOK)
        assert (run["state"], run["error"]) == ("succeeded", "")
        notebook = runner.read_output(run)
    findings = read_texts(notebook)[-1]
    assert [line[:3] for line in findings.splitlines()] == ["1. ", "2. ", "3. "]
    assert any(SIMULATED in text for text in read_texts(notebook))
    found = re.search(BUSIEST, findings)
    assert found is not None, findings
    busiest = find_busiest_hour(read_counts(installation, tenant))
    assert (found[1].lower(), int(found[2]), int(found[3])) == busiest
    assert not re.search(r"eyJ[\w-]{20,}|token", json.dumps(notebook))


@pytest.fixture(scope="module")
def runner(installation: Installation) -> Iterator[Runner]:
    with running(installation, "rietberg") as started:
        yield started


def test_a_failing_run_says_in_which_cell_and_why(runner: Runner) -> None:
    run = runner.run(NOTEBOOK, tage="viele")
    assert run["state"] == "failed"
    assert run["error"].startswith("ParameterError: ")
    assert run["failed_cell"] == 8  # as its author counts


@pytest.mark.parametrize("notebook", ["nonsuch.ipynb", "../../README.md", "/etc/passwd", 7])
def test_only_curated_notebooks_are_run(runner: Runner, notebook: object) -> None:
    answer = runner.ask("POST", json={"notebook": notebook})
    assert answer.status_code == 400, answer.text


def test_nobody_but_the_reports_service_reaches_a_runner(installation: Installation, runner: Runner) -> None:
    with StaffSession(installation, "analyst-rietberg") as staff:
        code = f"""
import json, os, urllib.error, urllib.request
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None
def ask(address, token):
    headers = {{"Authorization": "token " + token}} if token else {{}}
    try:
        request = urllib.request.Request(address, headers=headers)
        return urllib.request.build_opener(Stay).open(request, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code
print(json.dumps([ask({runner.url!r}, token) for token in (os.environ["JUPYTERHUB_API_TOKEN"], "", "x" * 32)]))
"""
        assert set(staff.ask_json(code)) <= {302, 403, 404}
        # Nor in the browser, where the person's own cookies go along.
        page = staff.session.get(runner.url, timeout=30)
        assert page.status_code in (403, 404), page.status_code
        assert '"runs"' not in page.text
        own = staff.ask_server("GET", "urbanlab/runner/runs")
        assert own.status_code == 404
    assert runner.ask("GET").status_code == 200
