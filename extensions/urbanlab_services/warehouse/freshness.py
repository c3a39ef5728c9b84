"""How much a table holds, from when to when, and when it was last written: the engine is asked now and then."""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.errors import WarehouseError
from urbanlab_services.warehouse.inventory import ask, quote_name
from urbanlab_services.warehouse.wire import Job

ROLE = "operator"
KEPT_SECONDS = 60.0  # for which a count of a view is good enough
FORGOTTEN_AFTER = 10 * KEPT_SECONDS
PATIENCE_SECONDS = 5.0  # with all that one list has to count


@dataclass(frozen=True)
class State:
    """What there is; instants are ISO 8601 in UTC, empty where nobody can say."""

    rows: int | None = None
    first: str = ""
    last: str = ""
    modified: str = ""


@dataclass(frozen=True)
class Wanted:
    """What to look at: the column of time, and the table that a view shows whole, if it shows one."""

    time: str = ""
    base: str = ""
    is_feed: bool = False  # parted by its time: the engine knows first and last without reading


class Freshness:
    """Asks the engine's lists first, and reads only where they do not tell."""

    def __init__(self, engine: EngineClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._counted: dict[tuple[str, str], tuple[float, State]] = {}
        # A role's slow views keep nobody else waiting.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def find(self, wanted: Mapping[str, Wanted], role: str) -> dict[str, State]:
        """Return the state of each table or view, named with its database; what is read is read as `role`.

        What cannot be counted before patience is over is told as it was last, or not at all.
        """
        self._forget()
        deadline = self._clock() + PATIENCE_SECONDS
        names = {*wanted, *(each.base for each in wanted.values() if each.base)}
        parts = await self._list_parts({name.partition(".")[0] for name in names})
        return {name: await self._find(name, each, parts, role, deadline) for name, each in wanted.items()}

    async def list_modified(self, names: Iterable[str]) -> dict[str, str]:
        """Return when tables were last written, as far as the engine's lists tell; nothing is read."""
        wanted = set(names)
        parts = await self._list_parts({name.partition(".")[0] for name in wanted})
        return {name: parts[name].modified for name in wanted & parts.keys() if parts[name].modified}

    def _forget(self) -> None:
        oldest = self._clock() - FORGOTTEN_AFTER
        self._counted = {key: each for key, each in self._counted.items() if each[0] > oldest}

    async def _find(
        self, name: str, wanted: Wanted, parts: Mapping[str, State], role: str, deadline: float
    ) -> State:
        known = parts.get(wanted.base or name)
        if known is None:
            return await self._count(name, wanted.time, role, deadline)
        if not wanted.time:
            return State(known.rows, modified=known.modified)
        if wanted.is_feed:
            return known
        counted = await self._count(name, wanted.time, role, deadline)
        return State(known.rows, counted.first, counted.last, known.modified)

    async def _list_parts(self, databases: Iterable[str]) -> dict[str, State]:
        # Names come from `urbanlab.contract.naming`, which lets no quote through.
        quoted = ", ".join(f"'{name}'" for name in sorted(databases))
        if not quoted:
            return {}
        columns = (
            "t.database, t.name, sum(p.rows), toUnixTimestamp(minIf(p.min_time, p.rows > 0)), "
            "toUnixTimestamp(maxIf(p.max_time, p.rows > 0)), toUnixTimestamp(max(p.modification_time))"
        )
        tables = f"SELECT database, name FROM system.tables WHERE as_select = '' AND database IN ({quoted})"  # noqa: S608
        parts = f"SELECT * FROM system.parts WHERE active AND database IN ({quoted})"  # noqa: S608
        rows = await ask(
            self._engine,
            ROLE,
            f"SELECT {columns} FROM ({tables}) AS t LEFT JOIN ({parts}) AS p "  # noqa: S608 - checked names
            "ON p.database = t.database AND p.table = t.name GROUP BY 1, 2",
        )
        return {
            f"{database}.{name}": State(int(count), *map(_to_instant, (first, last, modified)))
            for database, name, count, first, last, modified in rows
        }

    async def _count(self, name: str, time_column: str, role: str, deadline: float) -> State:
        # One after the other, so that many who ask at once count once; as the reader, because a view of a workshop
        # does what its author wrote.
        async with self._turns[role]:
            counted_at, state = self._counted.get((role, name), (float("-inf"), State()))
            left = deadline - self._clock()
            if self._clock() - counted_at >= KEPT_SECONDS and left > 0:
                state = await self._read(name, time_column, role, math.ceil(left))
                self._counted[role, name] = (self._clock(), state)
            return state

    async def _read(self, name: str, time_column: str, role: str, seconds: int) -> State:
        database, _, table = name.partition(".")
        columns = [
            "count()",
            *(f"toUnixTimestamp({end}({quote_name(time_column)}))" for end in ("min", "max")),
        ]
        asked = ", ".join(columns if time_column else columns[:1])
        text = f"SELECT {asked} FROM {quote_name(database)}.{quote_name(table)}"  # noqa: S608 - quoted
        limits = {"max_execution_time": str(seconds)}
        try:
            answer = await self._engine.collect(Job(role, text, "read", "TabSeparated", settings=limits))
            count, *ends = answer.decode().split()
            return State(int(count), *(map(_to_instant, ends) if int(count) else ()))
        except (WarehouseError, ValueError):
            return State()  # too large to be counted for a list, or broken


def _to_instant(seconds: object) -> str:
    """Return what people read; the engine's zero is no moment."""
    count = int(str(seconds)) if str(seconds).lstrip("-").isdigit() else 0
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(count)) if count > 0 else ""
