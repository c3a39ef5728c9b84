"""The engine on this machine: chDB in a process of its own, over its socket, with patience while it restarts."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tornado.iostream import IOStream

from urbanlab.contract.records import Tenant, tenant_to_dict
from urbanlab_services.warehouse import wire
from urbanlab_services.warehouse.engine_client import EngineClient, Parsed
from urbanlab_services.warehouse.errors import from_engine, make_unavailable
from urbanlab_services.warehouse.exchange import CHUNK_BYTES, EngineLostError, exchanging
from urbanlab_services.warehouse.policy import read_tree

PATIENCE_SECONDS = 10.0  # while nothing answers at the socket
PAUSE_SECONDS = 0.1


class EmbeddedEngine(EngineClient):
    """One connection for each request: making one costs less than a tenth of a millisecond."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def parse(self, text: str) -> Parsed:
        """Return how the engine reads `text`; raise `WarehouseError` for what is no single statement."""
        answer = await self._post_json("/parse", text.encode())
        if "error" in answer:
            raise from_engine(answer["error"])
        return Parsed(answer["text"], read_tree(answer["tree"]))

    async def end_sessions(self, names: Iterable[str]) -> None:
        """End sessions that clients have kept."""
        await self._post_json("/sessions/end", json.dumps(list(names)).encode())

    async def reopen(self) -> bool:
        """Let the engine take the roles of the tenants' records; return whether there was a difference."""
        return bool((await self._post_json("/reopen", b""))["changed"])

    async def has_roles_of(self, tenants: Iterable[Tenant]) -> bool:
        """Whether the engine's roles are those of `tenants` already."""
        body = json.dumps([tenant_to_dict(tenant) for tenant in tenants]).encode()
        return not (await self._post_json("/reopen?dry_run=1", body))["changed"]

    async def find_problem(self) -> str:
        """Return why the engine cannot work now, or nothing."""
        try:
            stream = await self._connect_once()
        except OSError:
            return "does not answer"
        async with exchanging(stream, "GET", "/readyz", b"") as exchange:
            with suppress(EngineLostError, ValueError):
                answer = json.loads(await exchange.read_all())
                return "; ".join(answer.get("missing", {}).values())
        return "does not answer"

    async def run(
        self,
        job: wire.Job,
        outcomes: list[wire.Outcome],
        source: AsyncIterator[bytes] | None = None,
        reader: wire.FrameReader | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield the rows that a statement answers; see `EngineClient.run`."""
        stream = await self._connect()
        body = wire.encode_job(job)
        reader = reader or wire.FrameReader()
        async with exchanging(stream, "POST", "/run", body if source is None else None) as exchange:
            if source is not None:
                await exchange.send(body)
                async for piece in source:
                    await exchange.send(piece)
                await exchange.connection.finish_writing()
            async for piece in exchange.pieces():
                known = reader.progress
                for rows in reader.feed(piece):
                    yield rows
                if reader.progress is not known:
                    yield b""
            if reader.error is not None:
                raise from_engine(reader.error, job.text)
            if reader.outcome is None:
                raise EngineLostError
            outcomes.append(reader.outcome)

    async def _post_json(self, path: str, body: bytes) -> dict[str, Any]:
        """Ask what changes nothing by being asked twice."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            stream = await self._connect()
            with suppress(EngineLostError):
                async with exchanging(stream, "POST", path, body) as exchange:
                    return dict(json.loads(await exchange.read_all()))
            if time.monotonic() > deadline:
                raise make_unavailable()

    async def _connect(self) -> IOStream:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await self._connect_once()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise make_unavailable() from error
                await asyncio.sleep(PAUSE_SECONDS)

    async def _connect_once(self) -> IOStream:
        stream = IOStream(socket.socket(socket.AF_UNIX), read_chunk_size=CHUNK_BYTES)
        try:
            # StreamClosedError is an OSError too.
            return await stream.connect(str(self._path))
        except BaseException:
            stream.close()
            raise
