"""JupyterHub's single-user server as a runner: it goes on knowing its hub when no process shows the token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from urbanlab.contract import environment

from ...kafka_broker import get_free_port, wait_until  # noqa: TID252

PREFIX = "/user/publications@town/"
SCOPE = "access:servers!server=publications@town/"
HUB_TOKEN = "hub-token-of-this-server"


@pytest.fixture
def hub() -> Iterator[Any]:
    """Start a program that answers like the hub and notes what it is asked."""

    class Hub(BaseHTTPRequestHandler):
        asked: list[tuple[str, str | None]] = []  # noqa: RUF012 - shared by all requests

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.asked.append((self.path, self.headers.get("Authorization")))
            identity = {"kind": "service", "name": "publisher", "scopes": [SCOPE], "session_id": None}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({**identity, "groups": [], "admin": False, "version": "6"}).encode())

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def _make_environ(hub: Any, home: Path, port: int) -> dict[str, str]:
    api = f"http://127.0.0.1:{hub.server_port}/hub/api"
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "JUPYTER_RUNTIME_DIR": str(home),
        "JUPYTERHUB_API_TOKEN": HUB_TOKEN,
        "JUPYTERHUB_API_URL": api,
        "JUPYTERHUB_ACTIVITY_URL": f"{api}/activity",
        "JUPYTERHUB_ACTIVITY_INTERVAL": "1",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": "client",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps([SCOPE]),
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}{PREFIX}",
        "JUPYTERHUB_USER": "publications@town",
        environment.PERSON: "publications",
    }


def _fetch_status(url: str) -> int:
    try:
        with urlopen(Request(url, headers={"Authorization": "token of-the-publisher"}), timeout=5) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except OSError:
        return 0


def _read_environ(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except PermissionError:  # hidden, it shows its environment to root alone
        return b""


def test_a_server_keeps_its_token_to_itself_and_goes_on_using_it(hub: Any, tmp_path: Path) -> None:
    port, asked = get_free_port(), hub.RequestHandlerClass.asked
    command = (sys.executable, "-P", "-m", "urbanlab_lab", "--allow-root")
    with (tmp_path / "log").open("wb") as log:
        environ = _make_environ(hub, tmp_path, port)
        process = subprocess.Popen(command, env=environ, cwd=tmp_path, stdout=log, stderr=log)
    try:
        page = f"http://127.0.0.1:{port}{PREFIX}urbanlab/runner/pages/00"
        wait_until(lambda: _fetch_status(page) == 404, 30, "the server knows whom to let in")
        assert ("/hub/api/user", "token of-the-publisher") in asked
        asked.clear()
        activity = ("/hub/api/activity", f"token {HUB_TOKEN}")
        wait_until(lambda: activity in asked, 10, "the server reports to the hub")
        assert HUB_TOKEN.encode() not in _read_environ(process.pid)
    finally:
        process.terminate()
        process.wait(20)
