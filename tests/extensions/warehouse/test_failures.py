"""What goes wrong on the way: clients that hang up, processes that are killed, errors behind rows."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
import requests

from tests.extensions.conftest import wait_until
from tests.extensions.warehouse.conftest import Warehouse

# Alone it takes more than half a minute: whatever ends sooner was ended.
HEAVY = "SELECT sum(sipHash64(number)) FROM numbers(4000000000) SETTINGS max_threads = 1"
LONG = "SELECT sum(cityHash64(number)) FROM numbers(600000000) SETTINGS max_threads = 1"
TABLE = "CREATE OR REPLACE TABLE lab_alba.{name} (a Int64) ENGINE = MergeTree ORDER BY a"


def count_running(warehouse: Warehouse) -> int:
    """Return how many statements run in the engine now, as its own metrics say."""
    with socket.socket(socket.AF_UNIX) as plug:
        plug.connect(str(warehouse.socket))
        plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n")
        text = b"".join(iter(lambda: plug.recv(65536), b"")).decode()
    lines = [line for line in text.splitlines() if line.startswith("urbanlab_engine_running ")]
    return int(float(lines[0].split()[1]))


def test_a_client_that_hangs_up_cancels_its_query(warehouse: Warehouse) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", warehouse.gateway.port, timeout=20)
    headers = {"Authorization": f"Bearer {warehouse.token('alba')}"}
    connection.request("POST", "/", HEAVY.encode(), headers)
    wait_until(lambda: count_running(warehouse) == 1, 10, "the query runs")
    connection.close()
    wait_until(lambda: count_running(warehouse) == 0, 10, "the query ended")


def test_a_client_that_reads_no_further_cancels_its_query(warehouse: Warehouse) -> None:
    headers = {"Authorization": f"Bearer {warehouse.token('alba')}"}
    endless = b"SELECT number, toString(number) FROM numbers(90000000)"
    with requests.post(warehouse.url, data=endless, headers=headers, stream=True, timeout=20) as answer:
        assert answer.status_code == 200, answer.text
        assert next(answer.iter_content(1 << 16)).startswith(b"0\t0\n")
        wait_until(lambda: count_running(warehouse) == 1, 20, "the query runs")
    wait_until(lambda: count_running(warehouse) == 0, 20, "the query ended")


def test_a_slow_reader_costs_no_memory(warehouse: Warehouse) -> None:
    headers = {"Authorization": f"Bearer {warehouse.token('alba')}"}
    assert warehouse.engine is not None
    processes = [psutil.Process(warehouse.engine.pid), psutil.Process(warehouse.gateway.process.pid)]
    query = b"SELECT number, toString(number) AS text FROM numbers(90000000)"
    with requests.post(warehouse.url, data=query, headers=headers, stream=True, timeout=20) as answer:
        next(answer.iter_content(1 << 16))
        before = [process.memory_info().rss for process in processes]
        time.sleep(2)
        after = [process.memory_info().rss for process in processes]
    assert all(late - early < 60 << 20 for early, late in zip(before, after, strict=True))


def test_a_broken_transfer_tells_plain_clients_that_rows_are_missing(warehouse: Warehouse) -> None:
    query = "SELECT throwIf(number = 3000000, 'late'), number FROM numbers(4000000) FORMAT CSV"
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        warehouse.post("alba", query)


def test_an_upload_that_breaks_off_is_not_stored(warehouse: Warehouse) -> None:
    warehouse.post("alba", TABLE.format(name="cut"))

    def rows() -> Any:
        yield b"1\n" * 1000
        raise ZeroDivisionError("the notebook's kernel died")

    with pytest.raises(ZeroDivisionError):
        warehouse.post("alba", rows(), query="INSERT INTO lab_alba.cut FORMAT CSV")
    wait_until(lambda: count_running(warehouse) == 0, 20, "the insert ended")
    assert warehouse.post("alba", "SELECT count() FROM lab_alba.cut").text == "0\n"


def test_rows_that_were_acknowledged_survive_a_killed_engine(own_warehouse: Warehouse) -> None:
    own_warehouse.post("alba", TABLE.format(name="kept"))
    for number in range(20):
        answer = own_warehouse.post("alba", f"{number}\n", query="INSERT INTO lab_alba.kept FORMAT CSV")
        assert answer.status_code == 200
    own_warehouse.kill_engine()
    assert own_warehouse.gateway.get("/readyz")[0] == 503
    own_warehouse.start_engine()
    # The client waits meanwhile; it need not know that anything happened.
    assert own_warehouse.post("alba", "SELECT count(), sum(a) FROM lab_alba.kept").text == "20\t190\n"


def test_roles_that_a_former_version_wrote_are_made_anew_when_the_engine_starts(
    own_warehouse: Warehouse,
) -> None:
    own_warehouse.kill_engine()
    users = own_warehouse.folder / "state" / "config" / "users.xml"
    users.write_text(users.read_text().replace("GRANT SELECT ON alba.*", "GRANT INSERT ON alba.*"))
    own_warehouse.start_engine()
    assert own_warehouse.post("alba", "SELECT count() FROM alba.footfall").text == "0\n"


def test_a_query_during_which_the_engine_dies_is_asked_again(own_warehouse: Warehouse) -> None:
    answers: list[requests.Response] = []
    query = "SELECT sum(cityHash64(number)) > 0 FROM numbers(300000000) SETTINGS max_threads = 1"
    asking = threading.Thread(target=lambda: answers.append(own_warehouse.post("alba", query)), daemon=True)
    asking.start()
    wait_until(lambda: count_running(own_warehouse), 10, "the query runs")
    own_warehouse.kill_engine()
    own_warehouse.start_engine()
    asking.join(60)
    assert answers[0].text == "1\n"


def test_a_change_during_which_the_engine_dies_is_reported_as_uncertain(own_warehouse: Warehouse) -> None:
    own_warehouse.post("alba", TABLE.format(name="unsure"))
    answers: list[requests.Response] = []
    change = f"INSERT INTO lab_alba.unsure {HEAVY}".replace("SELECT sum(", "SELECT 1 + sum(")
    changing = threading.Thread(
        target=lambda: answers.append(own_warehouse.post("alba", change)), daemon=True
    )
    changing.start()
    wait_until(lambda: count_running(own_warehouse), 10, "the change runs")
    own_warehouse.kill_engine()
    changing.join(30)
    own_warehouse.start_engine()
    own_warehouse.gateway.wait_until_ready()
    assert answers[0].status_code == 500
    assert "look before you send it again" in answers[0].text


def test_without_an_engine_clients_get_a_clear_error_after_some_seconds(own_warehouse: Warehouse) -> None:
    own_warehouse.kill_engine()
    started = time.monotonic()
    answer = own_warehouse.post("alba", "SELECT 1")
    assert answer.status_code == 503
    assert "please try again" in answer.text
    assert time.monotonic() - started > 2
    own_warehouse.start_engine()
    own_warehouse.gateway.wait_until_ready()
    assert own_warehouse.post("alba", "SELECT 1").text == "1\n"


def test_a_killed_gateway_loses_nothing_and_starts_again(own_warehouse: Warehouse) -> None:
    own_warehouse.post("alba", TABLE.format(name="kept"))
    own_warehouse.post("alba", "7\n", query="INSERT INTO lab_alba.kept FORMAT CSV")
    running = threading.Thread(target=lambda: _ignore_errors(own_warehouse, HEAVY), daemon=True)
    running.start()
    wait_until(lambda: count_running(own_warehouse), 10, "the query runs")
    own_warehouse.gateway.kill()
    running.join(20)
    wait_until(lambda: count_running(own_warehouse) == 0, 5, "the engine gave up the query")
    own_warehouse.gateway.start()
    own_warehouse.gateway.wait_until_ready()
    assert own_warehouse.post("alba", "SELECT a FROM lab_alba.kept").text == "7\n"


def _ignore_errors(warehouse: Warehouse, query: str) -> None:
    try:
        warehouse.post("alba", query)
    except requests.RequestException:
        return


def test_an_engine_that_is_asked_to_end_does_so_whatever_its_clients_do(own_warehouse: Warehouse) -> None:
    own_warehouse.post("alba", TABLE.format(name="stalled"))
    go_on = threading.Event()

    def rows() -> Iterator[bytes]:
        yield b"1\n"
        go_on.wait(30)

    into = "INSERT INTO lab_alba.stalled FORMAT CSV"
    answers: list[requests.Response] = []
    uploading = threading.Thread(
        target=lambda: answers.append(own_warehouse.post("alba", rows(), query=into))
    )
    computing = threading.Thread(target=lambda: own_warehouse.post("alba", LONG), daemon=True)
    headers = {"Authorization": f"Bearer {own_warehouse.token('alba')}"}
    endless = b"SELECT number, toString(number) FROM numbers(90000000)"
    with requests.post(own_warehouse.url, data=endless, headers=headers, stream=True, timeout=60):
        uploading.start()
        computing.start()
        wait_until(lambda: count_running(own_warehouse) == 3, 10, "all three run")
        assert own_warehouse.engine is not None
        own_warehouse.engine.terminate()
        assert own_warehouse.engine.wait(10) == 0
    go_on.set()
    own_warehouse.start_engine()
    uploading.join(30)
    computing.join(30)
    assert answers[0].status_code == 500
    own_warehouse.gateway.wait_until_ready()
