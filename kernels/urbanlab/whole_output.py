"""Everything that a kernel says arrives: whoever listens slowly makes it wait instead of losing something.

ZeroMQ drops what a listener has not taken when 1,000 messages wait for it, and also the one that says that a cell
has ended: a loop of outputs, or 400 widgets, on a busy machine.
"""

from __future__ import annotations

from typing import Any

import zmq


def keep_output_whole(application: Any) -> None:
    """Let the thread for output wait for its listeners; what is said meanwhile waits in this process."""
    thread = application.iopub_thread
    # By the thread itself, whose socket it is.
    thread.io_loop.add_callback(thread.socket.setsockopt, zmq.XPUB_NODROP, 1)
