"""The runner's part of interactive views: prepare a session, follow it, end it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from urbanlab.contract.live import SEAT
from urbanlab_services.publisher.runner_client import RunnerClient, RunnerGoneError

_PAUSE_SECONDS = 0.1


class LiveRunner(RunnerClient):
    """Talks to the runner servers as `RunnerClient` does."""

    async def prepare(self, tenant: str, task: dict[str, Any], is_spare: bool = False) -> tuple[str, str]:
        """Begin a session, starting the tenant's runner where it does not run; return its address and the id.

        There is no ticket for a spare before it is handed out.

        Raises `RunnerGoneError`.
        """
        base = await self._start(tenant)
        answer = await self._fetch("POST", f"{base}live", json.dumps({**task, "spare": is_spare}).encode())
        if answer.code != 202:
            raise RunnerGoneError(f"the runner answered {answer.code}")
        return base, str(json.loads(answer.body)["id"])

    async def wait(self, base: str, session_id: str) -> tuple[str, str]:
        """Return ticket and key once the session is ready; raise `RunnerGoneError` where it never will be."""
        model = await self._follow(base, session_id)
        ticket, key = str(model["ticket"]), str(model["key"])
        if not (SEAT.fullmatch(ticket) and SEAT.fullmatch(key)):
            raise RunnerGoneError("the session has no ticket")
        return ticket, key

    async def wait_ahead(self, base: str, session_id: str) -> None:
        """Return once a spare is ready; raise `RunnerGoneError` where it never will be."""
        await self._follow(base, session_id)

    async def hand_out(self, base: str, session_id: str) -> None:
        """Make a spare a visitor's session, ready or not; raise `RunnerGoneError` where it has ended."""
        answer = await self._fetch("POST", f"{base}live/{session_id}", b"")
        if answer.code != 204:
            raise RunnerGoneError(f"the runner answered {answer.code}")

    async def _follow(self, base: str, session_id: str) -> dict[str, Any]:
        while True:
            answer = await self._fetch("GET", f"{base}live/{session_id}")
            model: dict[str, Any] = (
                json.loads(answer.body) if answer.code == 200 else {"state": f"answer {answer.code}"}
            )
            if model["state"] == "ready":
                return model
            if model["state"] != "preparing":
                raise RunnerGoneError(f"the session is {model['state']}")
            await asyncio.sleep(_PAUSE_SECONDS)

    async def end(self, base: str, session_id: str) -> None:
        """End a session; a runner that is away has ended it already."""
        with suppress(RunnerGoneError):
            await self._fetch("DELETE", f"{base}live/{session_id}")
