"""The server extension of runner servers; in the servers of persons it does nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join

from urbanlab.contract.environment import CURATED_PATH, PERSON
from urbanlab.contract.naming import SERVICE_PERSONS
from urbanlab_runner.handlers import OutputHandler, RunHandler, RunsHandler
from urbanlab_runner.runs import Runs
from urbanlab_runner.store import RunStore


def _load_jupyter_server_extension(server: Any) -> None:
    if os.environ.get(PERSON) not in SERVICE_PERSONS:
        return
    store = RunStore(Path.home() / "runs")
    runs = Runs(store, Path(os.environ[CURATED_PATH]), Path(os.environ["JUPYTER_RUNTIME_DIR"]))
    runs.fail_interrupted()
    server.web_app.add_handlers(".*$", _make_handlers(server.base_url, {"runs": runs}))


def _make_handlers(base_url: str, wiring: dict[str, Runs]) -> list[tuple[str, type, dict[str, Runs]]]:
    runs = url_path_join(base_url, "urbanlab", "runner", "runs")
    run = f"{runs}/([0-9a-f]+)"
    return [(runs, RunsHandler, wiring), (run, RunHandler, wiring), (f"{run}/output", OutputHandler, wiring)]
