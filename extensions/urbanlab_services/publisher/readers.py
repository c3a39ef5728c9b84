"""What the portal tells about readers: numbers by page and day, and what they write; nothing about who they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from urbanlab.contract.readers import Count, Counts, Report
from urbanlab_services.publisher.publications import now, to_text

KEEP_COUNTS = timedelta(days=800)
KEEP_OPEN, KEEP_DONE = timedelta(days=365), timedelta(days=90)  # of what readers write
KEEP_SEEN = timedelta(days=30)  # of the ids of what has been counted
MAX_REPORTS = 500
_METADATA = MetaData()
_COUNTS = Table(
    "reader_counts",
    _METADATA,
    *(Column(name, String, primary_key=True) for name in ("tenant", "slug", "day", "kind")),
    Column("number", Integer, nullable=False),
)
_SEEN = Table(
    "reader_counts_seen",
    _METADATA,
    Column("id", String, primary_key=True),
    Column("at", String, nullable=False),
)
_REPORTS = Table(
    "reader_reports",
    _METADATA,
    *(Column("id", String, primary_key=True), Column("version", Integer, nullable=False)),
    *(
        Column(name, String, nullable=False)
        for name in ("tenant", "slug", "language", "at", "text", "answer_to")
    ),
    *(Column(name, String, nullable=False) for name in ("done_by", "done_at")),
)


@dataclass(frozen=True)
class KeptReport:
    """What a reader wrote; `done_by` is the hub user who dealt with it, empty for a new one."""

    id: str
    tenant: str
    slug: str
    version: int
    language: str
    at: str
    text: str
    answer_to: str
    done_by: str
    done_at: str


class Readers:
    """The numbers and reports of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        _METADATA.create_all(engine)

    def add_counts(self, counts: Counts, pages: Iterable[tuple[str, str]]) -> None:
        """Add numbers to what is known of these pages (tenant, slug); the same counts twice count once."""
        known = set(pages)
        today = datetime.now(UTC).date()
        with self._engine.begin() as connection:
            seen = insert(_SEEN).values(id=counts.id, at=now()).on_conflict_do_nothing()
            if connection.execute(seen).rowcount == 0:
                return
            for count in counts.counts:
                if (count.tenant, count.slug) in known and _is_near(count, today):
                    row = insert(_COUNTS).values(**vars(count))
                    total = {"number": _COUNTS.c.number + row.excluded.number}
                    keys = [_COUNTS.c.tenant, _COUNTS.c.slug, _COUNTS.c.day, _COUNTS.c.kind]
                    connection.execute(row.on_conflict_do_update(index_elements=keys, set_=total))

    def add_report(self, report: Report) -> None:
        """Keep what a reader wrote; the same report twice is kept once."""
        with self._engine.begin() as connection:
            row = insert(_REPORTS).values(**vars(report), done_by="", done_at="")
            connection.execute(row.on_conflict_do_nothing())

    def list_reports(self, tenant: str) -> list[KeptReport]:
        """Return what readers of a tenant's pages wrote, new ones first, the newest of them first."""
        column = _REPORTS.c
        query = select(_REPORTS).where(column.tenant == tenant)
        order = (column.done_at != "", column.at.desc())
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(*order).limit(MAX_REPORTS)).mappings()
            return [KeptReport(**row) for row in rows]

    def settle(self, tenant: str, report_id: str, hub_user: str) -> KeptReport | None:
        """Say that somebody dealt with a new report, and return it; None where there is no such one."""
        column = _REPORTS.c
        found = next((each for each in self.list_reports(tenant) if each.id == report_id), None)
        if found is None or found.done_by:
            return None
        with self._engine.begin() as connection:
            change = update(_REPORTS).where(column.id == report_id)
            connection.execute(change.values(done_by=hub_user, done_at=now()))
        return found

    def sum_up(self, tenant: str, since: str) -> dict[str, dict[str, int]]:
        """Return for each page of a tenant the numbers by kind from a day on: slug -> kind -> number."""
        column = _COUNTS.c
        query = (
            select(column.slug, column.kind, func.sum(column.number))
            .where(column.tenant == tenant, column.day >= since)
            .group_by(column.slug, column.kind)
        )
        return self._gather(query)

    def list_days(self, tenant: str, slug: str, since: str) -> dict[str, dict[str, int]]:
        """Return the numbers of a page by day, the newest first: day -> kind -> number."""
        column = _COUNTS.c
        query = select(column.day, column.kind, column.number).where(
            column.tenant == tenant, column.slug == slug, column.day >= since
        )
        return self._gather(query.order_by(column.day.desc()))

    def tidy(self) -> None:
        """Forget what has been kept for long enough."""
        moment = datetime.now(UTC)
        reports = _REPORTS.c
        doomed = (
            (_COUNTS, _COUNTS.c.day < (moment - KEEP_COUNTS).date().isoformat()),
            (_SEEN, _SEEN.c.at < to_text(moment - KEEP_SEEN)),
            (_REPORTS, (reports.done_at != "") & (reports.done_at < to_text(moment - KEEP_DONE))),
            (_REPORTS, reports.at < to_text(moment - KEEP_OPEN)),
        )
        with self._engine.begin() as connection:
            for table, condition in doomed:
                connection.execute(delete(table).where(condition))

    def delete_tenant(self, tenant: str) -> None:
        """Forget the readers of a tenant's pages."""
        with self._engine.begin() as connection:
            for table in (_COUNTS, _REPORTS):
                connection.execute(delete(table).where(table.c.tenant == tenant))

    def _gather(self, query: Any) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        with self._engine.connect() as connection:
            for name, kind, number in connection.execute(query):
                found.setdefault(name, {})[kind] = int(number)
        return found


def _is_near(count: Count, today: date) -> bool:
    """Return whether a count is of a day that the portal can have counted."""
    return timedelta(days=-2) <= today - date.fromisoformat(count.day) <= timedelta(days=60)
