"""Whose credentials no longer count: what they run is cancelled, and what they show is refused."""

from __future__ import annotations

import json
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from urbanlab_services.warehouse.credentials import MAX_LIFETIME, Identity
from urbanlab_services.warehouse.errors import AUTHENTICATION_FAILED, BAD_REQUEST, WarehouseError
from urbanlab_services.warehouse.running import Advancing, CutError, Running, Work

# Who revokes may name a moment that is not over yet: until then somebody may still be given a credential by one
# who has not heard of it.
MAX_AHEAD = 60


class RevokedError(CutError):
    """The credential has been revoked, before the statement or during it."""

    def __init__(self) -> None:
        super().__init__(AUTHENTICATION_FAILED, "The credential has been revoked; log in again")


@dataclass(frozen=True)
class Revocation:
    """Credentials of a hub user that were issued until `before`, in seconds of the epoch, do not count."""

    hub_user: str
    before: float


class Revocations:
    """Remembers a revocation for as long as there can be credentials that it concerns."""

    def __init__(self, running: Running, clock: Callable[[], float] = time.time) -> None:
        """End what is `running` when its credential is revoked."""
        self._running = running
        self._clock = clock
        self._moments: dict[str, float] = {}

    def revoke(self, revocation: Revocation) -> int:
        """Refuse what the hub user was issued until then; return how many statements were cancelled."""
        self._forget_old()
        before = math.floor(min(revocation.before, self._clock() + MAX_AHEAD))
        moment = max(before, self._moments.get(revocation.hub_user, 0))
        self._moments[revocation.hub_user] = moment

        def is_meant(work: Work) -> bool:
            return work.identity.subject == revocation.hub_user and work.identity.issued_at <= moment

        return self._running.cut(is_meant, RevokedError)

    def check(self, identity: Identity) -> None:
        """Raise `RevokedError` for somebody whose credential does not count any more."""
        # Credentials say when they were issued in whole seconds; both sides are cut off in the same way.
        if identity.issued_at <= self._moments.get(identity.subject, -1):
            raise RevokedError

    @asynccontextmanager
    async def working(
        self,
        identity: Identity,
        tables: Iterable[str] = (),
        query_id: str = "",
        answer: Advancing | None = None,
    ) -> AsyncIterator[None]:
        """Let a block run that reads these tables until it ends or is cut; raise `CutError` in it then."""
        self.check(identity)
        async with self._running.working(identity, tables, query_id, answer):
            yield

    def __len__(self) -> int:
        """Return how many hub users' revocations are remembered."""
        return len(self._moments)

    def _forget_old(self) -> None:
        # The gateway lets credentials be five seconds late; a minute is plenty.
        oldest = self._clock() - MAX_LIFETIME - 60
        self._moments = {user: moment for user, moment in self._moments.items() if moment > oldest}


def parse_revocation(body: bytes) -> Revocation:
    """Return what the hub has sent; raise `WarehouseError` for anything else."""
    try:
        values = json.loads(body)
        hub_user, before = values["hub_user"], float(values["before"])
        if not isinstance(hub_user, str) or "@" not in hub_user or not math.isfinite(before):
            raise ValueError(hub_user)
    except (ValueError, KeyError, TypeError):
        raise WarehouseError(BAD_REQUEST, 'Send {"hub_user": "PERSON@TENANT", "before": SECONDS}') from None
    return Revocation(hub_user, before)
