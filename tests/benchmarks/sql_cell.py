"""What a cell of `%%sql` costs beside `ul.query`, in an analyst's kernel: `python -m tests.benchmarks.sql_cell`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.benchmarks._figures import Figure, print_figures, show_milliseconds
from tests.benchmarks._place import running_installation
from tests.installation import Installation
from tests.integration.login import StaffSession

USER, ROUNDS = "analyst-guetersloh", 50
WORK = f"""
import json, time
import urbanlab as ul
shell, n = get_ipython(), 5
calls = {{
    "cell": lambda: shell.run_cell_magic("sql", "answer", "SELECT {{n}} AS n"),
    "query": lambda: ul.query("SELECT {{n}} AS n", n=n),
}}
times = {{name: [] for name in calls}}
for _ in range({ROUNDS} + 1):  # the first makes the connection
    for name, call in calls.items():
        began = time.perf_counter()
        call()
        times[name].append(time.perf_counter() - began)
print(json.dumps({{name: seconds[1:] for name, seconds in times.items()}}))
"""


def measure(place: Installation) -> Iterator[Figure]:
    """Yield the figure."""
    with StaffSession(place, USER) as staff:
        result = staff.run(WORK)
        assert not result.error, result.error
    times = json.loads(result.text)
    cell, query = (show_milliseconds(times[name]) for name in ("cell", "query"))
    yield Figure("a cell of `%%sql` that asks for one row", cell, query, "`ul.query` with the same text")


if __name__ == "__main__":
    with running_installation() as installation:
        print_figures(measure(installation))
