"""The connection by which notebooks are executed: jupyter_client's, but it misses no answer."""

from __future__ import annotations

from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.manager import AsyncKernelManager
from traitlets import Type

OUTPUT_SECONDS = 30  # how long outputs may go on arriving after a cell has ended


class _OneWayChannel(AsyncZMQSocketChannel):  # type: ignore[misc]
    """Sends by the same way by which answers are awaited.

    jupyter_client sends by another view of the socket, which takes its sign that an answer has come. Whoever
    waits then waits for ever: about one in twenty cells that update an Output widget, for which nbclient sends.
    """

    def send(self, msg: dict[str, Any]) -> None:
        """Send a message without buffers; what cannot be sent at once is sent as soon as it can be."""
        assert self.socket is not None
        self.socket.send_multipart(self.session.serialize(msg))


class RunnerKernelClient(AsyncKernelClient):  # type: ignore[misc]
    """Has such a channel."""

    shell_channel_class = Type(_OneWayChannel)


class RunnerKernelManager(AsyncKernelManager):  # type: ignore[misc]
    """Makes such clients."""

    client_factory = Type(RunnerKernelClient)
