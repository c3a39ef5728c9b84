"""What forked processes print reaches the notebook, also where a kernel may listen at no port."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from urbanlab.contract.records import Quotas
from urbanlab_hub import landlock
from urbanlab_hub.confinement import Confinement

from .test_kernel import Kernel

FORKS = """
import multiprocessing, os, subprocess
def show(number):
    print(f"<child {number}>", flush=True)
    return number
with multiprocessing.Pool(2) as pool:
    print(pool.map(show, range(3)))
if os.fork() == 0:
    print("<forked>", flush=True); os._exit(0)
os.wait()
subprocess.run(["echo", "<program>"])
"""


class ConfinedKernel(Kernel):
    """A kernel that is confined as one that a user's server starts."""

    def start(self) -> None:
        log = Path(self.folder.name) / "log"
        with Confinement(Quotas(), None, log, ruleset=landlock.make_ruleset(1)) as confinement:
            self.manager.start_kernel(env=self.environ, preexec_fn=confinement)
        self.connect()


@pytest.fixture
def kernel(environ: dict[str, str]) -> Iterator[Kernel]:
    kernel = ConfinedKernel(environ)
    yield kernel
    kernel.stop()


def test_all_that_a_kernel_starts_prints_into_the_notebook(kernel: Kernel) -> None:
    shown = kernel.run(FORKS).replace("\n", "")
    marks = ("<child 0>", "<child 1>", "<child 2>", "<forked>", "<program>", "[0, 1, 2]")
    assert [mark for mark in marks if mark not in shown] == []
    assert "still here" in kernel.run("print('still here')")


def test_a_kernel_listens_at_no_port_and_says_nothing_of_it(kernel: Kernel) -> None:
    pid = int(kernel.run("import os; print(os.getpid())"))
    listeners = [
        each for each in psutil.Process(pid).net_connections("inet") if each.status == psutil.CONN_LISTEN
    ]
    assert listeners == []
    assert "bind IOPub" not in (Path(kernel.folder.name) / "log").read_text()


def test_no_other_account_can_write_into_a_notebook(kernel: Kernel) -> None:
    folder = Path(kernel.folder.name)
    sockets = [path for path in folder.iterdir() if path.is_socket()]
    assert [path.name for path in sockets if path.name.endswith("-c")] == ["kernel-c"]
    assert json.loads((folder / "kernel.json").read_text())["transport"] == "ipc"
    assert folder.stat().st_mode & 0o077 == 0
    assert folder.stat().st_uid == os.geteuid()
