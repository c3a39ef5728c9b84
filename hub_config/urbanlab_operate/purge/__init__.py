"""Deletes for good what is left of a tenant that was removed, step by step; can be resumed at any of them."""

from __future__ import annotations

from collections.abc import Callable

from urbanlab_hub.settings import Settings
from urbanlab_operate.changes import Report, say
from urbanlab_operate.purge import kafka, keycloak, people, publisher, warehouse
from urbanlab_operate.purge.remnants import Remnant

__all__ = ["Remnant", "delete_remnants", "find_remnants"]

# What the public sees goes first, and what the rest is found by goes last: homes are found by the hub's users.
FINDERS: tuple[Callable[[Settings, str], list[Remnant]], ...] = (
    publisher.find,
    warehouse.find,
    kafka.find,
    keycloak.find,
    people.find,
)


def find_remnants(settings: Settings, tenant: str) -> list[Remnant]:
    """Return everything that there is of a tenant outside of its file, in the order of its deletion."""
    if not settings.master_secrets.is_dir():
        return []  # never started
    return [remnant for find in FINDERS for remnant in find(settings, tenant)]


def delete_remnants(settings: Settings, tenant: str, report: Report = say) -> None:
    """Delete everything and report each thing once it is gone; raise `ApplyError` where that does not work."""
    for find in FINDERS:
        # Found anew: what was shown before may be less, because people worked until the tenant was removed.
        for remnant in find(settings, tenant):
            remnant.delete()
            report(f"deleted {remnant.sentence}")
