"""From a sensor's message to an answer: each once and at once, whatever dies on the way, for its tenant only."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from tests.installation import Installation

from .login import StaffSession
from .operator_access import (
    ask_warehouse,
    find_broker,
    kill_part,
    read_part,
    read_topic_since,
    wait_until,
    wait_until_healthy,
)
from .people import People, own_tenant
from .traces import Traces

TENANT = "pegelstadt"
TEXT = {"de": "Wasserstand", "en": "Water level"}
FEED = {
    "title": TEXT,
    "description": TEXT,
    "columns": {
        "sensor": {"type": "category", "title": TEXT},
        "observed_at": {"type": "instant", "title": TEXT},
        "level": {"type": "integer", "title": TEXT},
    },
    "key": ["sensor", "observed_at"],
    "time": "observed_at",
}
FEEDS = {"level": FEED, "footfall": None, "footfall_live": None, "weather": None}
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def analyst(installation: Installation) -> Iterator[StaffSession]:
    """The analyst of a tenant that only these tests know, with a feed that only they write."""
    with own_tenant(installation, TENANT, feeds=FEEDS):
        people = People(installation)
        password = people.make("pegelwart", (f"/tenants/{TENANT}/analyst",))
        with StaffSession(installation, "pegelwart", TENANT, password) as session:
            session.run("import json, time; import urbanlab as ul")
            yield session
        people.remove()


def make_message(sensor: str, level: int) -> bytes:
    """Return the message of a sensor that counts seconds."""
    instant = (START + timedelta(seconds=level)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({"sensor": sensor, "observed_at": instant, "level": level}).encode()


def read_levels(installation: Installation, sensor: str) -> list[int]:
    """Return all levels of a sensor in the warehouse, in order; a row that is there twice twice."""
    sql = f"SELECT level FROM {TENANT}.level WHERE sensor = '{sensor}' ORDER BY level"
    return [int(level) for (level,) in ask_warehouse(installation, sql)]


class Sender(threading.Thread):
    """A sensor: sends a hundred messages a second, each tenth twice, until it is stopped."""

    def __init__(self, installation: Installation, sensor: str) -> None:
        super().__init__()
        self.sensor = sensor
        self.sent = 0
        self._producer = KafkaProducer(**find_broker(installation).options(), acks="all", retries=1000)
        self._futures: list[Any] = []
        self._stopped = threading.Event()

    def run(self) -> None:
        """Send."""
        while not self._stopped.wait(0.01):
            for _ in range(1 if self.sent % 10 else 2):
                message = make_message(self.sensor, self.sent)
                self._futures.append(self._producer.send(f"{TENANT}.level", value=message))
            self.sent += 1

    def stop(self) -> int:
        """End, and return how many messages Kafka has acknowledged: all."""
        self._stopped.set()
        self.join()
        self._producer.flush(timeout=60)
        for future in self._futures:
            future.get(30)
        self._producer.close()
        return self.sent


# --- at once, and once ---

WATCH = """
import json, time, urbanlab as ul
seen, end = {}, time.time() + 12
while time.time() < end:
    rows = ul.query('''
        SELECT concat(sensor, ' ', toString(toUnixTimestamp(observed_at))) AS message FROM detmold.footfall_live
        WHERE observed_at > now() - toIntervalSecond(60)
    ''')
    moment = time.time()
    for message in rows["message"]:
        seen.setdefault(message, moment)
print(json.dumps(seen))
"""


def test_a_live_message_is_in_a_querys_answer_within_two_seconds(installation: Installation) -> None:
    with StaffSession(installation, "analyst-detmold") as staff:
        staff.run("import urbanlab as ul; ul.query('SELECT 1')")
        began = time.time()
        seen = staff.ask_json(WATCH)
    arrived = {}
    for record in read_topic_since(installation, "detmold.footfall_live", began + 0.5):
        body = json.loads(record.value)
        instant = datetime.fromisoformat(body["observed_at"])
        arrived[f"{body['sensor']} {int(instant.timestamp())}"] = record.timestamp / 1000
    # What arrived in the last seconds of watching may become visible after it.
    delays = [seen.get(name, 1e12) - at for name, at in arrived.items() if at < began + 9.5]
    print(f"visible after {min(delays):.2f} to {max(delays):.2f} s, {len(delays)} messages")
    assert len(delays) >= 4
    assert max(delays) < 2


@pytest.mark.parametrize("feed", ["footfall", "footfall_live", "weather"])
def test_each_message_of_the_simulator_is_one_row(installation: Installation, feed: str) -> None:
    sql = f"SELECT count(), uniqExact(sensor, observed_at) FROM detmold.{feed}"
    ((rows, keys),) = ask_warehouse(installation, sql)
    assert rows == keys
    assert int(rows) > 0


def test_ingest_killed_in_full_flow_loses_and_doubles_nothing(
    installation: Installation, analyst: StaffSession
) -> None:
    sender = Sender(installation, "killed-ingest")
    sender.start()
    before = read_part(installation, "ingest")["restarts"]
    for _ in range(2):
        wait_until(lambda: read_part(installation, "ingest")["pid"])
        time.sleep(0.5)
        kill_part(installation, "ingest")
    count = sender.stop()
    wait_until(lambda: len(read_levels(installation, "killed-ingest")) >= count)
    wait_until_healthy(installation)
    assert read_levels(installation, "killed-ingest") == list(range(count))
    assert read_part(installation, "ingest")["restarts"] == before + 2


FOLLOW = """
heard = []
try:
    for message in ul.stream("level", timeout=60):
        heard.append(message.value["level"])
        if message.value["sensor"] == "end":
            break
    said = "recovered"
except ul.errors.StreamError as error:
    said = str(error)
print(json.dumps([said, len(heard)]))
"""


def test_kafka_killed_in_full_flow_loses_nothing_and_readers_are_told(
    installation: Installation, analyst: StaffSession
) -> None:
    analyst.run("import urbanlab.errors; tail = ul.tail('level', keep=500)")
    sender = Sender(installation, "killed-kafka")
    sender.start()
    with ThreadPoolExecutor(1) as pool:
        followed = pool.submit(analyst.ask_json, FOLLOW)
        time.sleep(1.5)
        kill_part(installation, "kafka")
        wait_until_healthy(installation)
        time.sleep(1)
        count = sender.stop()
        find_broker(installation).send(f"{TENANT}.level", make_message("end", count))
        said, heard = followed.result()
    wait_until(lambda: len(read_levels(installation, "killed-kafka")) >= count)
    assert read_levels(installation, "killed-kafka") == list(range(count))
    assert heard > 10
    assert said == "recovered" or said.startswith("Kafka does not answer at the moment"), said
    wait_until(lambda: "'sensor': 'end'" in analyst.run("print(tail)").text)
    assert "does not answer" not in analyst.run("print(tail); tail.close()").text


# --- messages that are none ---


def test_what_is_no_record_is_set_aside_with_its_reason_and_the_rest_goes_on(
    installation: Installation, analyst: StaffSession
) -> None:
    broker = find_broker(installation)
    began = time.time() - 1
    unmapped = b'{"sensor": "bad", "observed_at": "2026-01-01T00:00:00Z", "level": "high"}'
    broker.send(
        f"{TENANT}.level", make_message("bad", 1), b"no JSON at all", unmapped, make_message("bad", 2)
    )
    wait_until(lambda: read_levels(installation, "bad") == [1, 2])
    rejected = wait_until(lambda: read_topic_since(installation, f"{TENANT}.level.rejected", began))
    told = {body["payload"]: body for body in (json.loads(record.value) for record in rejected)}
    assert told["no JSON at all"]["code"] == "not_json"
    assert told[unmapped.decode()]["reason"] == "The field `level` must be a whole number."
    # A reader of the topic itself sees the message that is no JSON, and why it has no fields.
    odd = "print([m.error for m in ul.stream('level', last=4, follow=False) if m.value is None])"
    assert "JSON" in analyst.run(odd).text


@pytest.mark.parametrize(
    ("asked", "hint"),
    [("levle", "Did you mean level?"), ("detmold.footfall_live.rejected", ""), ("nonsuch", "There is level")],
)
def test_a_topic_that_is_not_there_is_said_clearly(analyst: StaffSession, asked: str, hint: str) -> None:
    result = analyst.run(f"ul.stream({asked!r})")
    assert result.error.startswith(f"TopicNotFoundError: There is no topic {asked!r} for you."), result
    assert hint in result.error
    # What others have opened may be named, nothing else of theirs.
    assert "etmold" not in re.sub(r"open\.detmold\.\w+", "", result.error.replace(asked, ""))


# --- attacks: a kernel has the token, and everybody the ports ---

CLIENT = """
import json, kafka, kafka.errors, os
from concurrent.futures import ThreadPoolExecutor
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ACLFilter, ACLOperation, ACLPermissionType, ACLResourcePatternType
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic, ResourcePatternFilter, ResourceType
from kafka.net.sasl.oauth import AbstractTokenProvider
from urbanlab.session import current_session

class Token(AbstractTokenProvider):
    def __init__(self, value):
        super().__init__()
        self.value = value
    def token(self):
        return self.value

def options(token, **more):
    return {**dict(
        bootstrap_servers=os.environ['URBANLAB_KAFKA_BOOTSTRAP'], security_protocol='SASL_PLAINTEXT',
        sasl_mechanism='OAUTHBEARER', sasl_oauth_token_provider=Token(token), bootstrap_timeout_ms=4000,
    ), **more}

def attempt(call):
    try:
        return ['done', str(call())]
    except (kafka.errors.KafkaError, OSError, AssertionError, ValueError) as error:
        return ['refused', type(error).__name__]

mine = current_session().credentials.get('kafka').reveal()
"""


def run_client(analyst: StaffSession, code: str) -> Any:
    """Run code with a Kafka client in the kernel and return the JSON that it prints."""
    return analyst.ask_json(CLIENT + code)


def test_a_kernels_token_reads_the_own_topics_only(installation: Installation, analyst: StaffSession) -> None:
    find_broker(installation).send(f"{TENANT}.level", make_message("own", 1))
    code = """
def read(topic, group=None):
    consumer = KafkaConsumer(**options(mine), group_id=group, auto_offset_reset='earliest')
    try:
        if group is None:
            consumer.assign([TopicPartition(topic, 0)])
            consumer.seek(TopicPartition(topic, 0), 0)
        else:
            consumer.subscribe([topic])
        return sum(len(batch) for batch in consumer.poll(timeout_ms=3000).values()) > 0
    finally:
        consumer.close()
consumer = KafkaConsumer(**options(mine))
others = 'detmold.footfall_live', 'rietberg.weather.rejected', '__consumer_offsets'
ways = [('pegelstadt.level',), *((topic,) for topic in others)]
ways += [('pegelstadt.level', group) for group in ('ingest.feeds', 'detmold.mine', 'mine')]
with ThreadPoolExecutor(7) as pool:
    own, *answers = pool.map(lambda way: attempt(lambda: read(*way)), ways)
print(json.dumps([
    sorted(consumer.topics()), own, answers[:3], answers[3:],
    attempt(lambda: consumer.end_offsets([TopicPartition('detmold.footfall_live', 0)], timeout_ms=2000)),
]))
"""
    traces = Traces(installation)
    topics, own, others, groups, offsets = run_client(analyst, code)
    closed = [topic for topic in topics if not topic.startswith("open.")]
    assert closed == ["pegelstadt.level", "pegelstadt.level.rejected"]
    assert own == ["done", "True"]
    # The client may keep the refusal to itself; it has no message to give in any case.
    assert ["done", "True"] not in others
    assert groups == [["refused", "GroupAuthorizationFailedError"]] * 3
    assert offsets[0] == "refused"
    for thing in ("Topic:LITERAL:detmold.footfall_live", "Topic:LITERAL:rietberg", "Group:LITERAL:mine"):
        traces.wait_for("kafka", f"User:{TENANT}.read is Denied.*{thing}")


def test_a_kernels_token_changes_nothing(installation: Installation, analyst: StaffSession) -> None:
    code = """
def write(topic):
    with_mine = KafkaProducer(**options(mine), max_block_ms=4000)
    return with_mine.send(topic, value=b'x').get(5)
def administer(call):
    admin = KafkaAdminClient(**options(mine), request_timeout_ms=5000)
    try:
        return call(admin)
    finally:
        admin.close()
anything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
acls = ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, anything)
level = ConfigResource(ConfigResourceType.TOPIC, 'pegelstadt.level', {'retention.ms': '1000'})
print(json.dumps([
    *[attempt(lambda: write(topic)) for topic in ('pegelstadt.level', 'detmold.footfall_live')],
    attempt(lambda: administer(lambda a: a.create_topics([NewTopic('pegelstadt.mine', 1, 1)]))),
    attempt(lambda: administer(lambda a: a.delete_topics(['pegelstadt.level']))),
    attempt(lambda: administer(lambda a: a.alter_configs([level]))),
    attempt(lambda: administer(lambda a: a.describe_acls(acls)[0])),
    attempt(lambda: administer(lambda a: a.list_groups())),
]))
"""
    began = time.time() - 1
    *attempts, groups = run_client(analyst, code)
    assert [done for done, _ in attempts] == ["refused"] * 6, attempts
    assert groups[0] == "refused" or groups[1] == "[]"
    assert not [
        each for each in read_topic_since(installation, f"{TENANT}.level", began) if each.value == b"x"
    ]
    admin = KafkaAdminClient(**find_broker(installation).options())
    assert f"{TENANT}.mine" not in admin.list_topics()
    level = ConfigResource(ConfigResourceType.TOPIC, f"{TENANT}.level")
    found = admin.describe_configs([level], config_filter="all")["topic"][f"{TENANT}.level"]
    assert int(found["retention.ms"]["value"]) > 100_000
    admin.close()


def make_forgeries(tenant: str) -> list[str]:
    """Return tokens that say the right things and are signed by nobody whom the broker trusts."""
    claims = {
        "tenant": f"{tenant}.read",
        "sub": f"{tenant}.read",
        "aud": "kafka",
        "iat": int(time.time()),
        "exp": int(time.time()) + 30,
        "scope": "kafka",
    }
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return [jwt.encode(claims, None, algorithm="none"), jwt.encode(claims, key, algorithm="RS256")]


def test_only_the_realms_tokens_open_the_broker(installation: Installation, analyst: StaffSession) -> None:
    code = f"""
warehouse = current_session().credentials.get('warehouse').reveal()
tokens = [*{make_forgeries("detmold")!r}, warehouse, os.environ['JUPYTERHUB_API_TOKEN'], mine[:-3] + 'abc', 'x']
scram = dict(sasl_mechanism='SCRAM-SHA-512', sasl_oauth_token_provider=None,
             sasl_plain_username='broker', sasl_plain_password='broker')
plain = dict(scram, sasl_mechanism='PLAIN', sasl_plain_username='controller')
bare = dict(security_protocol='PLAINTEXT', sasl_mechanism=None, sasl_oauth_token_provider=None)
ports = [os.environ['URBANLAB_KAFKA_BOOTSTRAP'], '127.0.0.1:{installation.settings.kafka_controller_port}']
def topics(**more):
    consumer = KafkaConsumer(**options('x', **more))
    try:
        return sorted(consumer.topics())
    finally:
        consumer.close()
ways = [dict(sasl_oauth_token_provider=Token(token)) for token in tokens]
ways += [dict(way, bootstrap_servers=port) for way in (scram, plain, bare) for port in ports]
ways += [dict(sasl_oauth_token_provider=Token(mine), bootstrap_servers=ports[1])]
good = dict(sasl_oauth_token_provider=Token(mine))
with ThreadPoolExecutor(7) as pool:
    print(json.dumps(list(pool.map(lambda way: attempt(lambda: topics(**way)),
                                   (good, *ways)))))
"""
    traces = Traces(installation)
    own, *others = run_client(analyst, code)
    assert own[0] == "done"
    assert [done for done, _ in others] == ["refused"] * 13, others
    traces.wait_for("kafka", "Failed authentication with", len(others))
