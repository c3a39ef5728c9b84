"""A part is asked as its users ask, and what it lacks is said as it says it."""

from __future__ import annotations

import dataclasses
import http.server
import json
import socketserver
import threading
from collections.abc import Iterator

import pytest

from urbanlab_hub.settings import Settings
from urbanlab_operate.local.programs import list_names
from urbanlab_operate.local.readiness import _PROBES, find_problem

ANSWERS = {
    "ready": (200, b"{}"),
    "missing": (503, json.dumps({"missing": {"kafka": "does not answer"}}).encode()),
    "odd": (500, b"<html>"),
    "list": (503, b"[]"),
}


@pytest.fixture
def service(settings: Settings) -> Iterator[Settings]:
    """Settings whose tokens service answers; how is said by `answer`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = ANSWERS[server.answer]  # type: ignore[attr-defined]
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made = dataclasses.replace(settings, tokens_port=server.server_port)
        object.__setattr__(made, "server", server)
        yield made
        server.shutdown()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("ready", None),
        ("missing", "is not ready: kafka: does not answer"),
        ("odd", "is not ready: it answers 500"),
        ("list", "is not ready: it answers 503"),
    ],
)
def test_a_service_says_what_it_lacks(service: Settings, answer: str, problem: str | None) -> None:
    service.server.answer = answer  # type: ignore[attr-defined]
    assert find_problem(service, "tokens") == problem


def test_silence_is_a_problem_of_every_part_and_never_an_error(settings: Settings) -> None:
    settings.master_secrets.mkdir(parents=True)
    for name in ("proxy-api-token", "kafka-broker"):
        (settings.master_secrets / name).write_text("x")
    for name in ("keycloak", "engine", "warehouse", "proxy", "hub", "tokens", "ingest", "simulator"):
        assert find_problem(settings, name) == "does not answer"
    assert _PROBES.keys() >= set(list_names(settings))


def test_a_port_that_is_open_but_silent_is_not_ready(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urbanlab_operate.local.readiness.TIMEOUT", 0.3)
    silent = threading.Event()

    class Silent(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            silent.wait(5)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        assert find_problem(dataclasses.replace(settings, ingest_port=port), "ingest") == "does not answer"
        silent.set()
        server.shutdown()
