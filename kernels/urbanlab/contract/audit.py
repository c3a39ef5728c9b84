"""The audit log as those see it who write to it and read from it: the names of events, and an entry on its way.

What each event may hold is declared by the schemas in `urbanlab_services/audit/schemas`; the one writer refuses
whatever does not fit them.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

# --- of the hub ---
LOGIN = "login"
LOGIN_REFUSED = "login-refused"
LOGOUT = "logout"
SERVER_STARTED = "server-started"
SERVER_STOPPED = "server-stopped"
ACCESS_REVOKED = "access-revoked"
ROLES_CHANGED = "roles-changed"
ADMIN_ACT = "admin-act"
# --- of the services ---
CREDENTIAL_REFUSED = "credential-refused"
QUERY_REFUSED = "query-refused"
PAGE_ACT = "page-act"
DATA_ACT = "data-act"
REPORT_DELIVERED = "report-delivered"
# --- of the operator's command ---
TENANT_CHANGED = "tenant-changed"
PERSON_ACCEPTED = "person-accepted"
# --- of the writer itself ---
LOG_REPAIRED = "log-repaired"
ENTRIES_EXPIRED = "entries-expired"
PERSON_ERASED = "person-erased"
PERSON_EXPORTED = "person-exported"

EVENTS = (
    *(LOGIN, LOGIN_REFUSED, LOGOUT, SERVER_STARTED, SERVER_STOPPED, ACCESS_REVOKED, ROLES_CHANGED, ADMIN_ACT),
    *(CREDENTIAL_REFUSED, QUERY_REFUSED, PAGE_ACT, DATA_ACT, REPORT_DELIVERED, TENANT_CHANGED),
    PERSON_ACCEPTED,
    *(LOG_REPAIRED, ENTRIES_EXPIRED, PERSON_ERASED, PERSON_EXPORTED),
)

MAX_ENTRY_BYTES = 60_000
INTERRUPTED = "interrupted"  # the outcome of an act during which its process ended


@dataclass(frozen=True)
class Entry:
    """What happened in a tenant, or with `tenant` empty in the installation; `data` is as the event's schema says.

    The id makes it one entry however often it is sent.
    """

    event: str
    tenant: str
    data: dict[str, Any] = field(default_factory=dict)
    time: str = ""
    id: str = ""


def make_entry(event: str, tenant: str, **data: Any) -> Entry:
    """Return an entry of this moment; what is None is left out."""
    given = {name: value for name, value in data.items() if value is not None}
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Entry(event, tenant, given, now, uuid.uuid4().hex)


def encode_entry(entry: Entry) -> str:
    """Return the entry as one line of JSON; what is no character becomes a question mark."""
    return json.dumps(asdict(entry), ensure_ascii=False).encode("utf-8", "replace").decode()


def decode_entry(values: Any) -> Entry:
    """Return the entry that plain values of JSON stand for; raise `ValueError` for anything else."""
    if not isinstance(values, dict) or set(values) != {"event", "tenant", "data", "time", "id"}:
        raise ValueError("an entry has event, tenant, data, time and id")
    texts = {name: value for name, value in values.items() if name != "data"}
    if not all(isinstance(value, str) for value in texts.values()) or not isinstance(values["data"], dict):
        raise ValueError("an entry's data is an object, and the rest of it text")
    return Entry(data=values["data"], **texts)
