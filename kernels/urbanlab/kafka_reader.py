"""Reads one topic of Kafka with the session's own token; joins no group and commits nothing."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

import kafka.errors
from kafka import KafkaConsumer, TopicPartition
from kafka.net.sasl.oauth import AbstractTokenProvider

from urbanlab.credentials import Credentials
from urbanlab.errors import SessionError, StreamError, TopicNotFoundError, suggest
from urbanlab.messages import Message, from_record
from urbanlab.session import Session

# Kafka is away for seconds at a restart: waiting half a minute between tries helps nobody.
MAX_RECONNECT_MS = 1000
CONNECT_MS = 15_000
REQUEST_MS = 10_000
FETCH_BYTES = 1 << 20

# Whoever has configured logging sees the client's warnings; a notebook without does not get them as output.
logging.getLogger("kafka").addHandler(logging.NullHandler())


class TopicReader:
    """Reads a topic from its end; `poll` gives what has come, `read_last` what came before."""

    def __init__(self, session: Session, name: str) -> None:
        """Connect and find the topic; raise a `StreamError` where that cannot be."""
        self._tokens = _TokenProvider(session.credentials)
        with self._translated():
            self._consumer = self._connect(session)
        try:
            with self._translated():
                self.topic = resolve(name, session.tenant, self._consumer.topics())
                self._partitions = self._assign()
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
        return _in_order(from_record(record) for records in batches.values() for record in records)

    def read_last(self, count: int, seconds: float = 10.0) -> list[Message]:
        """Return the last `count` messages, oldest first; `poll` then goes on behind them."""
        with self._translated():
            ends = self._consumer.end_offsets(self._partitions)
            starts = self._consumer.beginning_offsets(self._partitions)
            for partition in self._partitions:
                self._consumer.seek(partition, max(starts[partition], ends[partition] - count))
        found: list[Message] = []
        waited = 0.0
        while count and waited < seconds and self._is_behind(ends):
            batch = self.poll(0.5)
            waited += 0 if batch else 0.5
            found += batch
        return _in_order(found)[-count:] if count else []

    def skip(self, keep: int, behind: int) -> int:
        """Leave out what lies back by more than `behind` messages, but for the last `keep`; return how many."""
        skipped = 0
        for partition in self._partitions:
            newest = self._consumer.highwater(partition)
            position = self._consumer.position(partition, timeout_ms=1000)
            if newest is not None and position is not None and newest - position > behind:
                self._consumer.seek(partition, newest - keep)
                skipped += newest - keep - position
        return skipped

    def _is_behind(self, ends: dict[TopicPartition, int]) -> bool:
        return any(
            (self._consumer.position(each, timeout_ms=1000) or 0) < ends[each] for each in self._partitions
        )

    def _connect(self, session: Session) -> KafkaConsumer:
        return KafkaConsumer(
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
        numbers = sorted(self._consumer.partitions_for_topic(self.topic))
        partitions = [TopicPartition(self.topic, number) for number in numbers]
        self._consumer.assign(partitions)
        self._consumer.seek_to_end(*partitions)
        return partitions

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except kafka.errors.AuthorizationError:
            raise TopicNotFoundError("This topic is not yours to read, or no longer is.") from None
        except kafka.errors.SaslAuthenticationFailedError:
            self._tokens.check()
            raise StreamError(
                "Kafka did not accept this session's access. Log in again; if it stays so, tell the operator."
            ) from None
        except (kafka.errors.KafkaError, OSError, TimeoutError):
            self._tokens.check()
            raise StreamError(
                "Kafka does not answer at the moment, it may be restarting. Try again in a few seconds."
            ) from None


def resolve(name: str, tenant: str, topics: Iterable[str]) -> str:
    """Return the topic that `name` means: the tenant's own first, then open ones; as datasets are resolved.

    Raises `TopicNotFoundError` with similar names.
    """
    visible = sorted(topic for topic in topics if not topic.startswith("__"))
    for candidate in (f"{tenant}.{name}", name, f"open.{name}"):
        if candidate in visible:
            return candidate
    for topic in visible:
        if topic.startswith("open.") and topic.rpartition(".")[2] == name:
            return topic
    short = {topic.removeprefix(f"{tenant}.") for topic in visible if not topic.endswith(".rejected")}
    raise TopicNotFoundError(f"There is no topic {name!r} for you.{suggest(name, short)}")


def _in_order(messages: Iterable[Message]) -> list[Message]:
    return sorted(messages, key=lambda message: (message.time, message.partition, message.offset))


class _TokenProvider(AbstractTokenProvider):  # type: ignore[misc]  # the client has no types
    """Gives the client a token that still counts, each time it signs in."""

    def __init__(self, credentials: Credentials, **config: Any) -> None:
        super().__init__(**config)
        self._credentials = credentials
        self._error: SessionError | None = None

    def token(self) -> str:
        """Return a token; called on the client's own thread, so that an error is kept for `check`."""
        try:
            value = self._credentials.get("kafka").reveal()
        except SessionError as error:
            self._error = error
            raise kafka.errors.SaslAuthenticationFailedError(str(error)) from None
        self._error = None
        return value

    def check(self) -> None:
        """Raise the error that kept the client from signing in, if one did."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
