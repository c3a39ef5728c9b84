"""Kafka: its configuration with the secrets in it, its storage, and the command that runs it."""

from __future__ import annotations

import base64
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient

from urbanlab.contract.secrets import read_secret
from urbanlab_hub.settings import CHECKOUT, Settings
from urbanlab_operate.errors import OperateError
from urbanlab_operate.local.folders import Accounts
from urbanlab_operate.local.java import make_java
from urbanlab_operate.secret_files import write_private

TEMPLATE = CHECKOUT / "hub_config" / "kafka" / "server.properties"
SCRAM_USERS = ("broker", "ingest", "simulator")
PROBE_MS = 3000
# They say no more at this level than who was not let in, and what was not allowed.
REFUSAL_LOGGERS = ("kafka.authorizer.logger", "org.apache.kafka.common.network.Selector")


def ensure_kafka(settings: Settings, accounts: Accounts) -> None:
    """Write the broker's configuration, and format its storage where it is new."""
    folder, owner = settings.service_state("kafka"), accounts.get("kafka")
    _write_for(folder / "server.properties", make_properties(settings), owner)
    if not (folder / "formatted").exists():
        _format(settings, owner)


def make_properties(settings: Settings) -> str:
    """Return the broker's configuration; it holds secrets."""
    master = settings.master_secrets
    return TEMPLATE.read_text(encoding="utf-8").format(
        bind=settings.bind,
        port=settings.kafka_port,
        controller_port=settings.kafka_controller_port,
        data=settings.service_state("kafka") / "data",
        keys_url=_make_keys_url(settings),
        broker_password=read_secret(master, "kafka-broker").reveal(),
        controller_password=read_secret(master, "kafka-controller").reveal(),
    )


def make_command(settings: Settings) -> list[str]:
    """Return the command of the broker; nothing secret is in it."""
    folder = settings.service_state("kafka")
    return [
        *_make_java(settings, "-Xms128m", "-Xmx320m"),
        # The only address from which the broker takes keys for checking tokens.
        f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={_make_keys_url(settings)}",
        "kafka.Kafka",
        str(folder / "server.properties"),
    ]


def find_kafka_problem(settings: Settings) -> str | None:
    """Return why the broker does not answer an authenticated request, or None if it does."""
    try:
        client = KafkaAdminClient(**make_client_options(settings))
        try:
            client.describe_cluster()
        finally:
            client.close()
    except _client_errors() as error:
        return f"does not answer as a broker: {type(error).__name__}"
    return None


def make_client_options(settings: Settings) -> dict[str, Any]:
    """Return the connection options of the operator, who is the broker's own user."""
    return {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "broker",
        "sasl_plain_password": read_secret(settings.master_secrets, "kafka-broker").reveal(),
        "request_timeout_ms": PROBE_MS,
        "bootstrap_timeout_ms": PROBE_MS,
    }


def _client_errors() -> tuple[type[Exception], ...]:
    from kafka.errors import KafkaError

    return (KafkaError, OSError)


def _make_keys_url(settings: Settings) -> str:
    return f"{settings.realm_url}/protocol/openid-connect/certs"


def _make_java(settings: Settings, *memory: str) -> list[str]:
    jars = settings.parts / "kafka" / "*"
    return [
        *make_java(settings.service_state("kafka") / "tmp", *memory),
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        *(f"-Dorg.slf4j.simpleLogger.log.{name}=info" for name in REFUSAL_LOGGERS),
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
        "-cp",
        str(jars),
    ]


def _format(settings: Settings, owner: tuple[int, int] | None) -> None:
    """Format the storage and put the users in; they stand in a file, never on the command line."""
    folder = settings.service_state("kafka")
    users = folder / "users.arguments"
    _write_for(users, _make_user_arguments(settings), owner)
    tool = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "--cluster-id", _make_cluster_id()]
    command = [*_make_java(settings), *tool, "--config", str(folder / "server.properties"), f"@{users}"]
    account: dict[str, Any] = {"user": owner[0], "group": owner[1], "extra_groups": []} if owner else {}
    # What the tool prints holds the users' keys.
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, umask=0o077, **account)
    users.unlink()
    if done.returncode != 0:
        raise OperateError(
            f"Kafka's storage in {folder} could not be formatted: remove that folder and try again"
        )
    (folder / "formatted").touch()


def _make_user_arguments(settings: Settings) -> str:
    lines = []
    for user in SCRAM_USERS:
        password = read_secret(settings.master_secrets, f"kafka-{user}").reveal()
        lines += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]"]
    return "\n".join(lines) + "\n"


def _make_cluster_id() -> str:
    # The tool takes 22 characters of base64 and would read a leading hyphen as an option.
    name = "-"
    while name.startswith("-"):
        name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return name


def _write_for(path: Path, text: str, owner: tuple[int, int] | None) -> None:
    write_private(path, text)
    if owner is not None:
        os.chown(path, *owner, follow_symlinks=False)
