"""What the gateway asks of whatever executes statements; `embedded.py` and `cluster.py` are the two that do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from urbanlab.contract.records import Tenant
from urbanlab_services.warehouse import wire
from urbanlab_services.warehouse.errors import make_unavailable
from urbanlab_services.warehouse.exchange import EngineLostError

ATTEMPTS = 3  # of a query that the engine was lost with before anything reached the client


@dataclass(frozen=True)
class Parsed:
    """A statement as the engine reads it; the tree is empty for kinds that it cannot take apart."""

    text: str
    tree: dict[str, Any]


class EngineClient(ABC):
    """An engine: it reads statements, runs jobs, and has a role for each kind of access."""

    @abstractmethod
    async def parse(self, text: str) -> Parsed:
        """Return how the engine reads `text`; raise `WarehouseError` for what is no single statement."""

    @abstractmethod
    async def end_sessions(self, names: Iterable[str]) -> None:
        """End sessions that clients have kept."""

    @abstractmethod
    async def reopen(self) -> bool:
        """Let the engine take the roles of the tenants' records; return whether there was a difference."""

    @abstractmethod
    async def has_roles_of(self, tenants: Iterable[Tenant]) -> bool:
        """Whether the engine's roles are those of `tenants` already."""

    @abstractmethod
    async def find_problem(self) -> str:
        """Return why the engine cannot work now, or nothing."""

    @abstractmethod
    def run(
        self,
        job: wire.Job,
        outcomes: list[wire.Outcome],
        source: AsyncIterator[bytes] | None = None,
        reader: wire.FrameReader | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield the rows that a statement answers (none of them when there is a new progress), and put what it did
        into `outcomes` at its end.

        `source` gives the rows of external tables and of an insert; `reader` tells meanwhile how far the
        statement is. Raises `WarehouseError` for what the engine refuses, and `EngineLostError` when it went
        away in between. Whoever stops iterating cancels the statement.
        """

    async def collect(self, job: wire.Job) -> bytes:
        """Return all that a small statement answers; one that only reads is asked again if the engine was lost.

        Raises `WarehouseError` where it was lost each time: the statement may be what ends it.
        """
        for _ in range(ATTEMPTS):
            try:
                return b"".join([piece async for piece in self.run(job, [])])
            except EngineLostError:
                if job.kind not in ("read", "show"):
                    raise
        raise make_unavailable()
