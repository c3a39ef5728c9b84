"""Addresses of the runner; who may call them is decided by the server's own login (a token of the hub)."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, authenticated

from urbanlab_runner.runs import RunError, Runs
from urbanlab_runner.store import Run


class _Handler(APIHandler):  # type: ignore[misc]
    def initialize(self, runs: Runs) -> None:
        """Take the runs."""
        self.runs = runs

    def find_run(self, run_id: str) -> Run:
        """Return the run or answer 404."""
        run = self.runs.store.find_run(run_id)
        if run is None:
            raise HTTPError(404, "there is no such run")
        return run


class RunsHandler(_Handler):
    """…/runs: start one, list all."""

    @authenticated
    async def get(self) -> None:
        """List the runs, the latest first."""
        self.finish({"runs": [make_model(run) for run in self.runs.store.list_runs()]})

    @authenticated
    async def post(self) -> None:
        """Start a run."""
        try:
            run = self.runs.start_run(*parse_task(self.get_json_body()))
        except RunError as error:
            raise HTTPError(400, str(error)) from error
        self.set_status(202)
        self.finish(json.dumps({"id": run.id}))


class RunHandler(_Handler):
    """…/runs/ID: how a run goes."""

    @authenticated
    async def get(self, run_id: str) -> None:
        """Show a run."""
        self.finish(make_model(self.find_run(run_id)))


class OutputHandler(_Handler):
    """…/runs/ID/output: the executed notebook."""

    @authenticated
    async def get(self, run_id: str) -> None:
        """Send the notebook."""
        path = self.runs.store.get_output_path(self.find_run(run_id).id)
        if not path.exists():
            raise HTTPError(404, "this run has written no notebook")
        # A notebook is data here: never shown as a page of this origin.
        self.set_header("Content-Disposition", f'attachment; filename="{run_id}.ipynb"')
        self.finish(path.read_bytes())


def parse_task(body: Any) -> tuple[str, dict[str, Any]]:
    """Return notebook and parameters of a request; raise `RunError` where it has not both of their types."""
    task = body if isinstance(body, dict) else {}
    notebook, parameters = task.get("notebook"), task.get("parameters", {})
    if not isinstance(notebook, str) or not isinstance(parameters, dict):
        raise RunError("send `notebook`, a path, and `parameters`, an object")
    return notebook, parameters


def make_model(run: Run) -> dict[str, Any]:
    """Return a run as callers see it."""
    return {**dataclasses.asdict(run), "output": f"runs/{run.id}/output"}
