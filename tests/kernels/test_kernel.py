"""In a real kernel, as the kernelspec starts it: magics, errors, tails, and no token anywhere."""

from __future__ import annotations

import os
import re
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from kafka.errors import TopicAlreadyExistsError

from urbanlab.contract import environment

KERNELSPECS = Path(__file__).parents[2] / "kernels/kernelspecs"
HUB_TOKEN_VALUE = "hub-token-that-goes-nowhere-else"


class Kernel:
    """A kernel over sockets in a folder of its own, as user servers start it."""

    def __init__(self, environ: dict[str, str]) -> None:
        # The addresses of Unix sockets are short, so their folder's is.
        self.folder = tempfile.TemporaryDirectory(prefix="ulk", dir="/tmp")
        self.manager = KernelManager(
            kernel_name="urbanlab",
            transport="ipc",
            connection_file=f"{self.folder.name}/kernel.json",
            ip=f"{self.folder.name}/kernel",
        )
        self.manager.kernel_spec_manager = KernelSpecManager(kernel_dirs=[str(KERNELSPECS)])
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environ = {**environ, "PATH": path, "HOME": self.folder.name, "LANG": "C.UTF-8"}
        self.start()

    def start(self) -> None:
        self.manager.start_kernel(env=self.environ)
        self.connect()

    def connect(self) -> None:
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str, seconds: float = 60) -> str:
        """Return everything that the cell shows: output, value, error, as text and as HTML."""
        shown: list[str] = []

        def keep(message: dict[str, Any]) -> None:
            content = message["content"]
            shown.extend([content.get("text", ""), *content.get("traceback", [])])
            shown.extend(str(value) for value in content.get("data", {}).values() if value)

        self.client.execute_interactive(code, output_hook=keep, timeout=seconds)
        return "\n".join(text for text in shown if isinstance(text, str))

    def interrupt(self, code: str, after: float) -> str:
        """Run a cell that does not end, interrupt it, and return the name of its error."""
        sent = self.client.execute(code)
        time.sleep(after)
        self.manager.interrupt_kernel()
        while (reply := self.client.get_shell_msg(timeout=10))["parent_header"]["msg_id"] != sent:
            pass
        time.sleep(0.5)  # what is sent sooner is dropped together with the interrupted cell
        return str(reply["content"]["ename"])

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.folder.cleanup()


@pytest.fixture
def kernel(environ: dict[str, str], warehouse_session: Any, warehouse: Any) -> Iterator[Kernel]:
    kernel = Kernel({**environ, environment.WAREHOUSE_URL: warehouse.url})
    yield kernel
    kernel.stop()


@pytest.fixture
def streaming_kernel(environ: dict[str, str], kafka_session: Any, kafka: Any) -> Iterator[Kernel]:
    with suppress(TopicAlreadyExistsError):
        kafka.create_topic("town.kernel_feed")
    kernel = Kernel({**environ, environment.KAFKA_BOOTSTRAP: f"127.0.0.1:{kafka.port}"})
    yield kernel
    kernel.stop()


def test_a_query_and_its_errors_are_short_and_show_no_token(kernel: Kernel) -> None:
    kernel.run("import urbanlab as ul; least = 998")
    assert "999" in kernel.run("%%sql\nSELECT persons FROM town.footfall WHERE persons > {least}")
    shown = [
        kernel.run("%%sql\nSELECT count()\nFORM town.footfall"),
        kernel.run("ul.query('SELECT * FROM town.footfal')"),
        kernel.run("ul.dataset('nothing')"),
        kernel.run("ul.query('SELECT {x}', x=None)"),
        kernel.run("ul.client()"),
        kernel.run("from urbanlab.session import current_session; session = current_session(); session"),
        kernel.run("vars(session.credentials)"),
        kernel.run("%whos"),
    ]
    assert "QuerySyntaxError" in shown[0] and "^" in shown[0] and "Did you mean" in shown[1]
    assert "DatasetNotFoundError" in shown[2] and "ParameterError" in shown[3]
    assert all(len(text.splitlines()) < 8 for text in shown[:4])
    assert not any(HUB_TOKEN_VALUE in text or "eyJ" in text for text in shown)


SLOW = "SELECT sum(sin(number) + cos(number) + tan(number)) AS s FROM numbers({rows})"


def _count_running(warehouse: Any) -> int:
    """Return how many statements the engine itself works on."""
    with socket.socket(socket.AF_UNIX) as plug:
        plug.connect(str(warehouse.socket))
        plug.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        with plug.makefile("rb") as answer:
            text = answer.read().decode()
    return int(float(re.findall(r"(?m)^urbanlab_engine_running (\S+)", text)[0]))


def test_interrupting_a_cell_ends_its_query_in_the_engine(kernel: Kernel, warehouse: Any, wait: Any) -> None:
    kernel.run("import urbanlab as ul; ul.query('SELECT 1 AS x')")
    # Before its first row, and while it streams.
    for sql in (SLOW.format(rows=4_000_000_000), "SELECT number, tan(number) AS t FROM numbers(4000000000)"):
        asked = kernel.client.execute(f"answer = ul.query_arrow({sql!r})")
        wait(lambda: _count_running(warehouse) == 1, 20, "the engine works on it")
        kernel.manager.interrupt_kernel()
        while (reply := kernel.client.get_shell_msg(timeout=20))["parent_header"]["msg_id"] != asked:
            pass
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        wait(lambda: _count_running(warehouse) == 0, 5, "the engine works on nothing")
        wait(lambda: "2" in kernel.run("ul.query('SELECT 2 AS x')"), 10, "the next cell works")


def test_a_long_query_shows_its_progress_and_takes_it_away(kernel: Kernel, warehouse: Any) -> None:
    kernel.run("import urbanlab as ul")
    shown: list[tuple[str, dict[str, str]]] = []

    def keep(message: dict[str, Any]) -> None:
        if message["msg_type"] in ("display_data", "update_display_data"):
            shown.append((message["msg_type"], message["content"]["data"]))

    # However fast the machine: longer than what is called quick.
    long = SLOW.format(rows="{rows:UInt64}")
    code = (
        "import time; began, rows = time.monotonic(), 20_000_000\n"
        "while time.monotonic() - began < 2:\n"
        f"    began, rows = time.monotonic(), 2 * rows; answer = ul.query({long!r}, rows=rows)"
    )
    kernel.client.execute_interactive(code, output_hook=keep, timeout=120)
    first, last = shown[0], shown[-1]
    assert first[0] == "display_data" and first[1]["text/plain"].startswith("Query running: 1 s. Stop it")
    assert '<progress aria-label="Query running"></progress>' in first[1]["text/html"]
    assert last == ("update_display_data", {"text/plain": "", "text/html": ""})


def test_progress_says_how_many_rows_and_bytes_have_come(kernel: Kernel) -> None:
    code = (
        "import time; from urbanlab.progress import Progress; from urbanlab.session import current_session\n"
        "with Progress(current_session()) as progress:\n"
        "    progress.note(1_234_567, 5_000_000); time.sleep(2)"
    )
    texts: list[str] = []
    kernel.client.execute_interactive(
        code, output_hook=lambda said: texts.append(str(said["content"].get("data", {}))), timeout=60
    )
    assert any("1,234,567 rows, 5 MB received" in text for text in texts), texts


def test_an_answer_that_outgrows_the_kernel_is_refused_and_the_kernel_lives(kernel: Kernel) -> None:
    kernel.run(
        "import urbanlab as ul, resource, psutil; ul.query('SELECT 1 AS x')\n"
        "most = psutil.Process().memory_info().data + (200 << 20)\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (most, most))"
    )
    many = "SELECT number, toString(number) AS text FROM numbers(1000000000)"
    shown = kernel.run(f"ul.query({many!r})")
    assert "LimitError" in shown and "larger than this kernel's memory" in shown and "in batches" in shown
    batches = (
        f"with ul.client().query_arrow_stream({many!r}) as batches: print(next(iter(batches)).num_rows > 0)"
    )
    assert "True" in kernel.run(batches)
    assert "2" in kernel.run("ul.query('SELECT 2 AS x')")


def test_a_cell_of_sql_is_completed_as_front_ends_ask_for_it(kernel: Kernel) -> None:
    def complete(code: str) -> list[str]:
        asked = kernel.client.complete(code, len(code))
        while (reply := kernel.client.get_shell_msg(timeout=20))["parent_header"]["msg_id"] != asked:
            pass
        content = reply["content"]
        return [code[: content["cursor_start"]] + match for match in content["matches"]]

    cell = "%%sql busy\nSELECT"
    assert complete(f"{cell} * FROM town.foot") == [f"{cell} * FROM town.footfall"]
    assert f"{cell} toStartOfHour" in complete(f"{cell} tostartof")


def test_folium_alone_loads_nothing_from_others_either(kernel: Kernel) -> None:
    page = kernel.run("import folium; print(folium.Map([51.9, 8.4])._repr_html_())")
    assert "/leaflet/leaflet.js" in page
    assert not re.search(r"https?://(?!www\.w3\.org|leafletjs\.com|python-visualization)", page)
    refused = kernel.run(
        "folium.TileLayer('OpenStreetMap').add_to(m := folium.Map()); print(m._repr_html_())"
    )
    assert "somebody else" in refused


def test_a_tail_does_not_hold_the_kernel_and_survives_an_interrupt(
    streaming_kernel: Kernel, kafka: Any, wait: Callable[..., Any]
) -> None:
    kernel = streaming_kernel
    kafka.send("town.kernel_feed", b'{"n": 1}')
    assert "Tail of kernel_feed" in kernel.run("import urbanlab as ul; t = ul.tail('kernel_feed'); t")
    assert "2" in kernel.run("1 + 1", seconds=30)
    assert kernel.interrupt("import time; time.sleep(60)", after=1) == "KeyboardInterrupt"
    assert "True" in kernel.run("t._follower.is_running()", seconds=10)
    kafka.send("town.kernel_feed", b'{"n": 2}')
    wait(lambda: "{'n': 2}" in kernel.run("t.messages()[-1].value"), 30)


def test_a_stream_ends_by_an_interrupt(streaming_kernel: Kernel) -> None:
    kernel = streaming_kernel
    kernel.run("import urbanlab as ul")
    loop = "for message in ul.stream('kernel_feed'): pass"
    assert kernel.interrupt(loop, after=3) == "KeyboardInterrupt"
    assert "[]" in kernel.run(
        "import threading; [t.name for t in threading.enumerate() if 'kafka-io' in t.name]"
    )


def test_a_restart_with_a_running_tail_is_quick_and_the_next_tail_works(streaming_kernel: Kernel) -> None:
    kernel = streaming_kernel
    kernel.run("import urbanlab as ul; t = ul.tail('kernel_feed'); import time; time.sleep(2)")
    kernel.client.stop_channels()
    kernel.manager.shutdown_wait_time = 60  # until it would be killed
    began = time.monotonic()
    kernel.manager.restart_kernel()
    assert time.monotonic() - began < 30
    kernel.connect()
    kernel.run("import urbanlab as ul; t = ul.tail('kernel_feed'); import time; time.sleep(2)")
    assert "True" in kernel.run("t._follower.is_running()")


def test_a_missing_topic_is_said_in_one_line(streaming_kernel: Kernel) -> None:
    shown = streaming_kernel.run("import urbanlab as ul\nul.stream('kernel_fed')")
    assert "TopicNotFoundError" in shown and "Did you mean kernel_feed" in shown
    assert len(shown.splitlines()) < 5


def test_outside_of_urban_lab_the_first_call_says_so(environ: dict[str, str]) -> None:
    kernel = Kernel({})
    try:
        assert "does not run in Urban Lab" in kernel.run("import urbanlab as ul\nul.query('SELECT 1')")
    finally:
        kernel.stop()
