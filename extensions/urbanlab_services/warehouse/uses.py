"""How much released data is used: for each view and day the queries and the rows they read, and nobody's name."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from urbanlab.contract.naming import FOREIGN_MARK, OPEN_DATABASE, SHARED_PREFIX, make_lab_database
from urbanlab.contract.records import Tenant
from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.inventory import list_views
from urbanlab_services.warehouse.lineage import Lineage
from urbanlab_services.warehouse.wire import Job, Outcome

ROLE = "operator"
KEPT_DAYS = 400
_COLUMNS = "view TEXT, day TEXT, queries INTEGER, rows INTEGER, PRIMARY KEY (view, day)"
_ADD = (
    "INSERT INTO uses VALUES (?, ?, ?, ?) ON CONFLICT (view, day) "
    "DO UPDATE SET queries = queries + excluded.queries, rows = rows + excluded.rows"
)


class Uses:
    """Counts in memory, and keeps the counts on disk a few seconds later."""

    def __init__(
        self,
        path: Path,
        engine: EngineClient,
        tenants: Callable[[], Mapping[str, Tenant]],
        lineage: Lineage,
    ) -> None:
        self._path = path
        self._engine = engine
        self._tenants = tenants
        self._lineage = lineage
        self._queries: Counter[tuple[str, str]] = Counter()  # table and day
        self._rows: Counter[tuple[str, str]] = Counter()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(self._connect()) as connection, connection:
            connection.execute(f"CREATE TABLE IF NOT EXISTS uses ({_COLUMNS})")
        path.chmod(0o600)

    def note(self, identity: Identity, job: Job, outcome: Outcome) -> None:
        """Count what one of a tenant's people or service users has read; a view that was made reads nothing yet."""
        if not identity.tenant or job.kind == "show" or not (job.kind == "read" or outcome.read_rows):
            return
        lab = make_lab_database(identity.tenant)
        day = datetime.now(UTC).date().isoformat()
        for table in job.tables:
            database = table.partition(".")[0]
            # A view of the workshop may read what is shared; that is looked up when the counts are kept.
            if database in (OPEN_DATABASE, lab) or database.startswith(SHARED_PREFIX):
                self._queries[table, day] += 1
                self._rows[table, day] += outcome.read_rows

    async def keep(self) -> None:
        """Write the counts down; what cannot be written now is there the next time."""
        if not self._queries:
            return
        queries, rows = self._queries, self._rows
        self._queries, self._rows = Counter(), Counter()
        try:
            views = await self._list_views(queries)
            lines = [
                (name, day, count, rows[table, day])
                for (table, day), count in queries.items()
                for name in await self._lineage.find_sources([table], views)
                if name.startswith((f"{OPEN_DATABASE}.", SHARED_PREFIX))
            ]
            await asyncio.to_thread(self._add, lines)
        except BaseException:
            self._queries.update(queries)
            self._rows.update(rows)
            raise

    def list_uses(self, owner: str, since: str) -> list[dict[str, Any]]:
        """Return the counts of what an owner lets others read since a day, the newest first."""
        text = "SELECT view, day, queries, rows FROM uses WHERE day >= ? ORDER BY day DESC, view"
        with closing(self._connect()) as connection:
            found = connection.execute(text, (since,)).fetchall()
        mark = f".{owner}{FOREIGN_MARK}"
        return [
            {"view": view, "day": day, "queries": queries, "rows": rows}
            for view, day, queries, rows in found
            if mark in view
        ]

    async def _list_views(self, tables: Iterable[tuple[str, str]]) -> dict[str, str]:
        databases = {table.partition(".")[0] for table, _ in tables}
        labs = databases & {make_lab_database(tenant) for tenant in self._tenants()}
        return await list_views(self._engine, ROLE, labs)

    def _add(self, lines: list[tuple[str, str, int, int]]) -> None:
        with closing(self._connect()) as connection, connection:
            connection.executemany(_ADD, lines)
            connection.execute("DELETE FROM uses WHERE day < date('now', ?)", (f"-{KEPT_DAYS} days",))

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=5)
