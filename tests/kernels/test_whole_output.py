"""Of what a kernel says nothing is lost, however late somebody listens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty

import pytest

from .test_kernel import Kernel

NUMBER = 4000  # more than ZeroMQ keeps at both ends


@pytest.fixture
def kernel(environ: dict[str, str]) -> Iterator[Kernel]:
    kernel = Kernel(environ)
    yield kernel
    kernel.stop()


def test_a_loop_of_outputs_arrives_whole_although_nobody_listens_meanwhile(kernel: Kernel) -> None:
    sent = kernel.client.execute(f"for number in range({NUMBER}): display(number)")
    # It comes at once or, as the kernel waits for its listener, not yet.
    with suppress(Empty):
        kernel.client.get_shell_msg(timeout=2)
    kinds: Counter[str] = Counter()
    while not kinds["idle"]:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") == sent:
            kinds[message["content"].get("execution_state", message["msg_type"])] += 1
    assert kinds["display_data"] == NUMBER
    assert "still here" in kernel.run("print('still here')")
