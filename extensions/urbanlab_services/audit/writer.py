"""The one writer: takes entries in, answers questions, and forgets what is to be forgotten.

All of it runs in one thread, whose turn the caller sees to.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client import Counter

from urbanlab.contract import audit
from urbanlab.contract.audit import Entry, make_entry
from urbanlab.contract.records import Tenant
from urbanlab_services.audit.chain import Body
from urbanlab_services.audit.index import Index, Question
from urbanlab_services.audit.log import Draft, Log, to_moment
from urbanlab_services.audit.people import People
from urbanlab_services.audit.places import INDEX, LOG, PEOPLE, WRITER
from urbanlab_services.audit.retention import expire
from urbanlab_services.audit.schemas import RefusedEntryError, check_entry
from urbanlab_services.audit.views import make_body, make_view

logger = logging.getLogger(__name__)

WRITTEN = Counter("urbanlab_audit_entries", "Entries written to the audit log", ["event"])
REFUSED = Counter("urbanlab_audit_refused", "Entries that did not fit their schema", ["source"])
EXPORT_LIMIT = 100_000
KEEP_DAYS = Tenant.audit_days  # of what belongs to no tenant, or to one that was removed


class Writer:
    """The log with its people and its index, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Open everything; raise `DamagedError` where the log is not as it was left."""
        with ExitStack() as opened:
            self.log = opened.enter_context(closing(Log(folder / LOG)))
            self.people = opened.enter_context(closing(People(folder / PEOPLE)))
            self.index = Index(folder / INDEX, self.log)
            opened.pop_all()
        if self.log.moved_bytes:
            logger.warning(
                "moved aside what stood behind the last line", extra={"bytes": self.log.moved_bytes}
            )
            self._note(audit.LOG_REPAIRED, "", bytes=self.log.moved_bytes)

    def close(self) -> None:
        """Let go of all files."""
        for part in (self.index, self.people, self.log):
            part.close()

    def take(self, source: str, entries: list[Entry]) -> dict[str, str]:
        """Write entries; return the ids of those that do not fit, each with the reason.

        The others are in the log when this returns, each once, however often it was sent; they are all not in
        it where this raises `OSError` or `DamagedError`.
        """
        # Without it, what was written just before a failure would be written again.
        self.index.catch_up(self.log)
        fitting: dict[str, Entry] = {}
        refused: dict[str, str] = {}
        for entry in entries:
            try:
                check_entry(source, entry)
            except RefusedEntryError as error:
                refused[entry.id] = str(error)
                REFUSED.labels(source).inc()
                logger.warning("an entry was refused", extra={"source": source, "reason": str(error)})
            else:
                if not self.index.has(source, entry.id):
                    fitting.setdefault(entry.id, entry)
        self._write([(source, entry, make_body(entry, self.people)) for entry in fitting.values()])
        return refused

    def find(self, question: Question) -> list[dict[str, Any]]:
        """Return the entries asked for, the newest first."""
        self.index.catch_up(self.log)
        return [make_view(self.log.read(place), self.people) for place in self.index.find(question)]

    def export(self, hub_user: str) -> list[dict[str, Any]]:
        """Return all entries in which somebody is named, and write down that they were handed out."""
        pseudonym = self.people.find_pseudonym(hub_user)
        found: list[dict[str, Any]] = []
        if pseudonym is not None:
            found = self.find(Question(None, audit.EVENTS, pseudonym=pseudonym, limit=EXPORT_LIMIT))
            tenant = hub_user.rpartition("@")[2]
            self._note(audit.PERSON_EXPORTED, tenant, person=hub_user, count=len(found))
        return found

    def erase(self, hub_user: str) -> bool:
        """Make somebody unrecognisable in all that was written; return whether anything was."""
        pseudonym = self.people.find_pseudonym(hub_user)
        if pseudonym is None:
            return False
        self.people.erase(hub_user)
        self._note(audit.PERSON_ERASED, hub_user.rpartition("@")[2], pseudonym=pseudonym)
        return True

    def expire(self, tenants: Mapping[str, Tenant], now: datetime | None = None) -> int:
        """Take away what is older than its tenant keeps, and who was named only there; return how many entries."""
        self.index.catch_up(self.log)
        now = now or datetime.now(UTC)
        over: list[tuple[str, int]] = []
        for tenant in self.index.list_tenants():
            days = tenants[tenant].audit_days if tenant in tenants else KEEP_DAYS
            found = self.index.list_expired(tenant, to_moment(now - timedelta(days=days)))
            if found:
                self._note(audit.ENTRIES_EXPIRED, tenant, through=found[-1][1], count=len(found))
                over += found
        expire(self.log, self.index, over)
        self._forget_people()
        return len(over)

    def _forget_people(self) -> None:
        # Whom an index with gaps does not name may still be named in the log.
        if self.index.is_whole(self.log):
            if count := self.people.forget_all_but(self.index.list_pseudonyms()):
                logger.info("forgot people of whom nothing is left", extra={"count": count})
        else:
            logger.error("the index of the audit log has gaps, so nobody is forgotten")

    def _note(self, event: str, tenant: str, **data: Any) -> None:
        """Write an entry of the writer's own."""
        entry = make_entry(event, tenant, **data)
        check_entry(WRITER, entry)
        self._write([(WRITER, entry, make_body(entry, self.people))])

    def _write(self, made: list[tuple[str, Entry, Body]]) -> None:
        drafts = [Draft(entry.event, entry.tenant, source, entry.id, body) for source, entry, body in made]
        self.index.add(self.log.append(drafts))
        for _, entry, _ in made:
            WRITTEN.labels(entry.event).inc()
