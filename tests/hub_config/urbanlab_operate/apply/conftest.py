"""A real broker as `urbanlab up` makes it: the product's own configuration, storage and command."""

from __future__ import annotations

import base64
import http.server
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.installation import find_free_ports
from urbanlab_hub.settings import Settings, load_settings
from urbanlab_operate.local.kafka import ensure_kafka, find_kafka_problem, make_command
from urbanlab_operate.secret_files import write_private


def _encode(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(256, "big").lstrip(b"\0")).decode().rstrip("=")


class _Keys(http.server.BaseHTTPRequestHandler):
    """The realm's address with the keys, which the broker asks for while it starts."""

    _numbers = rsa.generate_private_key(65537, 2048).public_key().public_numbers()
    _key: ClassVar = {
        "kid": "a",
        "kty": "RSA",
        "alg": "RS256",
        "use": "sig",
        "n": _encode(_numbers.n),
        "e": _encode(_numbers.e),
    }

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/realms/urban/protocol/openid-connect/certs" else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": [self._key]}).encode())

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="session")
def kafka_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of an installation whose broker runs."""
    ports = {f"URBANLAB_{name.upper()}": port for name, port in find_free_ports().items()}
    settings = load_settings({"URBANLAB_STATE": str(tmp_path_factory.mktemp("state")), **ports})
    if not (settings.parts / "kafka").is_dir() or shutil.which("java") is None:
        pytest.skip("Kafka has not been fetched; `make test` does that")
    (settings.service_state("kafka") / "tmp").mkdir(parents=True)
    settings.master_secrets.mkdir()
    for name in ("broker", "controller", "ingest", "simulator"):
        write_private(settings.master_secrets / f"kafka-{name}", f"password-of-{name}\n")
    ensure_kafka(settings, {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", settings.keycloak_port), _Keys) as keys:
        threading.Thread(target=keys.serve_forever, daemon=True).start()
        log = settings.state / "kafka.log"
        with log.open("wb") as output:
            broker = subprocess.Popen(
                make_command(settings), stdout=output, stderr=output, cwd=settings.state
            )
        try:
            deadline = time.monotonic() + 60
            while find_kafka_problem(settings) is not None:
                assert broker.poll() is None and time.monotonic() < deadline, log.read_text()[-2000:]
                time.sleep(0.3)
            yield settings
        finally:
            broker.kill()
            broker.wait()
            keys.shutdown()
