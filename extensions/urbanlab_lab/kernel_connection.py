"""The connection of a browser to a kernel; where a kernel was killed, it says why in the cell that ran."""

from __future__ import annotations

import json
import os
import resource
import signal
from typing import Any

from jupyter_client.session import DELIM
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from urbanlab.contract.environment import LANGUAGE

_MB = 2**20
TEXTS = {
    "de": "Der Kernel wurde vom System beendet. Alles, was Sie zugleich laufen lassen, darf zusammen höchstens "
    "{limit} MB Speicher belegen; vermutlich war es mehr. Die Variablen sind verloren.",
    "en": "The system ended the kernel. Everything that you run at the same time may take no more than {limit} MB "
    "of memory together; probably it was more. The variables are lost.",
}


class UrbanKernelConnection(ZMQChannelsWebsocketConnection):  # type: ignore[misc]
    """Remembers which cell runs."""

    running: dict[str, Any] | None = None

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
        """Pass a message of the kernel on."""
        if getattr(stream, "channel", stream) == "iopub" and bytes(outgoing_msg[0]).endswith(b".status"):
            self.running = find_running(outgoing_msg, self.running)
        super().handle_outgoing_message(stream, outgoing_msg)

    def on_kernel_restarted(self) -> None:
        """Tell the browser that the kernel begins anew, and before that why."""
        if self.running and was_killed(self.kernel_manager):
            self.write_stderr(make_text(os.environ.get(LANGUAGE, "")), self.running)
        self.running = None
        super().on_kernel_restarted()


def find_running(frames: list[Any], before: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the header of the request that a kernel begins to work at, None where it has done `before`."""
    parts = [bytes(frame) for frame in frames]
    try:
        _, parent, _, content = parts[parts.index(DELIM) + 2 :][:4]
        header, state = json.loads(parent), json.loads(content)
        if header["msg_type"] != "execute_request":
            return before
        return dict(header) if state["execution_state"] == "busy" else None
    except (ValueError, KeyError, TypeError):  # code in the kernel may send anything
        return before


def was_killed(manager: Any) -> bool:
    """Return whether the kernel's process was killed, as the system does where memory is short."""
    process = getattr(manager.provisioner, "process", None)
    return process is not None and process.returncode == -signal.SIGKILL


def make_text(language: str) -> str:
    """Return what is said; the limit of one process is that of all together."""
    limit = resource.getrlimit(resource.RLIMIT_DATA)[0] // _MB
    return TEXTS.get(language, TEXTS["en"]).format(limit=limit)
