"""What a kernel's forked processes print: carried over a socket in the kernel's own folder.

ipykernel carries it over a TCP port, which a kernel may not listen at. Its thread for output is given another way
in and out; what it does with what arrives stays as it is.
"""

from __future__ import annotations

from typing import Any

import zmq
from zmq.eventloop.zmqstream import ZMQStream

SUFFIX = "-c"  # beside the sockets of the channels, which end with a number: addresses may not be much longer
SEND_MS = 3000


def carry_child_output(application: Any) -> None:
    """Let what forked processes print come by a socket; a kernel that is reached over TCP stays as it is."""
    if getattr(application, "transport", "") == "ipc":
        thread, address = application.iopub_thread, f"ipc://{application.ip}{SUFFIX}"
        thread.io_loop.add_callback(_listen, thread, address)


def _listen(thread: Any, address: str) -> None:
    """Replace the way in; this runs in the thread, whose sockets are its own."""
    former = getattr(thread, "_pipe_in", None)
    if former is not None:
        former.close()
    socket = thread.socket.context.socket(zmq.PULL)
    socket.linger = 0
    socket.bind(address)
    thread._pipe_in = ZMQStream(socket, thread.io_loop)
    thread._pipe_in.on_recv(thread._handle_pipe_msg)

    def connect() -> tuple[zmq.Context[Any], zmq.Socket[bytes]]:
        # A forked process cannot use the context of the one that it was forked from.
        context = zmq.Context()
        way_out = context.socket(zmq.PUSH)
        way_out.linger = SEND_MS
        way_out.connect(address)
        return context, way_out

    thread._setup_pipe_out = connect
    thread._pipe_flag = True
