"""One line for each refusal, of a flood its size: the kind of address and the status, nothing about who asked."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from tornado.web import RequestHandler

logger = logging.getLogger(__name__)

PER_MINUTE = 20  # lines of one kind and status; anybody can cause them


@dataclass
class _Minute:
    began: float
    count: int = 0


class Refusals:
    """Writes refusals down; the address stays out, for it may be a ticket, or tell what somebody reads."""

    def __init__(self, per_minute: int = PER_MINUTE) -> None:
        self._per_minute = per_minute
        self._minutes: dict[tuple[str, int], _Minute] = {}

    def note_answer(self, handler: RequestHandler) -> None:
        """Take any answer, as tornado's `log_function`; write a line if it is a refusal."""
        if 400 <= handler.get_status() < 500:
            self.note(getattr(handler, "kind", "other"), handler.get_status(), time.monotonic())

    def note(self, kind: str, status: int, now: float) -> None:
        """Write a line; of too many in a minute, the first line after it tells how many went before."""
        minute = self._minutes.setdefault((kind, status), _Minute(now))
        suppressed = 0
        if now - minute.began >= 60:
            suppressed = max(0, minute.count - self._per_minute)
            minute.began, minute.count = now, 0
        minute.count += 1
        if minute.count <= self._per_minute:
            more = {"suppressed": suppressed} if suppressed else {}
            logger.info("refused", extra={"kind": kind, "status": status, **more})
