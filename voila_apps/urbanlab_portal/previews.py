"""Tickets of previews: one visit each, and the page's files for a little longer."""

from __future__ import annotations

import logging
import os
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from urbanlab.contract.publications import Ticket, make_digest
from urbanlab_portal.directory import Directory
from urbanlab_portal.errors import NotPublicError, TicketExpiredError, TicketSpentError

logger = logging.getLogger(__name__)

FILES_SECONDS = 600
MAX_LIFE = timedelta(hours=1)  # a ticket that claims to hold longer is none
KEEP_SECONDS = 86400  # marks of spent tickets; their tickets have expired long before
_TICKET = re.compile(r"[A-Za-z0-9_-]{32,128}")


class Previews:
    """Who holds a ticket sees its page once; that it is spent is kept in a folder of the portal's own."""

    def __init__(self, directory: Directory, state: Path) -> None:
        self._directory = directory
        self._spent = state / "spent"
        self._spent.mkdir(parents=True, exist_ok=True)

    def check(self, text: str) -> Ticket:
        """Return a ticket that can still be spent.

        Raises `NotPublicError` for what is no ticket, `TicketExpiredError` and `TicketSpentError`.
        """
        ticket = self._find(text)
        if self._mark_path(text).exists():
            raise TicketSpentError
        left = _read_instant(ticket.expires_at) - datetime.now(UTC)
        if not timedelta(0) < left <= MAX_LIFE:
            raise TicketExpiredError
        return ticket

    def spend(self, text: str) -> Ticket:
        """Return a ticket that nobody can spend again; raise as `check` does."""
        ticket = self.check(text)
        try:
            # Whoever makes the mark has the visit, also where two ask at once.
            os.close(os.open(self._mark_path(text), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            raise TicketSpentError from None
        self._forget_old()
        return ticket

    def check_files(self, text: str) -> Ticket:
        """Return a ticket spent a little while ago, whose page's files may be read; raise as `check` does."""
        ticket = self._find(text)
        try:
            age = time.time() - self._mark_path(text).stat().st_mtime
        except OSError:
            raise NotPublicError from None
        if age > FILES_SECONDS:
            raise TicketExpiredError
        return ticket

    def _find(self, text: str) -> Ticket:
        ticket = self._directory.find_ticket(text) if _TICKET.fullmatch(text) else None
        if ticket is None:
            raise NotPublicError
        return ticket

    def _mark_path(self, text: str) -> Path:
        return self._spent / make_digest(text.encode())

    def _forget_old(self) -> None:
        oldest = time.time() - KEEP_SECONDS
        with os.scandir(self._spent) as marks:
            for mark in marks:
                if mark.stat().st_mtime < oldest:
                    Path(mark.path).unlink(missing_ok=True)


def _read_instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
