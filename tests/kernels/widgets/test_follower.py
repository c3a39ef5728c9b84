"""The thread behind a tail: bounded, paced, ended by itself."""

from __future__ import annotations

import datetime
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from urbanlab.errors import CredentialsDownError, SessionError, StreamError, TopicNotFoundError
from urbanlab.messages import Message
from urbanlab.widgets import follower as follower_module
from urbanlab.widgets.follower import Follower
from urbanlab.widgets.ring import Ring

TIME = datetime.datetime.now(datetime.UTC)


class Source:
    """A reader that has a message whenever it is asked, as fast as a tail can take them."""

    def __init__(self, batch: int = 500, errors: tuple[Exception, ...] = ()) -> None:
        self.batch, self.errors = batch, iter(errors)
        self.numbers = itertools.count()
        self.connected = self.closed = 0

    def connect(self) -> Source:
        self.connected += 1
        return self

    def read_last(self, count: int, seconds: float = 10) -> list[Message]:
        if (error := next(self.errors, None)) is not None:
            raise error
        return self._make(min(count, 3))

    def poll(self, seconds: float, most: int = 500) -> list[Message]:
        if not self.batch:
            time.sleep(seconds)
        return self._make(self.batch)

    def skip(self, keep: int, behind: int) -> int:
        return 0

    def close(self) -> None:
        self.closed += 1

    def _make(self, count: int) -> list[Message]:
        numbers = itertools.islice(self.numbers, count)
        return [Message("t", 0, n, TIME, "k", {"n": n}, b"{}") for n in numbers]


class Browser:
    """What a view receives; it answers at once if it is quick."""

    def __init__(self, quick: bool = True) -> None:
        self.quick, self.received, self.times = quick, [], []
        self.follower: Follower | None = None

    def send(self, content: dict[str, Any]) -> None:
        self.received.append(content)
        self.times.append(time.monotonic())
        if self.quick and content["kind"] == "rows" and self.follower is not None:
            self.follower.acknowledge()

    def errors(self) -> list[str]:
        return [content["error"] for content in self.received if content["kind"] == "status"]


@pytest.fixture
def start() -> Iterator[Callable[..., tuple[Follower, Browser, Ring]]]:
    started: list[Follower] = []

    def start(source: Source, *, quick: bool = True, rate: float = 10, keep: int = 50) -> Any:
        ring, browser = Ring(keep, lambda message: True, None), Browser(quick)
        browser.follower = follower = Follower(source.connect, ring, browser.send, rate)
        started.append(follower)
        follower.renew()
        return follower, browser, ring

    yield start
    for follower in started:
        follower.stop(wait=3)


def test_fast_input_gives_at_most_ten_small_updates_a_second(start: Any) -> None:
    source = Source(batch=500)
    _, browser, ring = start(source)
    time.sleep(2.2)
    updates = len(browser.received)
    assert 10 <= updates <= 23
    assert all(len(content["rows"]) <= 50 for content in browser.received)
    assert ring.received > 5000 and len(ring.peek(9999)) == 50
    assert min(b - a for a, b in itertools.pairwise(browser.times)) > 0.09


def test_a_browser_that_does_not_keep_up_gets_one_update_a_second(start: Any) -> None:
    _, browser, _ = start(Source(), quick=False)
    time.sleep(2.3)
    assert 2 <= len(browser.received) <= 3


def test_paused_it_reads_on_and_sends_nothing(start: Any) -> None:
    follower, browser, ring = start(Source(batch=5))
    follower.paused = True
    time.sleep(0.3)
    sent, received = len(browser.received), ring.received
    time.sleep(0.5)
    assert len(browser.received) <= sent and ring.received > received
    follower.paused = False
    time.sleep(0.3)
    assert browser.received[-1]["rows"][-1]["value"]["n"] >= received


def test_it_ends_when_nobody_says_that_they_look(start: Any, wait: Any) -> None:
    source = Source(batch=0)
    follower, browser, _ = start(source, quick=False)
    wait(lambda: browser.received)
    follower.renew(seconds=0.1)
    wait(lambda: not follower.is_running(), 3)
    assert source.closed == 1


def test_when_the_last_view_has_gone_thread_connection_and_memory_go(
    start: Any, wait: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "GOODBYE_SECONDS", 0.2)
    source = Source(batch=1)
    follower, browser, ring = start(source, quick=False)
    wait(lambda: browser.received)
    follower.say_goodbye()
    wait(lambda: not follower.is_running(), 3)
    assert source.closed == source.connected == 1 and ring.peek(99) == []
    follower.begin_again()  # somebody scrolls back to it
    wait(lambda: ring.peek(99), 3)


def test_another_view_keeps_it_alive_after_a_goodbye(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "GOODBYE_SECONDS", 0.2)
    follower, _, ring = start(Source(batch=0))
    follower.say_goodbye()
    follower.renew()
    time.sleep(0.5)
    assert follower.is_running() and ring.peek(9)


@pytest.mark.parametrize("error", [TopicNotFoundError("no topic"), SessionError("log in again")])
def test_what_waiting_does_not_mend_is_said_and_not_tried_until_a_view_opens(
    start: Any, wait: Any, error: Exception
) -> None:
    source = Source(batch=0, errors=(error,))
    follower, browser, ring = start(source)
    wait(lambda: not follower.is_running(), 3)
    assert browser.errors() == [str(error)] and source.closed == 1
    follower.renew()  # a view that says it is still there
    assert not follower.is_running()
    follower.begin_again()
    wait(lambda: ring.peek(9), 3)
    assert browser.errors() == [str(error), ""]


@pytest.mark.parametrize("error", [StreamError("kafka is away"), CredentialsDownError("tokens are away")])
def test_what_waiting_mends_is_said_and_tried_again(
    start: Any, wait: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(follower_module, "RETRY_SECONDS", 0.1)
    source = Source(batch=0, errors=(error, error))
    _, browser, ring = start(source)
    wait(lambda: ring.peek(9), 3)
    assert source.connected == 3 and source.closed == 2
    wait(lambda: browser.errors() == [str(error), ""], 3)


def test_a_failure_that_nobody_foresaw_does_not_look_alive(start: Any, wait: Any) -> None:
    follower, browser, _ = start(Source(errors=(RuntimeError("secret detail"),)))
    wait(lambda: not follower.is_running(), 3)
    assert "has failed" in browser.errors()[0] and "secret" not in browser.errors()[0]


def test_an_error_with_each_message_is_shown_no_faster_than_anything_else(start: Any) -> None:
    source = Source(batch=100)
    ring, browser = Ring(50, lambda message: True, None), Browser()
    follower = Follower(source.connect, ring, browser.send, 10)

    def fails(message: Message) -> bool:
        follower.note(f"failed at {message.offset}")
        return False

    ring.filter(fails)
    follower.renew()
    time.sleep(1.2)
    follower.stop(wait=3)
    assert 3 <= len(browser.received) <= 13 and "failed at" in browser.received[-1]["error"]


def test_no_thread_is_left(start: Any, wait: Any) -> None:
    before = threading.active_count()
    followers = [start(Source(batch=1))[0] for _ in range(5)]
    for follower in followers:
        follower.stop(wait=3)
    assert threading.active_count() <= before
