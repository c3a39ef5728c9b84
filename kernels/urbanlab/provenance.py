"""What a notebook has read: noted as it reads, and told to the runner that makes a page of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MEDIA_TYPE = "application/vnd.urbanlab.sources+json"


@dataclass(frozen=True)
class _Source:
    time: str
    simulated: bool


_read: dict[str, _Source] = {}


def note(table: str, time: str, simulated: bool) -> None:
    """Note that a dataset was looked up: its table, its column of time as SQL takes it, whether it is made up."""
    _read[table] = _Source(time, simulated)


def describe() -> dict[str, Any]:
    """Return the tables looked up, their youngest record (ISO 8601, UTC), and whether some are made up."""
    latest = [_find_latest(table, source.time) for table, source in _read.items() if source.time]
    return {
        "datasets": sorted(_read),
        "until": max(latest, default=""),
        "simulated": any(source.simulated for source in _read.values()),
    }


def show() -> None:
    """Send the description to whoever runs this notebook, as an output that nobody is shown."""
    from IPython.display import display

    display({MEDIA_TYPE: describe()}, raw=True)


def _find_latest(table: str, time: str) -> str:
    import pandas as pd

    from urbanlab.warehouse import query

    latest = pd.Timestamp(query(f"SELECT max({time}) AS latest FROM {table}")["latest"].iloc[0])  # noqa: S608 - quoted
    return "" if pd.isna(latest) or latest.tzinfo is None else latest.tz_convert("UTC").isoformat()
