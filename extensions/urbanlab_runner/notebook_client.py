"""Executes a notebook whose kernel may send anything, and as much as it likes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.channels import AsyncZMQSocketChannel
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from traitlets import Type
from zmq.utils.monitor import recv_monitor_message

from urbanlab_runner.kernel_client import OUTPUT_SECONDS, RunnerKernelClient, RunnerKernelManager

KERNEL_NAME = "urbanlab"
MAX_OUTPUT_BYTES = 20_000_000  # all that the kernel sends while it runs
MAX_STREAM_CHARACTERS = 200_000  # what is kept of what one cell prints
_DEATH_SECONDS = 0.5
CUT = {
    "de": "\n… gekürzt: die Zelle hat noch mehr ausgegeben.\n",
    "en": "\n… cut: the cell has printed more than this.\n",
}


class OutputLimitError(Exception):
    """The kernel has sent more than a page may hold."""


class _CountedChannel(AsyncZMQSocketChannel):  # type: ignore[misc]
    """Counts the bytes that arrive, whatever they are."""

    received = 0

    async def _recv(self, **kwargs: Any) -> dict[str, Any]:
        assert self.socket is not None
        frames = await self.socket.recv_multipart(**kwargs)
        self.received += sum(map(len, frames))
        if self.received > MAX_OUTPUT_BYTES:
            raise OutputLimitError
        _, message = self.session.feed_identities(frames)
        return dict(self.session.deserialize(message))


class _LimitedKernelClient(RunnerKernelClient):
    """Takes no message that is larger than all outputs may be together; sending one ends the connection."""

    iopub_channel_class = Type(_CountedChannel)

    def _context_default(self) -> zmq.asyncio.Context:
        self._created_context = True
        context = zmq.asyncio.Context()
        # A default of the sockets: it must hold before they connect.
        context.setsockopt(zmq.MAXMSGSIZE, MAX_OUTPUT_BYTES)
        return context


class PageKernelManager(RunnerKernelManager):
    """Makes such clients."""

    client_factory = Type(_LimitedKernelClient)


class PageClient(NotebookClient):  # type: ignore[misc]
    """Executes cell by cell, and tells `on_cell` the place of each before it begins."""

    def __init__(
        self, notebook: NotebookNode, socket: str, language: str, on_cell: Callable[[int], None]
    ) -> None:
        # Over TCP anybody on the machine could listen.
        manager = PageKernelManager(kernel_name=KERNEL_NAME, transport="ipc", ip=socket)
        super().__init__(
            notebook,
            km=manager,
            timeout=None,  # the server ends the run when its time is up
            store_widget_state=True,
            coalesce_streams=True,
            force_raise_errors=True,
            iopub_timeout=OUTPUT_SECONDS,
            raise_on_iopub_timeout=True,
        )
        self.owns_km = True
        self._cut_mark = CUT.get(language, CUT["en"])
        self._on_cell = on_cell
        self._kept: Counter[tuple[int, str]] = Counter()
        self._is_excessive = False

    async def execute_all(self, last: NotebookNode, **start: Any) -> None:
        """Execute the notebook's cells and then `last`, which may fail; `start` is for starting the kernel.

        Raises `OutputLimitError`, `DeadKernelError`, and nbclient's errors where a cell fails.
        """
        self.reset_execution_trackers()
        async with self.async_setup_kernel(**start):
            watch = asyncio.create_task(self._watch_connection())
            try:
                for place, cell in enumerate(self.nb.cells):
                    self._on_cell(place)
                    await self._execute(cell, place)
                await self._execute_last(last)
            finally:
                watch.cancel()
            self.set_widgets_metadata()

    async def _execute(self, cell: NotebookNode, place: int) -> None:
        try:
            await self.async_execute_cell(cell, place)
        except DeadKernelError:
            if self._is_excessive:
                raise OutputLimitError from None
            raise

    async def _execute_last(self, cell: NotebookNode) -> None:
        self.nb.cells.append(cell)
        try:
            await self._execute(cell, len(self.nb.cells) - 1)
        finally:
            self.nb.cells.pop()

    async def _watch_connection(self) -> None:
        """End the run when the connection of outputs breaks while the kernel lives: something is missing then."""
        assert self.kc is not None
        monitor = self.kc.iopub_channel.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        await recv_monitor_message(monitor)
        await asyncio.sleep(_DEATH_SECONDS)
        if await self.kc.is_alive():
            self._end_for_excess()

    def _end_for_excess(self) -> None:
        self._is_excessive = True
        if self.task_poll_for_reply is not None:
            self.task_poll_for_reply.cancel()

    async def _async_poll_output_msg(self, parent_msg_id: str, cell: NotebookNode, cell_index: int) -> None:
        try:
            await super()._async_poll_output_msg(parent_msg_id, cell, cell_index)
        except OutputLimitError:
            self._end_for_excess()

    def output(
        self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int
    ) -> NotebookNode | None:
        """Keep an output; of what a cell prints, only the beginning."""
        if msg["msg_type"] == "stream":
            text = self._cut((cell_index, msg["content"]["name"]), msg["content"]["text"])
            if not text:
                return None
            msg["content"]["text"] = text
        return super().output(outs, msg, display_id, cell_index)

    def _cut(self, stream: tuple[int, str], text: str) -> str:
        room = MAX_STREAM_CHARACTERS - self._kept[stream]
        self._kept[stream] += len(text)
        if len(text) <= room:
            return text
        return text[:room] + self._cut_mark if room >= 0 else ""
