"""Visitors of interactive views as their browsers go, without a browser: the queue, the page, its connection."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import requests
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.benchmarks._metrics import read_metric
from tests.installation import Installation
from urbanlab.contract.live import make_session_path

PROTOCOL: Any = "v1.kernel.websocket.jupyter.org"
SECONDS = 300
SPARES = "urbanlab_publisher_live_spares"
GONE_AWAY = 1001  # a browser closes with it when its page is left
_FRAME = re.compile(r'<iframe class="live" id="live" src="([^"]+)"')
_KERNEL = re.compile(r'"kernelId": *"([0-9a-f]{32})"')
_KEY = re.compile(r"/live/session/([A-Za-z0-9_-]{32,64})/")


class LiveVisitor:
    """Somebody with an interactive view."""

    def __init__(self, html: str, session_url: Callable[[str], str]) -> None:
        """Connect to the session of a page that was had; `session_url` gives its address for a key."""
        key, kernel = _KEY.search(html), _KERNEL.search(html)
        assert key and kernel, html[:2000]
        url = f"ws{session_url(key[1]).removeprefix('http')}api/kernels/{kernel[1]}/channels"
        self._socket = connect(url, subprotocols=[PROTOCOL], max_size=None)
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def is_there(self) -> bool:
        """Return whether the session goes on."""
        return self._reading.is_alive()

    def leave(self) -> None:
        """Leave the page."""
        self._socket.close(GONE_AWAY)
        self._reading.join()

    def _read(self) -> None:
        # What a browser would show; who takes nothing is let go.
        with suppress(WebSocketException):
            for _ in self._socket:
                pass


def visit_live(portal_url: str, path: str) -> LiveVisitor:
    """Ask for a page's interactive view and wait for it as the waiting page does."""
    with requests.Session() as session:
        answer = session.get(f"{portal_url}{path}live/", allow_redirects=False, timeout=SECONDS)
        assert answer.status_code == 303, (answer.status_code, answer.text[:2000])
        seat = portal_url + answer.headers["Location"]
        deadline = time.perf_counter() + SECONDS
        while not (found := _FRAME.search((answer := session.get(seat, timeout=SECONDS)).text)):
            assert answer.status_code == 200 and time.perf_counter() < deadline, answer.text[:2000]
            time.sleep(float(answer.headers["Refresh"]))
        page = session.get(portal_url + found[1], timeout=SECONDS)
        page.raise_for_status()
    return LiveVisitor(page.text, lambda key: portal_url + make_session_path(path.strip("/"), key))


def come_in_turn(visits: Iterable[Callable[[], Any]], pause: float) -> list[tuple[float, Any]]:
    """Have visits begin one every `pause` seconds, done or not; return the seconds and the result of each."""
    began = time.perf_counter()

    def come(number: int, visit: Callable[[], Any]) -> tuple[float, Any]:
        due = began + number * pause
        time.sleep(max(0.0, due - time.perf_counter()))
        result = visit()
        return time.perf_counter() - due, result

    visits = list(visits)
    with ThreadPoolExecutor(len(visits)) as pool:
        return list(pool.map(come, range(len(visits)), visits))


def wait_for_spares(place: Installation, number: int) -> None:
    """Return once the publisher says that so many sessions made ahead are ready."""
    deadline = time.perf_counter() + SECONDS
    while read_metric(place.settings.publisher_url, SPARES) < number:
        assert time.perf_counter() < deadline, f"{number} sessions were not made ahead"
        time.sleep(0.1)
