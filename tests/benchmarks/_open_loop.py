"""Visitors who come at a fixed rate, however long they wait: waits count from the moment at which each was due.

A load whose visitors wait for their answers asks less where answers are late, and so hides the worst of them. This
one is a process of its own and says how late it was itself.
"""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import os
import random
import re
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.benchmarks._load import HEADERS

NICENESS = -20
PATIENCE = 30  # seconds for answers after the last request
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_GOOD = b"HTTP/1.1 200 "


@dataclass(frozen=True)
class OpenLoad:
    """Answers per second; seconds of 99 of 100 and of the last, each from the moment when its request was due.

    `late` is within how many seconds of that 99 of 100 requests had been sent.
    """

    rate: float
    p99: float
    worst: float
    late: float


def measure_rate(rate: int, seconds: int, *urls: str) -> OpenLoad:
    """Return what visitors get who ask `rate` times a second for any of a server's pages."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_run, rate, seconds, urls).result()


def _run(rate: int, seconds: int, urls: Sequence[str]) -> OpenLoad:
    # It stands for other machines, so that what is busy here must not hold it up.
    with suppress(OSError):
        os.nice(NICENESS)
        os.setsid()
        Path("/proc/self/autogroup").write_text(str(NICENESS), encoding="ascii")
    return asyncio.run(_Visits(urls).make(rate, seconds))


class _Visits:
    """All of them; connections are opened where none is free, and used again."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._host, self._port = urlsplit(urls[0]).hostname or "", urlsplit(urls[0]).port or 80
        self._requests = [_make_request(url) for url in urls]
        self.free: list[_Connection] = []
        self.waits: list[float] = []
        self.lates: list[float] = []
        self.problems: list[str] = []
        self._noted = asyncio.Event()

    async def make(self, rate: int, seconds: int) -> OpenLoad:
        number = rate * seconds
        began = time.perf_counter() + 0.1
        opening = set()
        for place in range(number):
            due = began + place / rate
            # Also where it is late already: answers have to come in meanwhile.
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            request = random.choice(self._requests)
            if self.free:
                self.free.pop().ask(request, due)
            else:
                opening.add(asyncio.create_task(self._open(request, due)))
        await asyncio.gather(*opening)
        await asyncio.wait_for(self._wait_for(number), PATIENCE)
        took = time.perf_counter() - began
        assert not self.problems, self.problems[:3]
        return OpenLoad(number / took, _find_p99(self.waits), max(self.waits), _find_p99(self.lates))

    def note(self, due: float, problem: str = "") -> None:
        """Note an answer, or why there is none."""
        if problem:
            self.problems.append(problem)
        else:
            self.waits.append(time.perf_counter() - due)
        self._noted.set()

    async def _wait_for(self, number: int) -> None:
        while len(self.waits) + len(self.problems) < number:
            self._noted.clear()
            await self._noted.wait()

    async def _open(self, request: bytes, due: float) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: _Connection(self), self._host, self._port)
        connection.ask(request, due)


class _Connection(asyncio.Protocol):
    """One request after another."""

    def __init__(self, visits: _Visits) -> None:
        self._visits = visits
        self._got = bytearray()
        self._due: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def ask(self, request: bytes, due: float) -> None:
        self._due = due
        self._visits.lates.append(time.perf_counter() - due)
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        length = _LENGTH.search(self._got, 0, end)
        if not self._got.startswith(_GOOD) or length is None:
            self._end(bytes(self._got[:80]).decode("latin-1"))
            self._transport.close()
        elif len(self._got) >= end + int(length[1]):
            self._end()
            self._got.clear()
            self._visits.free.append(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._end(f"the connection broke: {error}")
        if self in self._visits.free:
            self._visits.free.remove(self)

    def _end(self, problem: str = "") -> None:
        if self._due is not None:
            self._visits.note(self._due, problem)
            self._due = None


def _make_request(url: str) -> bytes:
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    headers = {"Host": parts.netloc, **HEADERS}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _find_p99(seconds: list[float]) -> float:
    return sorted(seconds)[math.ceil(0.99 * len(seconds)) - 1]
