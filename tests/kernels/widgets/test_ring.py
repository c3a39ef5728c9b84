"""The fixed memory of a tail."""

from __future__ import annotations

import datetime
import json
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urbanlab.messages import Message
from urbanlab.widgets import ring as ring_module
from urbanlab.widgets.ring import MAX_FIELDS, MAX_TEXT, Ring

TIME = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


def make(number: int, raw: bytes | None = None, **value: Any) -> Message:
    fields = {"n": number, **value}
    return Message("t", 0, number, TIME, "mast", fields, raw or json.dumps(fields, default=str).encode())


def everything(message: Message) -> bool:
    return True


@given(keep=st.integers(1, 20), batches=st.lists(st.integers(0, 30), max_size=8))
def test_it_keeps_the_last_and_gives_each_at_most_once(keep: int, batches: list[int]) -> None:
    ring, sent, number = Ring(keep, everything, None), [], 0
    for size in batches:
        ring.add(make(number + n) for n in range(size))
        number += size
        new = [row["value"]["n"] for row in ring.take_new()]
        assert new == list(range(number - min(size, keep), number))
        sent += new
    assert len(sent) == len(set(sent)) and ring.received == number
    assert [m.offset for m in ring.peek(99)] == list(range(max(0, number - keep), number))


def test_another_filter_holds_for_what_is_kept_and_for_what_comes() -> None:
    ring = Ring(10, everything, None)
    ring.add(make(n) for n in range(10))
    ring.filter(lambda message: message.offset % 2 == 0)
    assert [row["value"]["n"] for row in ring.take_all()] == [0, 2, 4, 6, 8]
    ring.add([make(10), make(11)])
    assert [row["value"]["n"] for row in ring.take_new()] == [10]
    ring.filter(everything)
    assert [message.offset for message in ring.peek(99)] == list(range(2, 12))


def test_rare_matches_stay_when_the_others_push_everything_else_out() -> None:
    ring = Ring(5, lambda message: message.offset % 100 == 0, None)
    ring.add(make(n) for n in range(1000))
    assert [message.offset for message in ring.peek(5)] == [500, 600, 700, 800, 900]


def test_large_messages_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring_module, "MAX_BYTES", 1000)
    ring = Ring(100, everything, None)
    ring.add(make(n, raw=b"x" * 300) for n in range(50))
    assert [message.offset for message in ring.peek(99)] == [47, 48, 49]
    ring.add([make(50, raw=b"x" * 5000)])
    assert [message.offset for message in ring.peek(99)] == [50]


def test_a_row_is_small_and_is_json_whatever_is_sent() -> None:
    value = {f"f{n}": n for n in range(100)} | {
        "f1": "x" * 9999,
        "f2": float("nan"),
        "f3": 2**70,
        "f4": {"a": 1},
    }
    ring = Ring(5, everything, None)
    ring.add(
        [
            Message("t", 0, 1, TIME, "k" * 999, value, b"{}"),
            Message("t", 0, 2, TIME, "", None, b"\xff" * 999, "no"),
        ]
    )
    first, second = ring.take_new()
    assert len(first["value"]) == MAX_FIELDS and len(first["key"]) == MAX_TEXT
    assert len(first["value"]["f1"]) == MAX_TEXT and first["value"]["f2"] == "nan"
    assert first["value"]["f3"] == str(2**70) and first["value"]["f4"] == "{'a': 1}"
    assert second["error"] == "no" and len(second["raw"]) == MAX_TEXT
    json.dumps([first, second], allow_nan=False)


def test_only_the_chosen_fields_are_sent() -> None:
    ring = Ring(5, everything, ["n", "absent"])
    ring.add([make(1, other=2)])
    assert ring.take_new()[0]["value"] == {"n": 1, "absent": None}


def test_a_slow_function_of_an_analyst_holds_nobody_up() -> None:
    ring, entered, leave = Ring(5, everything, None), threading.Event(), threading.Event()

    def slow(message: Message) -> bool:
        entered.set()
        ring.peek(1)  # it may even look at the tail itself
        return leave.wait(5)

    ring.filter(slow)
    thread = threading.Thread(target=ring.add, args=([make(1)],))
    thread.start()
    assert entered.wait(2)
    assert ring.peek(5) == []  # would wait for the function if it were asked under the lock
    leave.set()
    thread.join(2)
    assert [message.offset for message in ring.peek(5)] == [1]


def test_cleared_it_holds_nothing() -> None:
    ring = Ring(5, everything, None)
    ring.add([make(1)])
    ring.clear()
    assert ring.peek(5) == [] and ring.take_new() == [] and ring.received == 1
