"""The tail's widget: what reaches the browser, on a real broker, and what is checked before."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import urbanlab as ul
from urbanlab.session import Session
from urbanlab.widgets import follower as follower_module
from urbanlab.widgets.tail import Tail


@pytest.fixture
def topic(kafka: Any, kafka_session: Session) -> str:
    name = f"feed_{uuid.uuid4().hex[:8]}"
    kafka.create_topic(f"town.{name}")
    return name


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[Tail, list[Any]]]]:
    """Return a function that makes a tail and a view of it that draws at once."""
    tails: list[Tail] = []

    class Watched(Tail):
        def send(self, content: Any, buffers: Any = None) -> None:
            received.setdefault(id(self), []).append(content)
            if content["kind"] != "status":
                self._handle_custom_msg({"kind": "drawn"}, [])

    received: dict[int, list[Any]] = {}
    monkeypatch.setattr("urbanlab.widgets.tail.Tail", Watched)

    def show(*arguments: Any, **options: Any) -> tuple[Tail, list[Any]]:
        tail = ul.tail(*arguments, **options)
        tails.append(tail)
        contents = received.setdefault(id(tail), [])
        tail._handle_custom_msg({"kind": "hello"}, [])
        return tail, contents

    yield show
    for tail in tails:
        tail.close()


def send(kafka: Any, topic: str, *numbers: int) -> None:
    kafka.send(f"town.{topic}", *(json.dumps({"n": number}).encode() for number in numbers))


def drawn(contents: list[Any]) -> list[int]:
    return [row["value"]["n"] for content in contents for row in content.get("rows", ()) if row["value"]]


def test_what_came_before_is_shown_and_what_comes_is_added(
    kafka: Any, topic: str, show: Any, wait: Any
) -> None:
    send(kafka, topic, 1, 2)
    tail, contents = show(topic, keep=5)
    wait(lambda: drawn(contents) == [1, 2], 10)
    send(kafka, topic, 3)
    wait(lambda: drawn(contents) == [1, 2, 3], 10)
    assert [message.value for message in tail.messages()] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert "3 messages received" in repr(tail)


def test_a_flood_stays_bounded_in_memory_and_in_updates(kafka: Any, topic: str, show: Any, wait: Any) -> None:
    tail, contents = show(topic, keep=100)
    wait(lambda: tail._follower._began, 10)
    began, before = time.monotonic(), len(contents)
    send(kafka, topic, *range(20_000))
    wait(lambda: drawn(contents)[-1:] == [19_999], 20)
    assert len(contents) - before <= (time.monotonic() - began) * 10 + 2
    assert len(tail.messages()) == 100 and max(len(content["rows"]) for content in contents) <= 100


def test_the_filter_box_acts_on_what_is_kept_and_on_what_comes(
    kafka: Any, topic: str, show: Any, wait: Any
) -> None:
    send(kafka, topic, *range(6))
    tail, contents = show(topic)
    wait(lambda: drawn(contents) == list(range(6)), 10)
    contents.clear()
    tail.filter_text = "n>3"
    assert contents[-1]["kind"] == "reset" and drawn(contents) == [4, 5]
    send(kafka, topic, 1, 9)
    wait(lambda: drawn(contents) == [4, 5, 9], 10)


def test_a_function_of_the_analyst_filters_and_its_failure_is_shown_beneath(
    kafka: Any, topic: str, show: Any, wait: Any
) -> None:
    kafka.send(f"town.{topic}", b'{"n": 1}', b"no json", b'{"n": 5}')
    tail, contents = show(topic, where=lambda message: message.value["n"] > 3)
    wait(lambda: drawn(contents) == [5], 10)
    wait(lambda: "The function given as where failed: TypeError" in contents[-1]["error"], 5)
    assert "TypeError" in repr(tail)


def test_paused_nothing_is_drawn_and_afterwards_everything_that_is_kept(
    kafka: Any, topic: str, show: Any, wait: Any
) -> None:
    tail, contents = show(topic)
    wait(lambda: tail._follower._began, 10)
    tail.paused = True
    send(kafka, topic, 1, 2)
    wait(lambda: len(tail.messages()) == 2, 10)
    assert drawn(contents) == []
    tail.paused = False
    wait(lambda: drawn(contents) == [1, 2], 5)


def test_a_message_that_is_no_json_is_a_row_that_says_so(
    kafka: Any, topic: str, show: Any, wait: Any
) -> None:
    kafka.send(f"town.{topic}", b"21;oops<b>")
    _, contents = show(topic)
    wait(lambda: [row for content in contents for row in content["rows"]], 10)
    row = next(row for content in contents for row in content["rows"])
    assert "no JSON" in row["error"] and row["raw"] == "21;oops<b>" and row["value"] == {}


def test_a_missing_topic_is_said_beneath_and_not_in_the_cell(
    kafka: Any, kafka_session: Session, show: Any, wait: Any
) -> None:
    _, contents = show("nothing_like_it")
    wait(lambda: any("There is no topic" in content["error"] for content in contents), 20)


@pytest.mark.parametrize("end", ["close", "comm", "goodbye"])
def test_it_is_freed_when_it_is_closed_or_its_cell_cleared(
    kafka: Any, topic: str, show: Any, wait: Any, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(follower_module, "GOODBYE_SECONDS", 0.2)
    send(kafka, topic, 1)
    tail, contents = show(topic)
    wait(lambda: drawn(contents) == [1], 10)
    assert len([thread for thread in threading.enumerate() if "urbanlab" in thread.name]) == 2
    if end == "close":
        tail.close()
        tail.close()
    elif end == "comm":
        tail.comm.handle_close({"content": {"data": {}}})
    else:
        tail._handle_custom_msg({"kind": "goodbye"}, [])
    wait(lambda: not tail._follower.is_running() and tail.messages() == [], 5)
    wait(lambda: not [thread for thread in threading.enumerate() if "urbanlab" in thread.name], 5)


def test_no_offsets_are_committed(kafka: Any, topic: str, show: Any, wait: Any) -> None:
    from kafka import KafkaAdminClient

    send(kafka, topic, 1)
    _, contents = show(topic)
    wait(lambda: drawn(contents) == [1], 10)
    admin = KafkaAdminClient(**kafka.options())
    assert admin.list_groups() == []
    admin.close()


def test_a_page_saved_without_a_kernel_has_the_last_messages(kafka: Any, topic: str, wait: Any) -> None:
    send(kafka, topic, 1, 2)
    tail = ul.tail(topic)  # nobody looks, as in a report run
    wait(lambda: tail.snapshot, 10)
    assert [row["value"]["n"] for row in tail.snapshot["rows"]] == [1, 2]
    json.dumps(tail.snapshot, allow_nan=False)
    tail.close()


def test_where_nobody_is_logged_in_the_last_messages_are_there_when_the_call_returns(
    kafka: Any, topic: str, kafka_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(kafka, topic, 1, 2)
    run = dataclasses.replace(kafka_session, person="publications")
    monkeypatch.setattr("urbanlab.widgets.tail.current_session", lambda: run)
    tail = ul.tail(topic)
    assert [row["value"]["n"] for row in tail.snapshot["rows"]] == [1, 2]
    tail.close()


def test_where_nobody_is_logged_in_a_missing_topic_holds_nothing_up(
    kafka: Any, kafka_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = dataclasses.replace(kafka_session, person="reports")
    monkeypatch.setattr("urbanlab.widgets.tail.current_session", lambda: run)
    began = time.monotonic()
    tail = ul.tail("nothing_like_it")
    assert "There is no topic" in tail.snapshot["error"] and time.monotonic() - began < 10
    tail.close()


@pytest.mark.parametrize("wrong", [{"keep": 0}, {"keep": 5000}, {"rate": 0}, {"rate": 11}])
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_bounds_are_checked_before_anything_is_read(session: Session, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        ul.tail("footfall", **wrong)


def test_a_misspelt_keyword_is_refused(session: Session) -> None:
    with pytest.raises(TypeError, match="kep"):
        ul.tail("footfall", kep=3)  # type: ignore[call-arg]
