"""Whose credentials no longer count: what they run is cancelled, and what they show is refused."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from urbanlab_services.warehouse.credentials import MAX_LIFETIME, Identity
from urbanlab_services.warehouse.errors import AUTHENTICATION_FAILED, BAD_REQUEST, WarehouseError

# Who revokes may name a moment that is not over yet: until then somebody may still be given a credential by one
# who has not heard of it.
MAX_AHEAD = 60


class RevokedError(WarehouseError):
    """The credential has been revoked, before the statement or during it."""

    def __init__(self) -> None:
        super().__init__(AUTHENTICATION_FAILED, "The credential has been revoked; log in again")


@dataclass(frozen=True)
class Revocation:
    """Credentials of a hub user that were issued until `before`, in seconds of the epoch, do not count."""

    hub_user: str
    before: float


@dataclass(eq=False)
class _Work:
    issued_at: float
    task: asyncio.Task[object]
    is_revoked: bool = False


class Revocations:
    """Remembers a revocation for as long as there can be credentials that it concerns."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._moments: dict[str, float] = {}
        self._work: defaultdict[str, set[_Work]] = defaultdict(set)

    def revoke(self, revocation: Revocation) -> int:
        """Refuse what the hub user was issued until then; return how many statements were cancelled."""
        self._forget_old()
        before = math.floor(min(revocation.before, self._clock() + MAX_AHEAD))
        moment = max(before, self._moments.get(revocation.hub_user, 0))
        self._moments[revocation.hub_user] = moment
        cancelled = [work for work in self._work.get(revocation.hub_user, ()) if work.issued_at <= moment]
        for work in cancelled:
            work.is_revoked = True
            work.task.cancel()
        return len(cancelled)

    def check(self, identity: Identity) -> None:
        """Raise `RevokedError` for somebody whose credential does not count any more."""
        # Credentials say when they were issued in whole seconds; both sides are cut off in the same way.
        if identity.issued_at <= self._moments.get(identity.subject, -1):
            raise RevokedError

    @asynccontextmanager
    async def working(self, identity: Identity) -> AsyncIterator[None]:
        """Let a block run until it ends or its credential is revoked, which raises `RevokedError` in it."""
        self.check(identity)
        task = asyncio.current_task()
        assert task is not None
        work = _Work(identity.issued_at, task)
        self._work[identity.subject].add(work)
        try:
            yield
        except asyncio.CancelledError:
            # Where nobody else has cancelled it too, only this block ends.
            if work.is_revoked and task.uncancel() == 0:
                raise RevokedError from None
            raise
        finally:
            self._work[identity.subject].discard(work)
            if not self._work[identity.subject]:
                del self._work[identity.subject]

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
