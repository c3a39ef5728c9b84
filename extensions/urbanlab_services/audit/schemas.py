"""What each event may hold, as jupyter-events schemas declare it, and who may say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import ValidationError
from jupyter_events.schema import EventSchema

from urbanlab.contract import audit
from urbanlab.contract.audit import MAX_ENTRY_BYTES, Entry, encode_entry
from urbanlab.contract.naming import TENANT_ID
from urbanlab_services.audit.places import WRITER

FOLDER = Path(__file__).parent / "schemas"
SCHEMA_URL = "https://urbanlab.example/events/"
# The mark of a field in a schema: `name` for a hub user, `text` for what somebody typed.
PERSONAL = "personal"

# Source -> the events it may write. The writer's own are nobody else's.
SPEAKS: Mapping[str, tuple[str, ...]] = {
    "hub": (
        *(audit.LOGIN, audit.LOGIN_REFUSED, audit.LOGOUT, audit.SERVER_STARTED, audit.SERVER_STOPPED),
        *(audit.ACCESS_REVOKED, audit.ROLES_CHANGED, audit.ADMIN_ACT),
    ),
    "operator": (audit.TENANT_CHANGED, audit.PERSON_ACCEPTED),
    "publisher": (audit.PAGE_ACT, audit.DATA_ACT),
    "warehouse": (audit.QUERY_REFUSED, audit.CREDENTIAL_REFUSED),
    "tokens": (audit.CREDENTIAL_REFUSED,),
    "reports": (audit.REPORT_DELIVERED,),
    WRITER: (audit.LOG_REPAIRED, audit.ENTRIES_EXPIRED, audit.PERSON_ERASED, audit.PERSON_EXPORTED),
}
# Source -> the events it may read; who is not named reads nothing.
READS: Mapping[str, tuple[str, ...]] = {
    "hub": audit.EVENTS,
    "operator": audit.EVENTS,
    "publisher": (audit.PAGE_ACT, audit.DATA_ACT),
}


class RefusedEntryError(ValueError):
    """An entry that does not fit; the message says why, without what it holds."""


@dataclass(frozen=True)
class Schema:
    """One event's schema, and which of its fields are personal: field -> `name` or `text`."""

    event: EventSchema
    personal: Mapping[str, str]


@cache
def load_schemas() -> dict[str, Schema]:
    """Return the schema of each event."""
    return {event: _load(event) for event in audit.EVENTS}


def check_entry(source: str, entry: Entry) -> None:
    """Raise `RefusedEntryError` unless a source may say this, and has said it as the schema wants."""
    if entry.event not in SPEAKS.get(source, ()):
        raise RefusedEntryError(f"{source} writes no such event")
    if entry.tenant and not TENANT_ID.fullmatch(entry.tenant):
        raise RefusedEntryError("it names no tenant")
    if not (len(entry.id) == 32 and set(entry.id) <= set("0123456789abcdef")):
        raise RefusedEntryError("its id is none")
    try:
        datetime.fromisoformat(entry.time)
        size = len(encode_entry(entry).encode())
        load_schemas()[entry.event].event.validate(entry.data)
    except ValidationError as error:
        where = "/".join(str(part) for part in error.absolute_path) or "data"
        raise RefusedEntryError(f"{where} does not fit the schema: {error.validator}") from None
    except (ValueError, RecursionError):
        raise RefusedEntryError("it is not made as entries are") from None
    if size > MAX_ENTRY_BYTES or len(entry.time) > 40:
        raise RefusedEntryError("it is too long")


def _load(event: str) -> Schema:
    schema = EventSchema(FOLDER / f"{event}.yaml")
    assert schema.id == SCHEMA_URL + event, f"{event}.yaml is the schema of {schema.id}"
    properties: dict[str, Any] = schema.properties
    personal = {name: spec[PERSONAL] for name, spec in properties.items() if PERSONAL in spec}
    return Schema(schema, personal)
