"""A service's way to the audit log."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from urbanlab.contract.audit_sender import AuditSender
from urbanlab_services.service import ServiceSettings

logger = logging.getLogger(__name__)

FOLDER = "audit"  # in the service's state; what lies there has not arrived yet


def make_sender(settings: ServiceSettings) -> AuditSender:
    """Return what the service speaks by; where no socket is set, as in its own tests, all stays in the folder.

    What a former process of the service had begun is told first.
    """
    socket = settings.audit_socket if settings.audit_socket.name else None
    sender = AuditSender(socket, settings.state / FOLDER, settings.name)
    sender.recover()
    return sender


class Refusals:
    """Writes refusals down beside the work, in a thread, so that nobody waits for the disk."""

    def __init__(self, sender: AuditSender) -> None:
        self._sender = sender
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, event: str, tenant: str, **data: Any) -> None:
        """Write a refusal into the service's own log, and into the audit log unless the person's are too many."""
        logger.info("refused", extra={"event": event, "tenant": tenant, **data})
        bounded = self._sender.bound(event, tenant, **data)
        if bounded is None:
            return
        task = asyncio.create_task(asyncio.to_thread(self._write, event, tenant, bounded))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def _write(self, event: str, tenant: str, data: dict[str, Any]) -> None:
        try:
            self._sender.record(event, tenant, **data)
        except OSError:
            logger.exception("an entry of the audit log could not be kept")
