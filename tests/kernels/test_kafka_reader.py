"""Reading topics from a real broker with short-lived tokens."""

from __future__ import annotations

import json
import threading
import uuid
from typing import Any

import pytest

from urbanlab.contract import environment
from urbanlab.errors import NotReleasedError, SessionError, StreamError, TopicNotFoundError
from urbanlab.kafka_reader import TopicReader, resolve
from urbanlab.session import Session


@pytest.fixture
def topic(kafka: Any) -> str:
    name = f"feed_{uuid.uuid4().hex[:8]}"
    kafka.create_topic(f"town.{name}", partitions=2)
    return name


def send(kafka: Any, topic: str, *numbers: int) -> None:
    kafka.send(f"town.{topic}", *(json.dumps({"n": number}).encode() for number in numbers))


def numbers(messages: list[Any]) -> list[int]:
    return [message.value["n"] for message in messages]


def poll_until(reader: TopicReader, count: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(40):
        found += reader.poll(0.5)
        if len(found) >= count:
            break
    return found


def test_the_last_messages_come_first_and_new_ones_behind_them(
    kafka: Any, kafka_session: Session, topic: str
) -> None:
    send(kafka, topic, 1, 2, 3, 4, 5)
    with TopicReader(kafka_session, topic) as reader:
        assert numbers(reader.read_last(3)) == [3, 4, 5]
        send(kafka, topic, 6, 7)
        assert numbers(poll_until(reader, 2)) == [6, 7]


def test_without_asking_for_the_last_only_new_messages_come(
    kafka: Any, kafka_session: Session, topic: str
) -> None:
    send(kafka, topic, 1)
    with TopicReader(kafka_session, topic) as reader:
        assert reader.read_last(0) == []
        send(kafka, topic, 2)
        assert numbers(poll_until(reader, 1)) == [2]


def test_nothing_is_committed_and_no_group_is_joined(kafka: Any, kafka_session: Session, topic: str) -> None:
    from kafka import KafkaAdminClient

    send(kafka, topic, 1, 2)
    with TopicReader(kafka_session, topic) as reader:
        assert len(reader.read_last(5)) == 2
        admin = KafkaAdminClient(**kafka.options())
        assert admin.list_groups() == []
        admin.close()
    with TopicReader(kafka_session, topic) as reader:
        assert numbers(reader.read_last(5)) == [1, 2]


def test_what_nobody_can_look_at_is_left_out(kafka: Any, kafka_session: Session) -> None:
    kafka.create_topic("town.flood")
    with TopicReader(kafka_session, "flood") as reader:
        reader.read_last(0)
        send(kafka, "flood", *range(900))
        seen = reader.poll(5, most=100)
        skipped = reader.skip(keep=10, behind=50)
        rest = poll_until(reader, 10)
    assert len(seen) + skipped + len(rest) == 900
    assert numbers(rest)[-10:] == list(range(890, 900))
    assert skipped >= 700


def test_anothers_topic_is_as_unknown_as_one_that_does_not_exist(kafka: Any, kafka_session: Session) -> None:
    kafka.create_topic("neighbour.secret")
    for name in ("neighbour.secret", "secret", "nothing"):
        with pytest.raises(TopicNotFoundError, match="There is no topic") as caught:
            TopicReader(kafka_session, name)
        assert "neighbour" not in str(caught.value).replace(repr(name), "")


def test_a_misspelt_topic_names_the_one_that_was_meant(
    kafka: Any, kafka_session: Session, topic: str
) -> None:
    with pytest.raises(TopicNotFoundError, match=f"Did you mean .*{topic}"):
        TopicReader(kafka_session, topic[:-1])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("footfall", "town.footfall"),
        ("town.footfall", "town.footfall"),
        ("open.city.footfall", "open.city.footfall"),
        ("city.footfall", "open.city.footfall"),
        ("noise", "open.city.noise"),
        ("footfall.rejected", "town.footfall.rejected"),
    ],
)
def test_a_name_means_the_own_topic_first_and_an_open_one_then(name: str, found: str) -> None:
    visible = [
        "__offsets",
        "open.city.footfall",
        "open.city.noise",
        "town.footfall",
        "town.footfall.rejected",
    ]
    assert resolve(name, "town", visible) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("footfall", "open.town.footfall"),
        ("town.footfall", "open.town.footfall"),
        ("abbey.footfall", "open.abbey.footfall"),
        ("noise", "open.abbey.noise"),
    ],
)
def test_a_publication_reads_the_towns_open_topic_first(name: str, found: str) -> None:
    visible = ["open.abbey.footfall", "open.abbey.noise", "open.town.footfall"]
    assert resolve(name, "town", visible, publication=True) == found
    with pytest.raises(NotReleasedError) as caught:
        resolve("parking", "town", visible, publication=True)
    assert caught.value.names == ("parking",)


def test_a_publications_token_opens_open_topics_and_no_others(
    kafka: Any, kafka_session: Session, tokens: Any, realm: Any, use_session: Any
) -> None:
    kafka.permit("town.open", "open.")
    kafka.create_topic("town.parking")
    kafka.create_topic("open.town.parking")
    kafka.create_topic("town.closed")
    kafka.send("open.town.parking", b'{"n": 5}')
    tokens.make_token["kafka"] = lambda: realm.sign("town.open")
    session = use_session({environment.PERSON: "publications"})
    with TopicReader(session, "parking") as reader:
        assert reader.topic == "open.town.parking" and numbers(reader.read_last(1)) == [5]
    for name in ("closed", "town.closed"):
        with pytest.raises(NotReleasedError, match=f"^Not released as open data: {name}\n"):
            TopicReader(session, name)


@pytest.mark.parametrize("name", ["", "__offsets", "foot", "rejected"])
def test_no_other_name_is_found(name: str) -> None:
    with pytest.raises(TopicNotFoundError):
        resolve(name, "town", ["__offsets", "town.footfall", "town.footfall.rejected"])


def test_a_refused_session_says_so_and_not_that_kafka_is_away(
    kafka: Any, kafka_session: Session, tokens: Any
) -> None:
    tokens.status = 403
    with pytest.raises(SessionError, match="no longer gives this session access to the kafka"):
        TopicReader(kafka_session, "footfall")


def test_a_token_that_kafka_does_not_take_is_an_error_without_the_token(
    kafka: Any, kafka_session: Session, tokens: Any, realm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urbanlab.kafka_reader.CONNECT_MS", 5000)
    bad = realm.sign("town.read", seconds=-100)
    tokens.make_token["kafka"] = lambda: bad
    with pytest.raises(StreamError, match="did not accept") as caught:
        TopicReader(kafka_session, "footfall")
    assert bad not in str(caught.value) and bad[:20] not in repr(caught.value)


def test_a_broker_that_is_away_is_said_within_seconds(session: Session, monkeypatch: Any, wait: Any) -> None:
    monkeypatch.setattr("urbanlab.kafka_reader.CONNECT_MS", 1500)
    with pytest.raises(StreamError, match="does not answer at the moment"):
        TopicReader(session, "footfall")
    # A tail tries again and again: nothing may be left of a try.
    wait(lambda: not [thread for thread in threading.enumerate() if "urbanlab" in thread.name], 5)


def test_a_broker_that_dies_is_said_and_its_return_goes_on_without_loss(
    kafka: Any, kafka_session: Session, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urbanlab.kafka_reader.SILENCE_SECONDS", 1.0)
    send(kafka, topic, 1)
    with TopicReader(kafka_session, topic) as reader:
        assert numbers(reader.read_last(1)) == [1]
        kafka.kill()
        with pytest.raises(StreamError, match="does not answer at the moment"):
            for _ in range(40):
                reader.poll(0.5)
        kafka.start()
        send(kafka, topic, 2)
        assert numbers(poll_until(reader, 1)) == [2]
