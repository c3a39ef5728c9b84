"""Small queries beside another town's heavy ones, and what syncing costs: `python -m tests.benchmarks.fair_shares`.

An analyst of one town asks for a day of its footfall again and again; meanwhile eight statements of another town,
of people of its own, use all processors. And a row is inserted into chDB in process, synced and not.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import requests
from chdb.state.sqlitelike import Connection

from tests.benchmarks._figures import Figure, print_figures, show_milliseconds
from tests.benchmarks._place import running_installation
from tests.installation import Installation
from urbanlab.contract.secrets import Secret
from urbanlab_services.tokens.credentials import Holder, make_warehouse_token

SMALL = (
    "SELECT sensor, sum(persons) FROM guetersloh.footfall WHERE observed_at > now() - 86400 GROUP BY sensor"
)
HEAVY = "SELECT sum(cityHash64(number)) FROM numbers(4900000000)"
HEAVIES, TIMES, INSERTS = 8, 100, 50
SETTLED_SECONDS = 2.0  # until what runs long has stepped back
SYNCED = "fsync_after_insert = {0}, fsync_part_directory = {0}"


def measure(place: Installation) -> Iterator[Figure]:
    """Yield the figures."""
    alone = measure_small(place)
    threads = [threading.Thread(target=burn, args=(place, number), daemon=True) for number in range(HEAVIES)]
    for thread in threads:
        thread.start()
    time.sleep(SETTLED_SECONDS)
    beside = measure_small(place)
    title = f"a small query, while {HEAVIES} statements of another town run"
    yield Figure(title, show_milliseconds(beside), show_milliseconds(alone), "the same, alone")
    for thread in threads:
        thread.join()
    synced, loose = (list(measure_inserts(on)) for on in (1, 0))
    yield Figure(
        "insert of one row in process, synced",
        show_milliseconds(synced),
        show_milliseconds(loose),
        "not synced",
    )


def measure_small(place: Installation) -> list[float]:
    """Return how long each of many small queries took, in seconds."""
    with requests.Session() as session:
        return [ask(place, session, "guetersloh", "anna", SMALL) for _ in range(TIMES)]


def burn(place: Installation, number: int) -> None:
    """Use processors as a person of the other town, for 20 seconds at most."""
    with requests.Session() as session:
        ask(
            place,
            session,
            "rietberg",
            f"person{number}",
            f"{HEAVY} SETTINGS max_execution_time = 20",
            fine=False,
        )


def ask(
    place: Installation, session: requests.Session, tenant: str, person: str, query: str, *, fine: bool = True
) -> float:
    """Return how long a query takes that somebody asks."""
    key = Secret(place.secret("tokens-signing-key"))
    token = make_warehouse_token(Holder(f"{person}@{tenant}", tenant, "analyst"), key)
    started = time.monotonic()
    answer = session.post(
        place.settings.warehouse_url, data=query, headers={"Authorization": f"Bearer {token}"}, timeout=60
    )
    assert answer.status_code == 200 or not fine, answer.text
    return time.monotonic() - started


def measure_inserts(on: int) -> Iterator[float]:
    """Yield how long each insert takes, with the sync that the gateway's engine does or without."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        connection = Connection(str(Path(folder, "data")))
        connection.query(
            f"CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a SETTINGS {SYNCED.format(on)}"
        )
        for number in range(INSERTS):
            started = time.monotonic()
            connection.query(f"INSERT INTO t VALUES ({number})")
            yield time.monotonic() - started
        connection.close()


if __name__ == "__main__":
    with running_installation() as installation:
        print_figures(measure(installation))
