"""Where in a notebook a run came to its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# Cells that papermill puts between those of the author.
_INSERTED = {"injected-parameters", "papermill-error-cell-tag"}


def find_last_cell(output: Path) -> int | None:
    """Return which cell of the author's, counted from 1, was begun last; None if none was.

    `output` is a notebook that papermill writes while it runs; it may be absent or no notebook.
    """
    try:
        cells = json.loads(output.read_text(encoding="utf-8"))["cells"]
        own = [cell for cell in cells if not _INSERTED & set(cell["metadata"].get("tags", ()))]
        begun = [number for number, cell in enumerate(own, start=1) if _is_begun(cell)]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return max(begun, default=None)


def _is_begun(cell: dict[str, Any]) -> bool:
    return cell["metadata"].get("papermill", {}).get("start_time") is not None
