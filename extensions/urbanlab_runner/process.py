"""The process of a run, seen from the server: it is handed a task, followed, and ended when its time is up."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

END_SECONDS = 10.0


async def execute_task(task: dict[str, Any], time_limit: float, environ: Mapping[str, str] | None) -> str:
    """Execute a notebook in a process of its own, in `environ`; return the error, or an empty text."""
    command = (sys.executable, "-P", "-m", "urbanlab_runner.execute")
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, env=environ)
    try:
        answer = await asyncio.wait_for(_follow(process, task), time_limit)
    except TimeoutError:
        return f"the run was still going on after {time_limit:g} s and was ended"
    finally:
        await _end(process)
    if process.returncode != 0:
        return f"the run's process ended with {process.returncode}"
    return str(json.loads(answer).get("error", ""))


async def _follow(process: Process, task: dict[str, Any]) -> bytes:
    assert process.stdin is not None and process.stdout is not None
    # One that ended at once tells by its exit status.
    with suppress(ConnectionError):
        process.stdin.write(json.dumps(task).encode() + b"\n")
        await process.stdin.drain()
    answer = await process.stdout.read()
    await process.wait()
    return answer


async def _end(process: Process) -> None:
    """Return once the process has ended; it ends its kernel when it is asked to end."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        except TimeoutError:
            # A kernel ends by itself once its parent has.
            process.kill()
            await process.wait()
