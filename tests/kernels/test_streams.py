"""`ul.stream` on a real broker."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest

import urbanlab as ul
from urbanlab.errors import TopicNotFoundError


@pytest.fixture
def topic(kafka: Any, kafka_session: Any) -> str:
    name = f"feed_{uuid.uuid4().hex[:8]}"
    kafka.create_topic(f"town.{name}")
    return name


def send(kafka: Any, topic: str, *numbers: int) -> None:
    kafka.send(f"town.{topic}", *(json.dumps({"n": number}).encode() for number in numbers), key=b"mast")


def test_the_last_messages_come_and_the_stream_ends_where_it_should(kafka: Any, topic: str) -> None:
    send(kafka, topic, 1, 2, 3)
    messages = list(ul.stream(topic, last=2, follow=False))
    assert [message.value for message in messages] == [{"n": 2}, {"n": 3}]
    assert messages[0].key == "mast" and messages[0].topic == f"town.{topic}"
    assert abs(messages[0].time.timestamp() - time.time()) < 60 and messages[0].time.tzinfo is not None


def test_new_messages_come_as_they_are_sent_and_silence_ends_it(kafka: Any, topic: str) -> None:
    stream = ul.stream(topic, timeout=6)
    send(kafka, topic, 4)  # connected already, so it is not missed
    began = time.monotonic()
    assert [message.value["n"] for message in stream if message.value] == [4]
    assert time.monotonic() - began > 5


def test_a_message_that_is_no_json_object_says_why_and_the_next_comes(kafka: Any, topic: str) -> None:
    kafka.send(f"town.{topic}", b"21;5", b"\xff\xfe", b"[1]", b"[" * 100_000, b'{"n": 1}')
    messages = list(ul.stream(topic, last=10, follow=False))
    assert [message.value for message in messages] == [None, None, None, None, {"n": 1}]
    assert "no JSON" in messages[0].error and messages[0].raw == b"21;5"
    assert "a list and no object" in messages[2].error
    assert messages[4].error == ""


def test_an_open_feed_of_another_town_is_read_by_its_name(kafka: Any, kafka_session: Any) -> None:
    kafka.create_topic("open.city.noise")
    kafka.send("open.city.noise", b'{"n": 7}')
    assert [m.value["n"] for m in ul.stream("noise", last=1, follow=False) if m.value] == [7]


def test_a_missing_topic_is_said_where_the_stream_is_made(kafka_session: Any) -> None:
    with pytest.raises(TopicNotFoundError, match="There is no topic 'nothing_like_it'"):
        ul.stream("nothing_like_it")


@pytest.mark.parametrize("wrong", [{"last": -1}, {"timeout": 0}, {"timeout": -2}])
def test_bounds_are_checked_before_connecting(session: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        ul.stream("footfall", **wrong)
