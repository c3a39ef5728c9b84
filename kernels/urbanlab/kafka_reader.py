"""Reads one topic of Kafka with the session's own token; joins no group and commits nothing."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

import kafka.errors
from kafka import KafkaConsumer, TopicPartition
from kafka.net.compat import KafkaNetClient
from kafka.net.sasl.oauth import AbstractTokenProvider

from urbanlab.credentials import Credentials
from urbanlab.errors import NotReleasedError, SessionError, StreamError, TopicNotFoundError, suggest
from urbanlab.messages import Message, from_record
from urbanlab.session import Session

# Kafka is away for seconds at a restart: waiting half a minute between tries helps nobody.
MAX_RECONNECT_MS = 1000
CONNECT_MS = 15_000
REQUEST_MS = 10_000
MAX_REFUSED = 2
POSITION_MS = 1000
ALIVE_MS = 3000
FETCH_BYTES = 1 << 20
# The client waits in silence while Kafka is away: after so long without a message it is asked for a sign of life.
SILENCE_SECONDS = 5.0

# Whoever has configured logging sees the client's warnings; a notebook without does not get them as output.
logging.getLogger("kafka").addHandler(logging.NullHandler())


class TopicReader:
    """Reads a topic from its end; `poll` gives what has come, `read_last` what came before."""

    def __init__(self, session: Session, name: str) -> None:
        """Connect and find the topic; raise a `StreamError` where that cannot be."""
        self._tokens = _TokenProvider(session.credentials)
        self._heard_at = time.monotonic()
        # The client would try for seconds to sign in with what is not to be had.
        session.credentials.get("kafka")
        with self._translated():
            self._consumer = self._connect(session)
        try:
            with self._translated():
                topics = self._consumer.topics()
                self.topic = resolve(name, session.tenant, topics, publication=session.is_publication)
                self._partitions = self._assign()
            self._tokens.refused = 0
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> TopicReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; does no harm twice."""
        with contextlib.suppress(kafka.errors.KafkaError, OSError):
            self._consumer.close(autocommit=False, timeout_ms=1000)

    def poll(self, seconds: float, most: int = 500) -> list[Message]:
        """Return what has come, after waiting up to `seconds` for the first; raise a `StreamError` if refused."""
        with self._translated():
            batches = self._consumer.poll(timeout_ms=int(seconds * 1000), max_records=most)
        self._tokens.check()
        self._check_silence(bool(batches))
        return _in_order(from_record(record) for records in batches.values() for record in records)

    def _check_silence(self, heard: bool) -> None:
        """Raise a `StreamError` where nothing is heard because nobody is there or the right has ended."""
        now = time.monotonic()
        if not heard and now - self._heard_at > SILENCE_SECONDS:
            with self._translated():
                self._consumer.end_offsets(self._partitions, timeout_ms=ALIVE_MS)
            heard = True
        if heard:
            self._heard_at = now
            self._tokens.refused = 0

    def read_last(self, count: int, seconds: float = 10.0) -> list[Message]:
        """Return the last `count` messages, oldest first; `poll` then goes on behind them."""
        if not count:
            return []
        with self._translated():
            ends = self._consumer.end_offsets(self._partitions)
            starts = self._consumer.beginning_offsets(self._partitions)
            for partition in self._partitions:
                self._consumer.seek(partition, max(starts[partition], ends[partition] - count))
        found: list[Message] = []
        waited = 0.0
        while waited < seconds and self._is_behind(ends):
            batch = self.poll(0.5)
            waited += 0 if batch else 0.5
            found += batch
        return _in_order(found)[-count:]

    def skip(self, keep: int, behind: int) -> int:
        """Leave out what lies back by more than `behind` messages, but for the last `keep`; return how many."""
        skipped = 0
        for partition in self._partitions:
            newest, position = self._consumer.highwater(partition), self._position(partition)
            if newest is not None and newest - position > behind:
                self._consumer.seek(partition, newest - keep)
                skipped += newest - keep - position
        return skipped

    def _is_behind(self, ends: dict[TopicPartition, int]) -> bool:
        return any(self._position(each) < ends[each] for each in self._partitions)

    def _position(self, partition: TopicPartition) -> int:
        with self._translated():
            return int(self._consumer.position(partition, timeout_ms=POSITION_MS) or 0)

    def _connect(self, session: Session) -> KafkaConsumer:
        clients: list[KafkaNetClient] = []

        def make_client(**config: Any) -> KafkaNetClient:
            clients.append(KafkaNetClient(**config))
            return clients[0]

        try:
            return self._make_consumer(session, make_client)
        except BaseException:
            # A consumer that cannot be made leaves the thread of its connections behind.
            for client in clients:
                client.close()
            raise

    def _make_consumer(self, session: Session, make_client: Callable[..., KafkaNetClient]) -> KafkaConsumer:
        return KafkaConsumer(
            kafka_client=make_client,
            bootstrap_servers=session.kafka_bootstrap,
            client_id="urbanlab-kernel",
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="OAUTHBEARER",
            sasl_oauth_token_provider=self._tokens,
            group_id=None,
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            auto_offset_reset="latest",
            bootstrap_timeout_ms=CONNECT_MS,
            request_timeout_ms=REQUEST_MS,
            reconnect_backoff_max_ms=MAX_RECONNECT_MS,
            fetch_max_bytes=4 * FETCH_BYTES,
            max_partition_fetch_bytes=FETCH_BYTES,
            metrics_enabled=False,
        )

    def _assign(self) -> list[TopicPartition]:
        numbers = sorted(self._consumer.partitions_for_topic(self.topic) or ())
        partitions = [TopicPartition(self.topic, number) for number in numbers]
        self._consumer.assign(partitions)
        self._consumer.seek_to_end(*partitions)
        # The client finds the end when it is first needed; what comes from now on shall not be missed.
        for partition in partitions:
            self._consumer.position(partition, timeout_ms=REQUEST_MS)
        return partitions

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except kafka.errors.AuthorizationError:
            raise TopicNotFoundError("This topic is not yours to read, or no longer is.") from None
        except kafka.errors.SaslAuthenticationFailedError:
            self._tokens.check()
            raise self._tokens.refuse() from None
        except (kafka.errors.KafkaError, OSError, TimeoutError):
            self._tokens.check()
            if self._tokens.is_refused():
                raise self._tokens.refuse() from None
            raise StreamError(
                "Kafka does not answer at the moment, it may be restarting. Try again in a few seconds."
            ) from None


def resolve(name: str, tenant: str, topics: Iterable[str], *, publication: bool = False) -> str:
    """Return the topic that `name` means: the tenant's own first, then open ones; as datasets are resolved.

    Raises `TopicNotFoundError` with similar names, for a publication `NotReleasedError`.
    """
    visible = sorted(topic for topic in topics if not topic.startswith("__"))
    for candidate in (f"{tenant}.{name}", name, f"open.{tenant}.{name}", f"open.{name}"):
        if candidate in visible:
            return candidate
    for topic in visible:
        if topic.startswith("open.") and topic.rpartition(".")[2] == name:
            return topic
    short = {topic.removeprefix(f"{tenant}.") for topic in visible if not topic.endswith(".rejected")}
    if publication:
        raise NotReleasedError(name, advice=suggest(name, short))
    raise TopicNotFoundError(f"There is no topic {name!r} for you.{suggest(name, short)}")


def _in_order(messages: Iterable[Message]) -> list[Message]:
    return sorted(messages, key=lambda message: (message.time, message.partition, message.offset))


class _TokenProvider(AbstractTokenProvider):  # type: ignore[misc]  # the client has no types
    """Gives the client a token that still counts, each time it signs in."""

    def __init__(self, credentials: Credentials, **config: Any) -> None:
        super().__init__(**config)
        self._credentials = credentials
        self._error: SessionError | None = None
        self.refused = -1  # how many tokens were asked for beyond the first, and nothing came

    def token(self) -> str:
        """Return a token; called on the client's own thread, so that an error is kept for `check`."""
        try:
            value = self._credentials.get("kafka").reveal()
        except SessionError as error:
            self._error = error
            raise kafka.errors.SaslAuthenticationFailedError(str(error)) from None
        self._error = None
        self.refused += 1
        return value

    def is_refused(self) -> bool:
        """Return whether Kafka asks again and again for a token, so that it is there but takes none."""
        return self.refused >= MAX_REFUSED

    def refuse(self) -> StreamError:
        """Return the error, and see to it that the next try has a new token."""
        self._credentials.forget("kafka")
        return StreamError(
            "Kafka did not accept this session's access. Log in again; if it stays so, tell the operator."
        )

    def check(self) -> None:
        """Raise the error that kept the client from signing in, if one did."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
