"""What the audit log says of a tenant, as its administrator needs it: decisions, refusals, changes of rights."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from urbanlab.contract import audit as names
from urbanlab.contract import naming
from urbanlab_hub import audit
from urbanlab_hub.administration.access import is_member

LIMIT = 30
# Event -> its name, and what of it is shown. Left out is what says when somebody works (logins, servers), what
# they wrote, and numbers that only the services need.
SHOWN: Mapping[str, tuple[str, tuple[str, ...]]] = {
    names.ACCESS_REVOKED: ("Access taken away", ("reason",)),
    names.ADMIN_ACT: ("Act of an administrator", ("action", "subject")),
    names.CREDENTIAL_REFUSED: ("Credential refused", ("purpose", "reason")),
    names.DATA_ACT: ("Data", ("action", "object", "partner", "outcome")),
    names.LOGIN_REFUSED: ("Login refused", ("reason",)),
    names.PAGE_ACT: ("Page", ("action", "object", "outcome")),
    names.PERSON_ACCEPTED: ("Person accepted under a former name", ("home",)),
    names.PERSON_ERASED: ("Person erased from the log", ()),
    names.PERSON_EXPORTED: ("Person's entries handed out", ()),
    names.QUERY_REFUSED: ("Query refused", ("reason",)),
    names.REPORT_DELIVERED: ("Report", ("report", "channel", "outcome")),
    names.ROLES_CHANGED: ("Roles changed", ("added", "removed")),
    names.TENANT_CHANGED: ("Municipality's file", ("action", "fields")),
}
LABELS = {"added": "given", "removed": "taken away", "partner": "for"}
PEOPLE = ("person", "subject")
NAMES = frozenset({"subject", "object", "partner", "report"})  # somebody's own, in no language
DAILY_WORK = frozenset({"submit", "execute", "preview", "refresh"})

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Detail:
    """Something about an entry: a label, empty where none is needed, and words, or names that are no words."""

    label: str
    words: tuple[str, ...]
    is_name: bool


@dataclass(frozen=True)
class Event:
    """An entry of the log."""

    time: str
    person: str
    name: str
    details: tuple[Detail, ...]


async def find_events(tenant: str) -> list[Event] | None:
    """Return the latest entries that are shown, the newest first, or None where the log does not answer."""
    try:
        # Daily work is among what is asked for, so more is asked for than is shown.
        entries = await audit.list_events(tenant, LIMIT * 5, event=",".join(SHOWN))
    except audit.AuditAwayError as error:
        logger.warning("the audit log does not say what was done: %s", error)
        return None
    return make_events(entries, tenant)


def make_events(entries: Iterable[Mapping[str, Any]], tenant: str) -> list[Event]:
    """Return those of a tenant's entries that are shown."""
    shown = (
        entry
        for entry in entries
        if entry["event"] in SHOWN and entry["data"].get("action") not in DAILY_WORK
    )
    return [make_event(entry, tenant) for entry in shown][:LIMIT]


def make_event(entry: Mapping[str, Any], tenant: str) -> Event:
    """Return an entry for the eye: people of the tenant by name, nobody else."""
    name, fields = SHOWN[entry["event"]]
    data = dict(entry["data"])
    for field in PEOPLE:
        data[field] = _name_person(str(data.get(field, "")), tenant)
    found = (
        Detail(LABELS.get(field, ""), _list_words(data.get(field, "")), field in NAMES) for field in fields
    )
    return Event(entry["time"], data["person"], name, tuple(detail for detail in found if detail.words))


def _name_person(hub_user: str, tenant: str) -> str:
    return naming.split_hub_user(hub_user)[0] if is_member(hub_user, tenant) else ""


def _list_words(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    # That it was done goes without saying.
    return tuple(str(each) for each in values if each not in ("", "done"))
