"""The sockets of a kernel, for one browser."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from jupyter_client.session import DELIM

from urbanlab_runner.notebook_client import PageKernelManager

GREETING_SECONDS = 2.0
_SIGNED_PARTS = 4


class Bridge:
    """Carries the raw parts of messages: header, parent, metadata, content and buffers."""

    def __init__(self, manager: PageKernelManager) -> None:
        self._client = manager.client()
        self._client.start_channels(  # noqa: S604 - a channel of that name
            shell=True, iopub=True, stdin=False, hb=False, control=False
        )
        self._sockets = {
            "shell": self._client.shell_channel.socket,
            "iopub": self._client.iopub_channel.socket,
        }

    async def wait_until_heard(self) -> None:
        """Return once what the kernel says arrives; it greets whoever listens anew."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.receive("iopub"), GREETING_SECONDS)

    async def send(self, parts: list[bytes]) -> None:
        """Send a message to the kernel."""
        signature = self._client.session.sign(parts[:_SIGNED_PARTS])
        await self._sockets["shell"].send_multipart([DELIM, signature, *parts])

    async def receive(self, channel: str) -> list[bytes]:
        """Wait for the next message of a channel."""
        frames: list[bytes] = await self._sockets[channel].recv_multipart()
        parts: Any = self._client.session.feed_identities(frames)[1]
        return [bytes(part) for part in parts[1:]]

    def close(self) -> None:
        """Close the sockets."""
        self._client.stop_channels()
