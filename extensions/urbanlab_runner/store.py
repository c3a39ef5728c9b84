"""Runs as files in the runner's home: they outlive the server, and the notebook of a run stands beside them."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RUNNING, SUCCEEDED, FAILED = "running", "succeeded", "failed"


@dataclass(frozen=True)
class Run:
    """One execution of a notebook; `failed_cell` is the number of the cell, from 1, or None."""

    id: str
    notebook: str
    state: str = RUNNING
    parameters: dict[str, Any] = field(default_factory=dict)
    started: str = ""
    ended: str = ""
    error: str = ""
    failed_cell: int | None = None


class RunStore:
    """A folder for each run, with `run.json` and `output.ipynb`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def find_run(self, run_id: str) -> Run | None:
        """Return a run, or None."""
        path = self.directory / run_id / "run.json"
        return Run(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def list_runs(self) -> list[Run]:
        """Return all runs, the latest first."""
        found = [self.find_run(path.parent.name) for path in self.directory.glob("*/run.json")]
        return sorted((run for run in found if run), key=lambda run: run.started, reverse=True)

    def save_run(self, run: Run) -> None:
        """Write a run so that a reader never sees half of it."""
        folder = self.directory / run.id
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / "run.draft"
        draft.write_text(json.dumps(dataclasses.asdict(run), ensure_ascii=False), encoding="utf-8")
        draft.replace(folder / "run.json")

    def get_output_path(self, run_id: str) -> Path:
        """Return where the executed notebook of a run is kept."""
        return self.directory / run_id / "output.ipynb"
