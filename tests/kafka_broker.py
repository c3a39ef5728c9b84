"""A Kafka broker as a process, for tests of services and of kernels."""

from __future__ import annotations

import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    NewTopic,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import KafkaError

from urbanlab.contract.records import Tenant

PARTS = Path(__file__).parents[1] / ".parts"
USERS = ("broker", "ingest", "simulator")


def get_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], Any], seconds: float = 30, what: str = "") -> Any:
    """Return the first truthy answer of `condition`; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what or condition}")


SERVER_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENTS://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CLIENTS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
inter.broker.listener.name=CLIENTS
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=PLAIN
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config={plain} required \\
 username="controller" password="{password}" user_controller="{password}";
listener.name.clients.scram-sha-512.sasl.jaas.config={scram} required username="broker" password="{password}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:broker;User:controller
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.dirs={state}/data
"""
# For kernels: tokens of a realm, whose public keys lie in a file; a token's claim `tenant` names its holder.
TOKEN_PROPERTIES = """
sasl.enabled.mechanisms=SCRAM-SHA-512,OAUTHBEARER
listener.name.clients.oauthbearer.sasl.jaas.config={security}.oauthbearer.OAuthBearerLoginModule required;
listener.name.clients.oauthbearer.sasl.server.callback.handler.class={security}.oauthbearer.OAuthBearerValidatorCallbackHandler
listener.name.clients.oauthbearer.connections.max.reauth.ms=30000
sasl.oauthbearer.jwks.endpoint.url={keys}
sasl.oauthbearer.expected.audience=kafka
sasl.oauthbearer.sub.claim.name=tenant
"""


@dataclass
class KafkaBroker:
    """A broker with SCRAM users and the ACLs that `urbanlab apply` gives them."""

    state: Path
    port: int = field(default_factory=get_free_port)
    controller: int = field(default_factory=get_free_port)
    password: str = field(default_factory=lambda: uuid.uuid4().hex)
    keys: str = ""  # the address of a realm's public keys; without it there are SCRAM users only
    process: subprocess.Popen[bytes] | None = None

    def format(self) -> None:
        security = "org.apache.kafka.common.security"
        modules = {
            "plain": f"{security}.plain.PlainLoginModule",
            "scram": f"{security}.scram.ScramLoginModule",
        }
        text = SERVER_PROPERTIES.format(**vars(self), **modules)
        if self.keys:
            # Kafka takes the last of two settings of one name.
            text += TOKEN_PROPERTIES.format(keys=self.keys, security=security)
        (self.state / "server.properties").write_text(text)
        scram = [f"SCRAM-SHA-512=[name={user},password={self.password}]" for user in USERS]
        arguments = [word for user in scram for word in ("--add-scram", user)]
        self._java(
            "kafka.tools.StorageTool",
            *("format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", "server.properties", *arguments),
        ).wait(60)

    def start(self) -> None:
        self.process = self._java("kafka.Kafka", "server.properties")
        wait_until(self._answers, 60, "Kafka answers")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def options(self, user: str = "broker") -> dict[str, Any]:
        return {
            "bootstrap_servers": f"127.0.0.1:{self.port}",
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": self.password,
        }

    def prepare_tenant(self, tenant: Tenant) -> None:
        topics = [f"{tenant.id}.{feed.name}{tail}" for feed in tenant.feeds for tail in ("", ".rejected")]
        with closing(KafkaAdminClient(**self.options())) as admin:
            admin.create_topics([NewTopic(topic, 1, 1) for topic in topics])
            admin.create_acls([*_make_acls("ingest", tenant.id), *_make_acls("simulator", tenant.id)])
            admin.create_acls(_make_open_acls())

    def create_topic(self, topic: str, partitions: int = 1) -> None:
        with closing(KafkaAdminClient(**self.options())) as admin:
            admin.create_topics([NewTopic(topic, partitions, 1)])

    def permit(self, user: str, prefix: str) -> None:
        """Let a user read the topics whose names begin so."""
        pattern = ResourcePattern(ResourceType.TOPIC, prefix, ACLResourcePatternType.PREFIXED)
        acls = [
            ACL(f"User:{user}", "*", operation, ACLPermissionType.ALLOW, pattern)
            for operation in (ACLOperation.READ, ACLOperation.DESCRIBE)
        ]
        with closing(KafkaAdminClient(**self.options())) as admin:
            admin.create_acls(acls)

    def send(self, topic: str, *values: bytes, key: bytes = b"k") -> None:
        with closing(KafkaProducer(**self.options())) as producer:
            for future in [producer.send(topic, value=value, key=key) for value in values]:
                future.get(20)

    def read(self, topic: str) -> list[Any]:
        """Return all messages of a topic of one partition."""
        with closing(KafkaConsumer(**self.options())) as consumer:
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            consumer.seek_to_beginning(partition)
            end, messages = consumer.end_offsets([partition])[partition], []
            while len(messages) < end:
                for batch in consumer.poll(timeout_ms=5000).values():
                    messages.extend(batch)
            return messages

    def _answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, "Kafka ended"
        try:
            with closing(KafkaAdminClient(**self.options(), bootstrap_timeout_ms=1000)) as admin:
                admin.list_topics()
        except KafkaError:
            return False
        return True

    def _java(self, *arguments: str) -> subprocess.Popen[bytes]:
        heap = ("-Xms128m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
        allowed = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={self.keys}"
        command = ("java", *heap, allowed, "-cp", f"{PARTS}/kafka/*", *arguments)
        with (self.state / "kafka.log").open("ab") as log:
            return subprocess.Popen(command, cwd=self.state, stdout=log, stderr=log)


def _make_open_acls() -> list[ACL]:
    """Return what lets ingest keep the open topics."""
    pattern = ResourcePattern(ResourceType.TOPIC, "open.", ACLResourcePatternType.PREFIXED)
    operations = (ACLOperation.WRITE, ACLOperation.DESCRIBE, ACLOperation.CREATE, ACLOperation.DELETE)
    return [ACL("User:ingest", "*", operation, ACLPermissionType.ALLOW, pattern) for operation in operations]


def _make_acls(user: str, tenant: str) -> Iterator[ACL]:
    for operation in (ACLOperation.READ, ACLOperation.WRITE, ACLOperation.DESCRIBE):
        pattern = ResourcePattern(ResourceType.TOPIC, f"{tenant}.", ACLResourcePatternType.PREFIXED)
        yield ACL(f"User:{user}", "*", operation, ACLPermissionType.ALLOW, pattern)
    group = ResourcePattern(ResourceType.GROUP, f"{user}.", ACLResourcePatternType.PREFIXED)
    yield ACL(f"User:{user}", "*", ACLOperation.READ, ACLPermissionType.ALLOW, group)
