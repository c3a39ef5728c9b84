"""The warehouse as a kernel sees it, against the engine in process: `python -m tests.benchmarks.query`.

One text (`_query_work.py`) runs in an analyst's kernel with `ul.query` and `ul.client`, through the gateway into
the engine's process, and in a plain process with `clickhouse_connect.get_client(interface="chdb")`. Both insert
the same frame by `insert_df` with the same durability: what is acknowledged is synced to the disk
(`fsync_after_insert`, `fsync_part_directory`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks._figures import Figure, print_figures, show_milliseconds
from tests.benchmarks._place import running_installation
from tests.installation import Installation
from tests.integration.login import StaffSession

WORK = Path(__file__).with_name("_query_work.py").read_text(encoding="utf-8")
USER, TABLE = "analyst-guetersloh", "lab_guetersloh.bench"
OURS = f"import urbanlab as ul; print(measure(ul.client(), ul.query, {TABLE!r}))"
# The gateway's engine has these for all tables.
DURABILITY = "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
AGAINST = '`get_client(interface="chdb")`'
TITLES = {
    "read": ("`ul.query` of 1,000,000 rows × 6 columns into a frame", "in process, `query_df`"),
    "point": ("`ul.query` of one row by its key, each time in a new text", "in process, `query_df`"),
    "insert": ("`ul.client().insert_df` of 1,000,000 rows, synced", "in process, `insert_df`, synced"),
}

Times = dict[str, list[float]]


def measure(place: Installation) -> Iterator[Figure]:
    """Yield the figures."""
    ours, peer = measure_ours(place), measure_peer()
    for name, (title, how) in TITLES.items():
        yield Figure(title, show_milliseconds(ours[name]), show_milliseconds(peer[name]), f"{AGAINST} {how}")


def measure_ours(place: Installation) -> Times:
    """Return what an analyst's kernel measures."""
    with StaffSession(place, USER) as staff:
        result = staff.run(f"{WORK}\n\n{OURS}")
        assert not result.error, result.error
        times: Times = json.loads(result.text)
        return times


def measure_peer() -> Times:
    """Return what a process with the engine in it measures."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        call = f"client = clickhouse_connect.get_client(interface='chdb', path={folder!r})"
        code = f"{WORK}\n\nimport clickhouse_connect\n{call}\n"
        code += f"print(measure(client, client.query_df, 'bench', {DURABILITY!r}))"
        done = subprocess.run(
            [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, cwd=folder
        )
    times: Times = json.loads(done.stdout)
    return times


if __name__ == "__main__":
    with running_installation() as installation:
        print_figures(measure(installation))
