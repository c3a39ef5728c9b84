"""What the operator can do with the running parts: ask how they are, kill one, ask hub, warehouse and Kafka."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import psutil
import requests
from kafka import KafkaConsumer, TopicPartition

from tests.installation import Installation
from tests.kafka_broker import KafkaBroker


def wait_until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """Poll until `condition` gives something, with a deadline."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return found


# --- the parts ---


def read_status(installation: Installation) -> dict[str, Any]:
    """Return what `urbanlab status --json` says, healthy or not."""
    status: dict[str, Any] = json.loads(installation.run("status", "--json", code=None))
    return status


def read_part(installation: Installation, name: str) -> dict[str, Any]:
    """Return the status of one part."""
    return next(part for part in read_status(installation)["parts"] if part["name"] == name)


def kill_part(installation: Installation, name: str) -> psutil.Process:
    """Kill a part as the kernel would that has no memory left; return what was its process."""
    process = psutil.Process(read_part(installation, name)["pid"])
    os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs([process], timeout=10)
    return process


def wait_until_healthy(installation: Installation, seconds: float = 60) -> None:
    """Wait until all parts are healthy."""
    deadline = time.monotonic() + seconds
    while not (status := read_status(installation))["healthy"]:
        assert time.monotonic() < deadline, [part for part in status["parts"] if not part["healthy"]]
        time.sleep(0.2)


# --- the hub ---


def ask_as_service(installation: Installation, service: str, method: str, path: str) -> requests.Response:
    """Ask the hub's API with a service's token."""
    headers = {"Authorization": f"token {installation.secret(f'service-{service}')}"}
    return requests.request(
        method, f"{installation.settings.hub_url}hub/api/{path}", headers=headers, timeout=60
    )


def has_hub_user(installation: Installation, hub_user: str) -> bool:
    """Return whether the hub knows a user."""
    return ask_as_service(installation, "operator", "GET", f"users/{quote(hub_user)}").status_code == 200


# --- the warehouse ---


def ask_warehouse(installation: Installation, sql: str) -> list[list[str]]:
    """Return the rows that a query of the operator answers."""
    credential = ("operator", installation.secret("warehouse-operator"))
    answer = requests.post(
        installation.settings.warehouse_url, data=f"{sql} FORMAT CSV", auth=credential, timeout=60
    )
    answer.raise_for_status()
    return list(csv.reader(io.StringIO(answer.text)))


# --- Kafka ---


def find_broker(installation: Installation) -> KafkaBroker:
    """Return the installation's broker, as its own user."""
    settings = installation.settings
    password = installation.secret("kafka-broker")
    return KafkaBroker(settings.service_state("kafka"), port=settings.kafka_port, password=password)


def read_topic_since(installation: Installation, topic: str, moment: float) -> list[Any]:
    """Return the messages of a topic of one partition that arrived after `moment`, in seconds of the epoch."""
    consumer = KafkaConsumer(**find_broker(installation).options())
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        found = consumer.offsets_for_times({partition: int(moment * 1000)})[partition]
        end = consumer.end_offsets([partition])[partition]
        messages: list[Any] = []
        if found is not None:
            consumer.seek(partition, found.offset)
            while consumer.position(partition) < end:
                messages += [record for batch in consumer.poll(timeout_ms=2000).values() for record in batch]
        return messages
    finally:
        consumer.close()
