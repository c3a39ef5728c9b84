"""The operator's command and the audit log: what it tells, and what it asks."""

from __future__ import annotations

import atexit
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from urbanlab.contract import audit
from urbanlab.contract.audit_sender import AuditAwayError, AuditSender, ask_audit
from urbanlab_hub.settings import Settings
from urbanlab_operate.errors import OperateError

SOURCE = "operator"
EXPORT_SECONDS = 60.0


def record_tenant_change(settings: Settings, tenant: str, action: str, fields: Collection[str] = ()) -> None:
    """Tell that a tenant was `added`, `changed` (in which fields), `removed` or `purged`."""
    sender = _make_sender(settings.audit_socket, settings.service_state("hub") / "audit-operator")
    sender.record(audit.TENANT_CHANGED, tenant, action=action, fields=sorted(fields) or None)


def record_person_accepted(settings: Settings, hub_user: str, home: str) -> None:
    """Tell that another person may have a hub user's name; the home under it was `archived`, `kept` or `absent`."""
    sender = _make_sender(settings.audit_socket, settings.service_state("hub") / "audit-operator")
    sender.record(audit.PERSON_ACCEPTED, hub_user.rpartition("@")[2], person=hub_user, home=home)


def list_events(settings: Settings, **filters: str) -> list[dict[str, Any]]:
    """Return entries, the newest first; raise `OperateError` where the log does not answer."""
    return list(_ask(settings, "GET", "/events", source=SOURCE, **filters)["events"])


def export_person(settings: Settings, hub_user: str) -> list[dict[str, Any]]:
    """Return all entries in which a hub user is named."""
    return list(_ask(settings, "GET", "/people", person=hub_user)["events"])


def erase_person(settings: Settings, hub_user: str) -> bool:
    """Make a hub user unrecognisable in the log; return whether there was anything of theirs."""
    return bool(_ask(settings, "DELETE", "/people", person=hub_user)["erased"])


def _ask(settings: Settings, method: str, path: str, **query: str) -> Any:
    target = f"{path}?{urlencode(query)}"
    try:
        return ask_audit(settings.audit_socket, method, target, timeout=EXPORT_SECONDS)
    except AuditAwayError as error:
        raise OperateError(f"{error} `urbanlab status` says how the part `audit` is.") from error


@cache
def _make_sender(socket: Path, folder: Path) -> AuditSender:
    sender = AuditSender(socket, folder, SOURCE)
    atexit.register(sender.flush)  # what does not arrive until then is sent by the next command
    return sender
