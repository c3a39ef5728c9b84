"""What a notebook has read, told to the runner that makes a page of it."""

from __future__ import annotations

from typing import Any

from urbanlab import reads
from urbanlab.catalogue import fetch_entries
from urbanlab.datasets import quote
from urbanlab.session import current_session
from urbanlab.warehouse import query

MEDIA_TYPE = "application/vnd.urbanlab.sources+json"


def describe() -> dict[str, Any]:
    """Return the tables that were read, their youngest record (ISO 8601, UTC), and whether some are made up."""
    tables = set(reads.list_tables())
    if not tables:
        return {"datasets": [], "until": "", "simulated": False}
    read = [entry for entry in fetch_entries(current_session()) if entry["table"] in tables]
    latest = [_find_latest(entry["table"], entry["time"]) for entry in read if entry.get("time")]
    return {
        "datasets": sorted(entry["table"] for entry in read),
        "until": max(latest, default=""),
        "simulated": any(entry.get("simulated") for entry in read),
    }


def show() -> None:
    """Send the description to whoever runs this notebook, as an output that nobody is shown."""
    from IPython.display import display

    display({MEDIA_TYPE: describe()}, raw=True)


def _find_latest(table: str, time: str) -> str:
    import pandas as pd

    latest = pd.Timestamp(query(f"SELECT max({quote(time)}) AS latest FROM {table}")["latest"].iloc[0])  # noqa: S608
    return "" if pd.isna(latest) or latest.tzinfo is None else latest.tz_convert("UTC").isoformat()
