"""Work beside a service's web server: neither outlives the other."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from urbanlab_services.background import run_until_stop


async def test_work_that_dies_ends_the_service_and_the_other_work() -> None:
    ended: list[str] = []

    async def die() -> None:
        await asyncio.sleep(0)
        raise LookupError("nobody caught this")

    async def go_on() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("other")

    with pytest.raises(LookupError, match="nobody caught this"):
        await run_until_stop(go_on(), die())
    assert ended == ["other"]


async def test_work_ends_when_the_process_is_asked_to() -> None:
    ended: list[str] = []

    async def ask_to_end() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    await run_until_stop(ask_to_end())
    assert ended == ["work"]
