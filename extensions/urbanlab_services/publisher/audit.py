"""What the publisher tells the audit log, each act and each refusal of one, and what it asks of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from urbanlab.contract import audit
from urbanlab.contract.audit_sender import AuditAwayError, AuditSender
from urbanlab_services.errors import ServiceError, UnavailableError
from urbanlab_services.publisher.actors import Actor

SERVICE = "publisher"  # who acts where no person does

_DATA_ACTS = frozenset(
    {
        *("request_data", "release_data", "refuse_data", "withdraw_data", "share_data", "unshare_data"),
        *("accept_data", "decline_data", "expire_data"),
    }
)
_PAGE = re.compile(r"[a-z][a-z0-9]{1,20}/[a-z0-9-]{1,200}/[0-9]{1,9}")
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,80}\.[a-z0-9_]{1,80}")
_ID = re.compile(r"[0-9a-f]{32}")


class Audit:
    """Acts of people and of the service, each on disk before it happens and in the log when it has."""

    def __init__(self, sender: AuditSender) -> None:
        self._sender = sender

    @contextmanager
    def act(self, actor: Actor, action: str, thing: str, **details: Any) -> Iterator[dict[str, Any]]:
        """Write how the block ends: ``done``, or the code of the error that ended it.

        What the block adds to the dictionary is written too, as far as the log takes it. Nothing is done where
        the disk does not take the intention; raises `OSError` then.
        """
        line = {"object": thing, **({"request": thing} if _ID.fullmatch(thing) else {}), **details}
        begun = _make_data(actor.hub_user, action, line)
        outcome = "error"  # what nobody expected
        with self._sender.begin(_find_event(action), actor.tenant, **begun) as entry:
            try:
                yield line
                outcome = "done"
            except ServiceError as error:
                outcome = error.code
                raise
            finally:
                entry.clear()
                entry.update(_make_data(actor.hub_user, action, line), outcome=outcome)

    def record(self, who: str, tenant: str, action: str, thing: str, outcome: str, **details: Any) -> None:
        """Write something that has happened, and wait until the disk has it."""
        data = _make_data(who, action, {"object": thing, **details})
        self._sender.record(_find_event(action), tenant, **data, outcome=outcome)

    async def list_acts(self, tenant: str, thing: str, limit: int = 200) -> list[dict[str, Any]]:
        """Return the last acts of a tenant that were done with things whose name begins so, the newest first.

        Raises `UnavailableError` where the log does not answer.
        """
        question = {"source": SERVICE, "tenant": tenant, "object": thing, "outcome": "done", "limit": limit}
        try:
            answer = await asyncio.to_thread(self._sender.ask, f"/events?{urlencode(question)}")
        except AuditAwayError as error:
            raise UnavailableError(str(error)) from error
        return [_make_act(event) for event in answer["events"]]


def _make_act(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was done: `who` is a hub user, the service, or nobody any more where the person was erased."""
    person = event["data"].get("person", SERVICE)
    is_known = person == SERVICE or "@" in person
    return {**event["data"], "time": event["time"], "who": person if is_known else ""}


def _find_event(action: str) -> str:
    return audit.DATA_ACT if action in _DATA_ACTS else audit.PAGE_ACT


def _make_data(who: str, action: str, line: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the log takes of an act; a name that somebody made up is not among it."""
    thing = str(line["object"])
    name = _TABLE if action in _DATA_ACTS else _PAGE
    asked = thing if _ID.fullmatch(thing) else line.get("request") or line.get("submission")
    data = {
        "person": None if who == SERVICE else who,
        "action": action,
        "object": thing if name.fullmatch(thing) else "",
        "request" if action in _DATA_ACTS else "submission": asked,
        "reason": line.get("reason") or None,
        "pages": sorted(set(line["pages"].values())) if "pages" in line else None,
        "failed_cell": line.get("failed_cell"),
        "partner": line.get("partner") or None,
        "until": line.get("until") or None,
    }
    return {key: value for key, value in data.items() if value is not None}
