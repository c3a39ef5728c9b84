"""What the hub writes to the audit log and reads from it; nothing here ever waits for the disk or the log's writer.

Until `start` has been called, as in tests of a part of the hub, entries go nowhere.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

from urbanlab.contract import audit
from urbanlab.contract.audit_sender import AuditAwayError, AuditSender
from urbanlab.contract.naming import SERVICE_PERSONS, NamingError, split_hub_user
from urbanlab_hub.settings import Settings

__all__ = ["AuditAwayError"]

logger = logging.getLogger(__name__)
_senders: list[AuditSender] = []  # none or one
_thread = ThreadPoolExecutor(1, thread_name_prefix="audit")  # one, so that the order stays
_SERVER_ACTION = "https://schema.jupyter.org/jupyterhub/events/server-action"
LOGGED_OUT = "logged out"
_WORDS = re.compile(r"[A-Za-z][A-Za-z ,'-]{0,119}")


def start(settings: Settings) -> None:
    """Begin to send, from the folder of the hub; what a former process left is sent first."""
    if not _senders:
        sender = AuditSender(settings.audit_socket, settings.service_state("hub") / "audit", "hub")
        sender.recover()
        _senders.append(sender)


class ServerEvents(logging.Handler):
    """Takes what JupyterHub's own event log says of servers that were started.

    Its word of those that ended is not enough: it is silent of servers that end by themselves. Those are told by
    `note_server_end`.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write down a start."""
        event = record.msg
        if (
            isinstance(event, dict)
            and event.get("__schema__") == _SERVER_ACTION
            and event["action"] == "start"
        ):
            _record(audit.SERVER_STARTED, str(event["username"]))


def note_server_end(spawner: Any) -> None:
    """Write down that a server has ended, whoever or whatever ended it; the hub's `post_stop_hook`."""
    _record(audit.SERVER_STOPPED, str(spawner.user.name))


def record_login(hub_user: str, groups: Collection[str], *, second_factor: bool = False) -> None:
    """Somebody is logged in, with the roles of these groups in the tenant."""
    roles = sorted(path.rpartition("/")[2] for path in groups)
    _record(audit.LOGIN, hub_user, roles=roles, second_factor=second_factor)


def record_login_refused(reason: str, tenant: str = "") -> None:
    """Somebody was not let in; who it was is not written down, since they may be nobody of the tenant's."""
    _send(AuditSender.record_often, audit.LOGIN_REFUSED, tenant, reason=reason)


def record_revocation(hub_user: str, reason: str) -> None:
    """Somebody's access was taken away; `reason` says why in a few words of the hub's own.

    Whoever logs out takes it away from themselves, and is told as that.
    """
    if reason == LOGGED_OUT:
        _record(audit.LOGOUT, hub_user)
    else:
        words = reason if _WORDS.fullmatch(reason) else "another reason"
        _record(audit.ACCESS_REVOKED, hub_user, reason=words)


def record_roles_changed(hub_user: str, before: Collection[str], after: Collection[str]) -> None:
    """Somebody is in other groups than the hub knew; nothing is written where the roles are the same."""
    roles = [
        {path.rpartition("/")[2] for path in paths if path.startswith("/tenants/")}
        for paths in (before, after)
    ]
    added, removed = sorted(roles[1] - roles[0]), sorted(roles[0] - roles[1])
    if added or removed:
        _record(audit.ROLES_CHANGED, hub_user, added=added, removed=removed)


def record_admin_act(admin: str, action: str, hub_user: str) -> None:
    """A tenant's administrator did something to somebody; `action` is a word like `stop-server`."""
    _record(audit.ADMIN_ACT, admin, action=action, subject=hub_user)


async def list_events(tenant: str, limit: int = 100, **filters: str) -> list[dict[str, Any]]:
    """Return a tenant's entries, the newest first, each with seq, time, event, source and data.

    `filters` are those of the audit service's ``GET /events``: event, person, object, since, until, before.
    Raises `AuditAwayError`, whose message is safe to show.
    """
    if not _senders:
        raise AuditAwayError("The audit log does not answer.")
    query = urlencode({"source": "hub", "tenant": tenant, "limit": str(limit), **filters})
    asking = _thread.submit(_senders[0].ask, f"/events?{query}")
    return list((await asyncio.wrap_future(asking))["events"])


def _record(event: str, hub_user: str, **data: Any) -> None:
    try:
        person, tenant = split_hub_user(hub_user)
    except NamingError:
        return  # nobody of a tenant's
    if person not in SERVICE_PERSONS:
        _send(AuditSender.record, event, tenant, person=hub_user, **data)


def _send(act: Any, event: str, tenant: str, **data: Any) -> None:
    if _senders:
        _thread.submit(_try, act, event, tenant, data)


def _try(act: Any, event: str, tenant: str, data: dict[str, Any]) -> None:
    """Nobody is kept out, and no server kept running, because the hub's disk is full; the hub's log says so."""
    try:
        act(_senders[0], event, tenant, **data)
    except OSError:
        logger.exception("an entry of the audit log could not be kept")
