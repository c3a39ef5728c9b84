"""Which messages pass between a visitor's browser and a kernel: those of widgets, and nothing that runs code."""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)

PROTOCOL = "v1.kernel.websocket.jupyter.org"
_CONTROL_TARGET = "jupyter.widget.control"  # by which a page asks for the state of the widgets on it
_TO_KERNEL = frozenset({"comm_msg", "comm_info_request", "comm_open", "kernel_info_request", "comm_close"})
_HIDDEN = frozenset({"execute_input"})
_MAX_OFFSETS = 64
_PARTS = 4  # header, parent, metadata, content; buffers follow


def read_from_browser(content: bytes | str) -> list[bytes] | None:
    """Return the parts of a message that may reach the kernel, or None for every other."""
    # What it says about itself is looked at first: the reader below believes any number of parts.
    if not isinstance(content, bytes) or int.from_bytes(content[:8], "little") > _MAX_OFFSETS:
        return None
    try:
        channel, parts = deserialize_msg_from_ws_v1(content)
        if channel != "shell" or len(parts) < _PARTS or sum(map(len, parts)) > len(content):
            return None
        kind = json.loads(parts[0])["msg_type"]
        if kind not in _TO_KERNEL:
            return None
        # A page opens one comm, of a fixed kind; what else a kernel could open is the notebook's affair.
        if kind == "comm_open" and json.loads(parts[3])["target_name"] != _CONTROL_TARGET:
            return None
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return None
    return [bytes(part) for part in parts]


def is_use(parts: list[bytes]) -> bool:
    """Return whether a message shows that somebody is there: they have moved or typed something."""
    return bool(json.loads(parts[0])["msg_type"] == "comm_msg")


def write_to_browser(parts: list[bytes], channel: str) -> bytes | None:
    """Return a message of the kernel for the browser, or None where it is not for visitors.

    `parts` are header, parent, metadata, content and buffers. An error loses whatever shows code.
    """
    try:
        kind = json.loads(parts[0])["msg_type"]
        if kind in _HIDDEN:
            return None
        if kind == "error":
            parts = [*parts[:3], json.dumps(_ERROR).encode(), *parts[4:]]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return None
    packed: bytes = serialize_msg_to_ws_v1(parts, channel)
    return packed


_ERROR: dict[str, Any] = {
    "ename": "Error",
    "evalue": "",
    "traceback": ["Das hat nicht geklappt. / This did not work."],
}
