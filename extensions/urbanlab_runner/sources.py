"""What a page has read, as its kernel tells it: believed only as far as it looks like what is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

MEDIA_TYPE = "application/vnd.urbanlab.sources+json"
MAX_DATASETS = 50
_OPEN_TABLE = re.compile(r"open_data\.[a-z0-9_]{1,120}")


@dataclass(frozen=True)
class Sources:
    """The tables of the open data that were looked up, their youngest record, and whether some are made up."""

    datasets: tuple[str, ...] = ()
    data_until: str = ""
    simulated: bool = False


def make_sources_cell() -> NotebookNode:
    """Return a cell that asks the kernel; it loads nothing where the notebook has not used `urbanlab`."""
    return new_code_cell(
        "import sys as _sys\n"
        "if 'urbanlab.reads' in _sys.modules:\n"
        "    import urbanlab.provenance as _provenance\n"
        "    _provenance.show()"
    )


def read_sources(cell: NotebookNode) -> Sources:
    """Return what such a cell has shown; nothing where that is of another form."""
    for output in cell.get("outputs", ()):
        told = output.get("data", {}).get(MEDIA_TYPE)
        if isinstance(told, dict):
            return Sources(
                _clean_datasets(told.get("datasets")),
                _clean_instant(told.get("until")),
                told.get("simulated") is True,
            )
    return Sources()


def _clean_datasets(told: Any) -> tuple[str, ...]:
    tables = told if isinstance(told, list) else ()
    names = (table for table in tables if isinstance(table, str) and _OPEN_TABLE.fullmatch(table))
    return tuple(sorted(set(names))[:MAX_DATASETS])


def _clean_instant(told: Any) -> str:
    try:
        instant = datetime.fromisoformat(told)
    except (TypeError, ValueError):
        return ""
    return instant.astimezone(UTC).isoformat() if instant.tzinfo else ""
