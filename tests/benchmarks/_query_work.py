"""What both sides of `query.py` do; its text also runs inside a kernel, so it imports nothing of ours."""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

ROWS = 1_000_000
ROUNDS = 5
POINTS = 50
COLUMNS = (
    "id UInt64, observed_at DateTime('UTC'), sensor LowCardinality(String), persons Int32, "
    "temperature Float64, weather String"
)


def make_frame() -> pd.DataFrame:
    """Return the same rows wherever it runs."""
    random = np.random.default_rng(2024)
    start = np.datetime64("2024-01-01T00:00:00", "s")
    return pd.DataFrame(
        {
            "id": np.arange(ROWS, dtype="uint64"),
            "observed_at": pd.DatetimeIndex(start + np.arange(ROWS) * 30).tz_localize("UTC"),
            "sensor": random.choice([f"counter-{number}" for number in range(20)], ROWS),
            "persons": random.integers(0, 900, ROWS).astype("int32"),
            "temperature": random.normal(10, 8, ROWS).round(1),
            "weather": random.choice(["clear", "clouds", "rain", "snow"], ROWS),
        }
    )


def time_call(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that a call takes, and its result."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def measure(client: Any, query: Callable[[str], pd.DataFrame], table: str, settings: str = "") -> str:
    """Return, as JSON, the seconds of each round: inserting all rows, reading them, a query for one row."""
    frame = make_frame()
    times: dict[str, list[float]] = {"insert": [], "read": [], "point": []}
    for _ in range(ROUNDS):
        client.command(f"DROP TABLE IF EXISTS {table}")
        client.command(f"CREATE TABLE {table} ({COLUMNS}) ENGINE = MergeTree ORDER BY id {settings}")
        times["insert"].append(time_call(partial(client.insert_df, table, frame))[0])
    for _ in range(ROUNDS):
        seconds, answer = time_call(partial(query, f"SELECT * FROM {table}"))
        assert answer.shape == (ROWS, 6) and answer["persons"].sum() == frame["persons"].sum()
        times["read"].append(seconds)
    for row in range(0, ROWS, ROWS // POINTS):
        seconds, answer = time_call(partial(query, f"SELECT * FROM {table} WHERE id = {row}"))
        assert list(answer["persons"]) == [frame["persons"][row]]
        times["point"].append(seconds)
    client.command(f"DROP TABLE {table}")
    return json.dumps(times)
