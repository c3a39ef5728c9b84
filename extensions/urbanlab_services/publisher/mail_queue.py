"""Mails that are to be sent: in the store until the server has taken them, each occasion once."""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from urbanlab_services.mail import MailAwayError, MailRefusedError, MailServer
from urbanlab_services.publisher.publications import now, to_text

logger = logging.getLogger(__name__)
MAX_AT_ONCE = 20
GIVE_UP = timedelta(days=3)
KEEP = timedelta(days=400)  # of what has been sent, so that no occasion is told twice
_PAUSES = (1, 5, 15, 60)  # minutes after each failure, then the last again
_METADATA = MetaData()
# `sent_at` is empty while a mail waits; then recipient and text are deleted.
_MAILS = Table(
    "mails",
    _METADATA,
    Column("occasion", String, primary_key=True),
    Column("id", String, nullable=False),
    Column("tenant", String, nullable=False),
    Column("recipient", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("text", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("next_at", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("sent_at", String, nullable=False),
)


@dataclass(frozen=True)
class Mail:
    """What is told to whom; `occasion` names it so that the same is told once."""

    occasion: str
    tenant: str
    recipient: str
    subject: str
    text: str


class MailQueue:
    """Takes mails and sends them; without a server it takes none."""

    def __init__(self, engine: Engine, server: MailServer | None) -> None:
        self._engine, self._server = engine, server
        _METADATA.create_all(engine)

    @property
    def is_open(self) -> bool:
        """Whether there is a server."""
        return self._server is not None

    def add(self, mail: Mail) -> None:
        """Keep a mail to be sent; of one occasion the first counts."""
        row = {
            **vars(mail),
            "id": uuid.uuid4().hex,
            "created_at": now(),
            "next_at": now(),
            "tries": 0,
            "sent_at": "",
        }
        with self._engine.begin() as connection:
            connection.execute(insert(_MAILS).values(**row).on_conflict_do_nothing())

    async def send_due(self) -> None:
        """Send what waits; what the server does not take is tried again later, for three days."""
        if self._server is None:
            return
        for row in self._list_due():
            try:
                await asyncio.to_thread(
                    self._server.send, row["recipient"], row["subject"], row["text"], row["id"]
                )
            except MailAwayError as error:
                self._put_off(row, str(error))
                return  # the others would wait for the same server
            except MailRefusedError as error:
                logger.warning("a mail was refused", extra={"tenant": row["tenant"], "reason": str(error)})
            self._close(row["occasion"])

    def delete_tenant(self, tenant: str) -> None:
        """Forget the mails of a tenant."""
        with self._engine.begin() as connection:
            connection.execute(delete(_MAILS).where(_MAILS.c.tenant == tenant))

    def _list_due(self) -> list[dict[str, Any]]:
        query = select(_MAILS).where(_MAILS.c.sent_at == "", _MAILS.c.next_at <= now())
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query.limit(MAX_AT_ONCE)).mappings()]

    def _put_off(self, row: dict[str, Any], reason: str) -> None:
        logger.warning("a mail could not be sent", extra={"tenant": row["tenant"], "reason": reason})
        moment = datetime.now(UTC)
        if datetime.fromisoformat(row["created_at"]) + GIVE_UP < moment:
            self._close(row["occasion"])
            return
        pause = timedelta(minutes=_PAUSES[min(row["tries"], len(_PAUSES) - 1)])
        self._change(row["occasion"], next_at=to_text(moment + pause), tries=row["tries"] + 1)

    def _close(self, occasion: str) -> None:
        self._change(occasion, sent_at=now(), recipient="", subject="", text="")
        with self._engine.begin() as connection:
            oldest = to_text(datetime.now(UTC) - KEEP)
            connection.execute(delete(_MAILS).where(_MAILS.c.sent_at != "", _MAILS.c.sent_at < oldest))

    def _change(self, occasion: str, **values: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(_MAILS).where(_MAILS.c.occasion == occasion).values(**values))
