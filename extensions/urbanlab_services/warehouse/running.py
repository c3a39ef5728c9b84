"""The statements that run now, so that those which may not go on can be ended from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.errors import SAME_ID_IS_RUNNING, WarehouseError
from urbanlab_services.warehouse.wire import Outcome


class CutError(WarehouseError):
    """A statement was ended from outside. Whoever ran it is not waited for: they may take nothing on purpose."""


class Advancing(Protocol):
    """What knows how far its statement is."""

    @property
    def progress(self) -> Outcome:
        """How far."""


@dataclass(eq=False)
class Work:
    """A statement that runs: whose it is and what it reads."""

    identity: Identity
    tables: frozenset[str]
    task: asyncio.Task[object]
    query_id: str = ""
    answer: Advancing | None = None
    error: CutError | None = field(default=None)


class Running:
    """Knows each statement from its beginning to its end."""

    def __init__(self) -> None:
        self._work: set[Work] = set()

    @asynccontextmanager
    async def working(
        self,
        identity: Identity,
        tables: Iterable[str] = (),
        query_id: str = "",
        answer: Advancing | None = None,
    ) -> AsyncIterator[None]:
        """Let a block run until it ends or is cut, which raises the `CutError` in it."""
        task = asyncio.current_task()
        assert task is not None
        work = Work(identity, frozenset(tables), task, query_id, answer)
        self._work.add(work)
        try:
            yield
        except asyncio.CancelledError:
            # Where nobody else has cancelled it too, only this block ends.
            if work.error is not None and task.uncancel() == 0:
                raise work.error from None
            raise
        finally:
            self._work.discard(work)

    def find(self, identity: Identity, query_id: str) -> Work | None:
        """Return what an account runs under this id, if it does."""
        return next(
            (work for work in self._work if work.query_id == query_id and work.identity == identity), None
        )

    def check_id(self, identity: Identity, query_id: str) -> None:
        """Raise `WarehouseError` if the account runs something under this id already."""
        if self.find(identity, query_id):
            raise WarehouseError(SAME_ID_IS_RUNNING, f"You run a query with the id {query_id} already")

    def cut(self, is_meant: Callable[[Work], bool], make_error: Callable[[], CutError]) -> int:
        """End what is meant, each with an error of its own; return how many statements that were."""
        meant = [work for work in self._work if work.error is None and is_meant(work)]
        for work in meant:
            work.error = make_error()
            work.task.cancel()
        return len(meant)
