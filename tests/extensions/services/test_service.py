"""What every service shares, seen at a real process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from urbanlab.contract import environment
from urbanlab_services.service import ServiceSettings, ServiceSettingsError

PROGRAM = Path(__file__).with_name("small_service.py")


class SmallService:
    """The program beside this file."""

    def __init__(self, folder: Path, port: str) -> None:
        self.log = folder / "log"
        self.port = port
        keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        ours = {environment.PORT: port, environment.SECRETS: str(folder)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, PROGRAM], env={**keep, **ours}, stderr=log)

    def get(self, path: str) -> tuple[int, dict[str, str], str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, dict(answer.headers), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read().decode()

    def get_json(self, path: str) -> tuple[int, Any]:
        status, _, text = self.get(path)
        return status, json.loads(text)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def wait_until_listening(self) -> None:
        deadline = time.monotonic() + 20
        while "listening" not in self.log.read_text():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)


@pytest.fixture
def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture
def service(tmp_path: Path, free_port: str) -> Iterator[SmallService]:
    (tmp_path / "key").write_text("secret")
    started = SmallService(tmp_path, free_port)
    started.wait_until_listening()
    yield started
    started.process.kill()
    started.process.wait()


def test_health_says_what_is_missing(service: SmallService) -> None:
    assert service.get_json("/livez") == (200, {"status": "alive"})
    assert service.get_json("/readyz") == (200, {"status": "ready"})
    service.get("/part/away")
    missing = {"oven": "The oven is cold."}
    assert service.get_json("/readyz") == (503, {"status": "not ready", "missing": missing})
    assert service.get_json("/livez")[0] == 200
    service.get("/part/back")
    assert service.get_json("/readyz")[0] == 200


def test_metrics_are_those_of_the_process(service: SmallService) -> None:
    status, headers, text = service.get("/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain")
    assert "process_resident_memory_bytes" in text


def test_errors_are_json_and_only_known_ones_speak(service: SmallService) -> None:
    known = {"code": "tired", "message": "Come back later."}
    status, headers, text = service.get("/fail/known")
    assert (status, json.loads(text), headers["Retry-After"]) == (429, {"error": known}, "7")
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert "Server" not in headers
    unknown = {"code": "internal_server_error", "message": "Internal Server Error"}
    assert service.get_json("/fail/unknown") == (500, {"error": unknown})
    nothing = {"code": "not_found", "message": "There is nothing at this address."}
    assert service.get_json("/nothing") == (404, {"error": nothing})


def test_each_request_is_a_line_of_json_without_its_query(service: SmallService) -> None:
    service.get("/fail/unknown?token=abcdef")
    service.get("/fail/known?token=abcdef")
    service.get("/livez?token=abcdef")
    requests = [line for line in service.lines() if line["message"] == "request"]
    assert [(line["path"], line["status"], line["level"]) for line in requests] == [
        ("/fail/unknown", 500, "warning"),
        ("/fail/known", 429, "info"),
    ]
    assert {line["service"] for line in service.lines()} == {"small"}
    assert "abcdef" not in service.log.read_text()
    failed = [line for line in service.lines() if line["message"] == "request failed"]
    assert len(failed) == 1 and "RuntimeError" in failed[0]["traceback"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_request_ends_before_the_service_does(service: SmallService, number: int) -> None:
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(service.get_json, "/slow")
        while service.get_json("/readyz")[0] == 200:
            time.sleep(0.02)
        service.process.send_signal(number)
        assert slow.result() == (200, {"done": "Straße"})
    assert service.process.wait(5) == 0


def test_a_service_that_cannot_start_says_why_in_one_line(service: SmallService, tmp_path: Path) -> None:
    folder = tmp_path / "second"
    folder.mkdir()
    reasons = []
    for port in (service.port, service.port, "many", ""):
        second = SmallService(folder, port)
        assert second.process.wait(20) == 1
        reasons += [line["error"] for line in second.lines()]
        (folder / "key").write_text("secret")
    assert reasons == [
        "the service small cannot read its secret key: No such file or directory",
        f"the service small cannot listen at 127.0.0.1:{service.port}: Address already in use",
        "URBANLAB_PORT is 'many': it must be a port number",
        "the service small needs URBANLAB_PORT in its environment",
    ]


def test_settings_are_read_from_the_variables_of_the_contract() -> None:
    environ = {environment.PORT: "9", environment.HUB_API_URL: "http://hub/api/", environment.BIND: "::1"}
    settings = ServiceSettings.from_environ("small", (environment.PORT,), environ)
    assert (settings.port, settings.hub_api_url, settings.bind) == (9, "http://hub/api", "::1")


@pytest.mark.parametrize("port", ["-1", "65536", "8000 ", "1e3"])
def test_a_port_is_a_port(port: str) -> None:
    with pytest.raises(ServiceSettingsError, match="port number"):
        ServiceSettings.from_environ("small", (), {environment.PORT: port})
