"""One run: a process that reads its task from stdin, executes the notebook, and writes the failure to stdout.

Stdin stays open for as long as the server lives: its end tells this process to end itself and its kernel.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import DeadKernelError
from papermill import execute_notebook
from papermill.exceptions import PapermillException, PapermillExecutionError
from traitlets.config import Config

from urbanlab_runner.kernel_client import OUTPUT_SECONDS, RunnerKernelManager

KERNEL_NAME = "urbanlab"
MAX_TASK_BYTES = 1_000_000


def main() -> None:
    """Run the task."""
    signal.signal(signal.SIGTERM, _end)
    task = json.loads(sys.stdin.readline(MAX_TASK_BYTES))
    threading.Thread(target=_end_with_server, daemon=True).start()
    # Whatever libraries print must not mix with the answer.
    answer, sys.stdout = sys.stdout, sys.stderr
    json.dump(execute(task), answer)


def execute(task: dict[str, Any]) -> dict[str, Any]:
    """Execute the notebook; return the error, or an empty dictionary. The output is kept in either case."""
    if not is_notebook(Path(task["source"])):
        return {"error": "the file is no notebook that can be read"}
    # The kernel's sockets lie in the account's own folder; over TCP anybody on the machine could listen.
    sockets = Config({"KernelManager": {"transport": "ipc", "ip": task["socket"]}})
    try:
        execute_notebook(
            task["source"],
            task["output"],
            parameters=task["parameters"],
            kernel_name=KERNEL_NAME,
            progress_bar=False,
            config=sockets,
            kernel_manager_class=RunnerKernelManager,
            iopub_timeout=OUTPUT_SECONDS,
        )
    except PapermillExecutionError as error:
        return {"error": f"{error.ename}: {error.evalue}"}
    except DeadKernelError:
        return {"error": "the kernel ended by itself; it may have used more memory than it is given"}
    except (PapermillException, NoSuchKernel, RuntimeError) as error:
        return {"error": f"the notebook could not be run: {error}"}
    return {}


def is_notebook(path: Path) -> bool:
    """Return whether a file is a valid notebook."""
    try:
        nbformat.validate(nbformat.read(path, as_version=4))
    # What is JSON, but no notebook, makes nbformat fail in all these ways.
    except (ValueError, nbformat.ValidationError, AttributeError, KeyError, TypeError):
        return False
    return True


def _end(number: int, frame: object) -> NoReturn:
    # An exception unwinds papermill, which then shuts its kernel down.
    raise SystemExit(128 + number)


def _end_with_server() -> None:
    # Not by `sys.stdin`: its lock, held by a waiting thread, breaks the interpreter's end.
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
