"""Visitors who ask again and again for one page or one of many: `wrk` where it is installed, else threads."""

from __future__ import annotations

import http.client
import math
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

SECONDS = 10
HEADERS = {"Accept-Encoding": "gzip", "Accept-Language": "de-DE,de;q=0.9", "Accept": "text/html"}
ANSWER_SECONDS = 120  # a page that is calculated for each visitor takes its time
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
# How `wrk` asks for any of the paths that stand in a file.
_ANY = """
local requests = {}
function init(arguments)
  for path in io.lines(arguments[1]) do requests[#requests + 1] = wrk.format("GET", path) end
end
function request() return requests[math.random(#requests)] end
"""


@dataclass(frozen=True)
class Load:
    """Pages per second in all, and the seconds within which 99 of 100 pages were there."""

    rate: float
    p99: float


def measure_load(visitors: int, *urls: str, seconds: int = SECONDS) -> Load:
    """Return what so many visitors get who each ask for any of a server's pages as soon as they have the last."""
    if shutil.which("wrk"):
        return _run_wrk(visitors, urls, seconds)
    return visit_in_turn(visitors, *urls, seconds=seconds)


def visit_in_turn(visitors: int, *urls: str, seconds: int = SECONDS) -> Load:
    """Return the same, measured by threads; whoever waits for a page when the time is over gets it still."""
    began = time.perf_counter()
    with ThreadPoolExecutor(visitors) as pool:
        waits = [pool.submit(_visit, urls, began + seconds) for _ in range(visitors)]
        times = sorted(wait for waiting in waits for wait in waiting.result())
    return Load(len(times) / (time.perf_counter() - began), times[math.ceil(0.99 * len(times)) - 1])


def fetch(url: str) -> bytes:
    """Return the bytes of a page as they are sent: packed, where that is understood."""
    connection = _connect(url)
    try:
        return _ask(connection, url)
    finally:
        connection.close()


def name_client() -> str:
    """Return who asks."""
    return "wrk" if shutil.which("wrk") else "threads of this process"


def _visit(urls: Sequence[str], until: float) -> list[float]:
    connection = _connect(urls[0])
    times: list[float] = []
    while time.perf_counter() < until or not times:
        began = time.perf_counter()
        _ask(connection, random.choice(urls))
        times.append(time.perf_counter() - began)
    connection.close()
    return times


def _connect(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=ANSWER_SECONDS)


def _ask(connection: http.client.HTTPConnection, url: str) -> bytes:
    connection.request("GET", urlsplit(url).path, headers=HEADERS)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, f"{answer.status} at {url}"
    return body


def _run_wrk(visitors: int, urls: Sequence[str], seconds: int) -> Load:
    headers = [part for name, value in HEADERS.items() for part in ("-H", f"{name}: {value}")]
    # One thread: the machine's other cores are for what is measured.
    command = ["wrk", "-t1", f"-c{visitors}", f"-d{seconds}s", "--latency", *headers]
    with tempfile.NamedTemporaryFile("w") as script, tempfile.NamedTemporaryFile("w") as paths:
        if len(urls) > 1:
            script.write(_ANY)
            paths.writelines(f"{urlsplit(url).path}\n" for url in urls)
            for file in (script, paths):
                file.flush()
            command += ["-s", script.name, urls[0], "--", paths.name]
        else:
            command += urls
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in text and "Socket errors" not in text, text
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)", text)
    assert rate and p99, text
    return Load(float(rate[1]), float(p99[1]) * _UNITS[p99[2]])
