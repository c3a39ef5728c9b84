"""Why a kernel ended: told in the cell that ran, by a real server to a real connection."""

from __future__ import annotations

import json
import signal
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import websocket
from jupyter_client.session import DELIM

from urbanlab.contract import environment
from urbanlab_lab.kernel_connection import find_running, make_text, was_killed

REQUEST = {"msg_id": "1", "msg_type": "execute_request"}


def _make_frames(parent: Any, content: Any) -> list[bytes]:
    parts = [json.dumps(part).encode() for part in ({"msg_type": "status"}, parent, {}, content)]
    return [b"kernel.1.status", DELIM, b"signature", *parts]


@pytest.mark.parametrize(
    ("parent", "content", "running"),
    [
        (REQUEST, {"execution_state": "busy"}, REQUEST),
        (REQUEST, {"execution_state": "idle"}, None),
        ({"msg_type": "kernel_info_request"}, {"execution_state": "busy"}, "before"),
        ({"msg_type": "kernel_info_request"}, {"execution_state": "idle"}, "before"),
        ([], {"execution_state": "busy"}, "before"),
        (REQUEST, [], "before"),
        (REQUEST, {}, "before"),
    ],
)
def test_the_cell_that_runs_is_known_whatever_a_kernel_sends(parent: Any, content: Any, running: Any) -> None:
    before: Any = "before"
    assert find_running(_make_frames(parent, content), before) == running
    assert find_running([b"no message"], before) == "before"


def test_only_a_killed_kernel_was_killed() -> None:
    def manage(process: Any) -> Any:
        return SimpleNamespace(provisioner=SimpleNamespace(process=process))

    codes = {-signal.SIGKILL: True, -signal.SIGSEGV: False, 0: False, 1: False, None: False}
    assert {code: was_killed(manage(SimpleNamespace(returncode=code))) for code in codes} == codes
    assert not was_killed(manage(None))


def test_people_read_it_in_their_language() -> None:
    assert "Speicher" in make_text("de") and "memory" in make_text("en")
    assert make_text("xx") == make_text("en")


@pytest.mark.parametrize(("number", "said"), [(signal.SIGKILL, True), (signal.SIGSEGV, False)])
def test_whoever_ran_the_cell_is_told(start_jupyter: Callable[..., Any], number: int, said: bool) -> None:
    server = start_jupyter(**{environment.LANGUAGE: "en"})
    kernel = server.fetch_json("/api/kernels", {"name": "urbanlab"})[1]["id"]
    address = f"ws://127.0.0.1:{server.port}/api/kernels/{kernel}/channels?token={server.token}"
    channel = websocket.create_connection(address, timeout=30)
    request = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "version": "5.4"}
    content = {"code": f"import os; print('begun'); os.kill(os.getpid(), {int(number)})", "silent": False}
    message = {"header": {**request, "session": "1", "date": ""}, "parent_header": {}, "metadata": {}}
    channel.send(json.dumps({**message, "content": content, "channel": "shell", "buffers": []}))
    told = []
    while (answer := json.loads(channel.recv()))["content"].get("execution_state") != "restarting":
        if answer["msg_type"] == "stream" and answer["content"]["name"] == "stderr":
            told.append((answer["parent_header"].get("msg_id"), "more than" in answer["content"]["text"]))
    assert told == ([(request["msg_id"], True)] if said else [])
    channel.close()
    assert psutil.pid_exists(server.process.pid)
