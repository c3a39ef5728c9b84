"""Which messages reach a kernel, which reach a visitor, and when a session ends."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)

from urbanlab_runner.live.messages import read_from_browser, write_to_browser
from urbanlab_runner.live.sessions import Limits, Session, TooManySessionsError, find_displaced

CONTROL = {"target_name": "jupyter.widget.control"}


def _make(kind: str, content: Any, channel: str = "shell") -> bytes:
    parts = [json.dumps(part).encode() for part in ({"msg_type": kind}, {}, {}, content)]
    return bytes(serialize_msg_to_ws_v1(parts, channel))


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        (_make("comm_msg", {"comm_id": "1", "data": {}}), True),
        (_make("comm_open", CONTROL), True),
        (_make("comm_info_request", {}), True),
        (_make("kernel_info_request", {}), True),
        (_make("comm_open", {"target_name": "jupyter.widget"}), False),
        (_make("comm_open", []), False),
        (_make("comm_msg", {}, "control"), False),
        (_make("comm_msg", {}, "stdin"), False),
        (_make("execute_request", {"code": "1"}), False),
        (_make("complete_request", {}), False),
        (_make("inspect_request", {}), False),
        (_make("history_request", {}), False),
        (_make("interrupt_request", {}, "control"), False),
        (_make("shutdown_request", {}, "control"), False),
        (_make("input_reply", {}, "stdin"), False),
        (b"", False),
        (b"\xff" * 100, False),
        ((2**40).to_bytes(8, "little") + b"\0" * 100, False),
        ('{"channel": "shell", "header": {"msg_type": "comm_msg"}}', False),
    ],
)
def test_only_messages_of_widgets_reach_the_kernel(message: bytes | str, passes: bool) -> None:
    assert (read_from_browser(message) is not None) == passes


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: (6).to_bytes(8, "little") + tail))
def test_whatever_a_browser_sends_is_read_or_refused(content: bytes) -> None:
    parts = read_from_browser(content)
    assert parts is None or sum(map(len, parts)) <= len(content)


def test_a_visitor_sees_neither_code_nor_tracebacks() -> None:
    def parts(kind: str, content: Any) -> list[bytes]:
        return [json.dumps(part).encode() for part in ({"msg_type": kind}, {}, {}, content)]

    assert write_to_browser(parts("execute_input", {"code": "secret"}), "iopub") is None
    error = write_to_browser(
        parts("error", {"ename": "E", "evalue": "/home", "traceback": ["secret"]}), "iopub"
    )
    assert error is not None
    assert b"secret" not in error
    assert b"/home" not in error
    stream = write_to_browser(parts("stream", {"name": "stdout", "text": "5"}), "iopub")
    assert stream is not None
    assert json.loads(deserialize_msg_from_ws_v1(stream)[1][3])["text"] == "5"


@pytest.mark.parametrize(
    ("age", "changed", "used", "is_connected", "reason"),
    [
        (10, 10, None, False, ""),  # ready, its page is being fetched
        (40, 31, None, False, "left"),  # nobody ever came
        (100, 29, 29, False, ""),  # the connection broke a moment ago
        (100, 31, 31, False, "left"),
        (700, 700, 599, True, ""),
        (700, 700, 601, True, "idle"),
        (1801, 1, 1, True, "over"),
    ],
)
def test_a_session_ends_when_left_idle_or_over(
    age: float, changed: float, used: float | None, is_connected: bool, reason: str
) -> None:
    now = time.monotonic()
    session = Session("town/page", kernel=None, began_at=now - age, changed_at=now - changed)  # type: ignore[arg-type]
    session.used_at = 0.0 if used is None else now - used
    session.connection = object() if is_connected else None  # type: ignore[assignment]
    assert session.find_end(Limits()) == reason


@pytest.mark.parametrize(("age", "changed", "reason"), [(700, 600, ""), (700, 601, "left"), (1900, 10, "")])
def test_a_spare_waits_ten_minutes(age: float, changed: float, reason: str) -> None:
    now = time.monotonic()
    session = Session(
        "town/page", kernel=None, is_spare=True, began_at=now - age, changed_at=now - changed + 0.5
    )  # type: ignore[arg-type]
    assert session.find_end(Limits()) == reason


@pytest.mark.parametrize(
    ("living", "is_spare", "displaced"),
    [
        ("vs", False, None),
        ("vvs", False, 2),
        ("svs", False, 0),
        ("vvs", True, "none"),
        ("vvv", False, "none"),
    ],
)
def test_a_visitor_takes_the_place_of_a_spare(
    living: str, is_spare: bool, displaced: int | str | None
) -> None:
    sessions = [Session("town/page", kernel=None, is_spare=kind == "s") for kind in living]  # type: ignore[arg-type]
    if displaced == "none":
        with pytest.raises(TooManySessionsError):
            find_displaced(sessions, 3, is_spare)
    else:
        found = find_displaced(sessions, 3, is_spare)
        assert found is (sessions[displaced] if isinstance(displaced, int) else None)
