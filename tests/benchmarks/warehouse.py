"""The warehouse's gateway and engine by themselves: `python -m tests.benchmarks.warehouse`.

The client is an unchanged `clickhouse_connect` on both sides; the peer has the engine in its own process. What is
compared takes turns, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import clickhouse_connect
import psutil
import requests
from clickhouse_connect.driver.client import Client

from tests.benchmarks._figures import Figure, print_figures, show_milliseconds, show_seconds
from tests.benchmarks._memory import measure_memory
from tests.extensions.warehouse.conftest import Warehouse, make_town, make_warehouse

AGAINST = '`get_client(interface="chdb")` in process'
TABLE = "(id UInt64, sensor LowCardinality(String), persons Int32, t Float64) ENGINE = MergeTree ORDER BY id"
ROWS = (
    "SELECT number, concat('counter-', toString(number % 20)), number % 900, number / 3 FROM numbers(1000000)"
)
ROUNDS = 200
CLIENTS, EACH = 16, 6
AGGREGATE = "SELECT sensor, avg(persons), quantile(0.9)(t) FROM {table} GROUP BY sensor ORDER BY sensor"
# A thousand counters, an hour each, for eleven years; feeds' tables have this key and these partitions.
FOOTFALL = (
    "(sensor LowCardinality(String), observed_at DateTime('UTC'), persons Int32) ENGINE = MergeTree "
    "PARTITION BY toYYYYMM(observed_at) ORDER BY (sensor, observed_at)"
)
FOOTFALL_ROWS = (
    "SELECT concat('counter-', toString(number % 1000)), now() - 3600 * intDiv(number, 1000), number % 900 "
    "FROM numbers(100000000)"
)
FOOTFALL_QUERY = (
    "SELECT sensor, observed_at, persons FROM lab_alba.footfall "
    "WHERE observed_at >= now() - toIntervalDay({days:UInt32}) ORDER BY observed_at, sensor"
)


@contextmanager
def running_warehouse() -> Iterator[Warehouse]:
    """Start a gateway with its engine, in a folder of its own."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        warehouse = make_warehouse(Path(folder), make_town("alba"))
        try:
            yield warehouse
        finally:
            warehouse.stop()


@contextmanager
def running_peer() -> Iterator[Client]:
    """Give a client with the engine in this process."""
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as folder,
        clickhouse_connect.get_client(interface="chdb", path=folder) as client,
    ):
        yield client


def connect(warehouse: Warehouse, **options: Any) -> Client:
    """Return a client of an analyst that renews its credential."""
    return clickhouse_connect.get_client(
        host="127.0.0.1",
        port=warehouse.gateway.port,
        token_provider=lambda: warehouse.token("alba"),
        autogenerate_session_id=False,
        **options,
    )


def measure() -> Iterator[Figure]:
    """Yield the figures."""
    with running_warehouse() as warehouse:
        with running_peer() as peer, connect(warehouse) as ours:
            for client, table in ((ours, "lab_alba.bench"), (peer, "bench")):
                client.command(f"CREATE TABLE {table} {TABLE}")
                client.command(f"INSERT INTO {table} {ROWS}")
            yield from measure_points(ours, peer)
            yield measure_throughput(warehouse, peer)
        yield measure_slow_client(warehouse)
        yield measure_idle_clients(warehouse)
        yield measure_footfall(warehouse)


def measure_points(ours: Client, peer: Client) -> Iterator[Figure]:
    """Ask for one row after another, in turns: by a parameter, and by a text that nobody has sent before."""
    for how, condition in (("", "id = {row:UInt64}"), (", each time in a new text", "id = %(row)s")):
        times: tuple[list[float], list[float]] = ([], [])
        for row in range(ROUNDS):
            for seconds, client, table in ((times[0], ours, "lab_alba.bench"), (times[1], peer, "bench")):
                query, values = f"SELECT * FROM {table} WHERE {condition}", {"row": row}
                seconds.append(
                    time_call(
                        lambda client=client, query=query, values=values: client.query_df(query, values)
                    )
                )
        more = (median(times[0]) - median(times[1])) * 1000
        title = f"one row by its key{how}, `query_df` through the gateway ({more:+.1f} ms)"
        yield Figure(title, show_milliseconds(times[0]), show_milliseconds(times[1]), AGAINST)


def measure_throughput(warehouse: Warehouse, peer: Client) -> Figure:
    """Let many clients ask for an aggregate of a million rows at once, in turns of ours and the peer's."""
    rates: tuple[list[float], list[float]] = ([], [])
    with ExitStack() as stack, ThreadPoolExecutor(CLIENTS) as threads:
        clients = [stack.enter_context(connect(warehouse)) for _ in range(CLIENTS)]
        for _ in range(3):
            for found, asked, table in ((rates[0], clients, "lab_alba.bench"), (rates[1], [peer], "bench")):
                query = AGGREGATE.format(table=table)

                def work(number: int, asked: list[Client] = asked, query: str = query) -> None:
                    for _ in range(EACH):
                        assert asked[number % len(asked)].query(query).row_count == 20

                seconds = time_call(lambda work=work: list(threads.map(work, range(CLIENTS))))
                found.append(CLIENTS * EACH / seconds)
    ours, theirs = (median(rate) for rate in rates)
    title = f"{CLIENTS} clients at once, an aggregate of 1,000,000 rows (× {ours / theirs:.2f})"
    return Figure(title, f"{ours:.0f} /s", f"{theirs:.0f} /s", AGAINST)


def measure_slow_client(warehouse: Warehouse) -> Figure:
    """Read twenty million rows more slowly than they come, and watch gateway and engine."""
    headers = {"Authorization": f"Bearer {warehouse.token('alba')}"}
    query = b"SELECT number, toString(number) AS s FROM numbers(20000000) FORMAT Native"
    before, most, taken = measure_processes(warehouse), 0, 0
    with requests.post(warehouse.url, data=query, headers=headers, stream=True, timeout=60) as answer:
        for piece in answer.iter_content(1 << 20):
            taken += len(piece)
            time.sleep(0.02)
            if taken % (16 << 20) < 1 << 20:
                most = max(most, measure_processes(warehouse))
    grown = (most - before) / 2**20
    title = f"20,000,000 rows ({taken / 2**20:.0f} MiB) to a slow client: gateway and engine grow by"
    return Figure(title, f"{grown:.0f} MiB")


def measure_idle_clients(warehouse: Warehouse) -> Figure:
    """Leave a hundred clients connected that have asked once."""
    with ExitStack() as stack:
        before = measure_processes(warehouse)
        for number in range(100):
            client = stack.enter_context(connect(warehouse, dedicated_pool=True, session_id=f"idle-{number}"))
            client.query("SELECT 1")
        grown = (measure_processes(warehouse) - before) / 2**20
    return Figure("100 idle clients: gateway and engine grow by", f"{grown:.0f} MiB")


def measure_footfall(warehouse: Warehouse) -> Figure:
    """Run the footfall notebook's main query on a hundred million rows."""
    with connect(warehouse) as client:
        client.command(f"CREATE TABLE lab_alba.footfall {FOOTFALL}")
        client.command(f"INSERT INTO lab_alba.footfall {FOOTFALL_ROWS}")
        times = []
        for _ in range(5):

            def ask() -> None:
                table = client.query_arrow(FOOTFALL_QUERY, parameters={"days": 30})
                assert 710_000 <= table.num_rows <= 721_000

            times.append(time_call(ask))
        client.command("DROP TABLE lab_alba.footfall")
    title = "the footfall notebook's main query: 30 days of 100,000,000 rows"
    return Figure(f"{title} (key `sensor, observed_at`, monthly partitions)", show_seconds(times))


def measure_processes(warehouse: Warehouse) -> int:
    """Return the bytes that gateway and engine take."""
    assert warehouse.engine is not None
    return measure_memory(
        psutil.Process(pid) for pid in (warehouse.gateway.process.pid, warehouse.engine.pid)
    )


def time_call(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    print_figures(measure())
