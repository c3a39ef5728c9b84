"""Runs an admitted statement at the engine and hands its rows to the client."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Protocol

from prometheus_client import Counter, Histogram

from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.engine_client import ATTEMPTS, EngineClient
from urbanlab_services.warehouse.errors import WarehouseError, make_unavailable, make_uncertain
from urbanlab_services.warehouse.exchange import EngineLostError
from urbanlab_services.warehouse.wire import FrameReader, Job, Outcome

logger = logging.getLogger(__name__)

STATEMENTS = Counter("urbanlab_warehouse_statements", "Statements that ended", ["kind", "outcome"])
SECONDS = Histogram("urbanlab_warehouse_statement_seconds", "Duration of statements", ["kind"])
_READING = ("read", "show")


class Taker(Protocol):
    """Where rows go."""

    is_begun: bool

    async def write(self, rows: bytes) -> None:
        """Take rows."""

    async def finish(self, outcome: Outcome) -> None:
        """Take the end."""

    def begin(self, reader: FrameReader) -> None:
        """Begin, or begin anew while nothing has reached the client; `reader` tells how far the statement is."""


async def execute(
    engine: EngineClient, identity: Identity, job: Job, rows: AsyncIterator[bytes], taker: Taker
) -> Outcome:
    """Run `job` for `identity` and return what it did; raise `WarehouseError` for what keeps it from its end."""
    started, code = time.monotonic(), "ok"
    try:
        outcome = await _run(engine, job, rows, taker)
        await taker.finish(outcome)
        return outcome
    except WarehouseError as error:
        code = error.code
        raise
    except BaseException:
        code = "gone"
        raise
    finally:
        seconds = time.monotonic() - started
        STATEMENTS.labels(job.kind, code).inc()
        SECONDS.labels(job.kind).observe(seconds)
        fields = {"who": identity.subject, "tenant": identity.tenant, "kind": job.kind, "outcome": code}
        logger.info("statement", extra={**fields, "ms": round(1000 * seconds, 1)})


async def _run(engine: EngineClient, job: Job, rows: AsyncIterator[bytes], taker: Taker) -> Outcome:
    source = rows if job.kind == "insert" or job.externals else None
    for attempt in range(1, ATTEMPTS + 1):
        outcomes: list[Outcome] = []
        reader = FrameReader()
        taker.begin(reader)
        try:
            async with aclosing(engine.run(job, outcomes, source, reader)) as answer:
                async for piece in answer:
                    await taker.write(piece)
            return outcomes[0]
        except EngineLostError:
            if job.kind not in _READING:
                raise make_uncertain() from None
            if taker.is_begun or attempt == ATTEMPTS or source is not None:
                raise make_unavailable() from None
    raise make_unavailable()
