"""Brings every outside system in line with the tenants' files; can be repeated and resumed at any point."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from urbanlab.contract.records import Tenant
from urbanlab_hub.settings import Settings
from urbanlab_hub.tenants import load_tenants
from urbanlab_operate import demo
from urbanlab_operate.apply import hub, kafka, keycloak, records, warehouse
from urbanlab_operate.changes import ApplyError, Changes, Report, say

__all__ = ["PARTS", "ApplyError", "apply", "applying"]

Reconcile = Callable[[Settings, Mapping[str, Tenant], Changes], None]

# Services learn of a tenant by its record. So the record of a tenant that left goes first, and that of a new
# one comes after what the services will ask for: people, topics and rights.
STEPS: tuple[tuple[str, Reconcile], ...] = (
    ("records", records.withdraw_records),
    ("keycloak", keycloak.reconcile),
    ("kafka", kafka.reconcile),
    ("records", records.write_records),
    ("warehouse", warehouse.reconcile),
    ("hub", hub.reconcile),
    ("demo", demo.reconcile),
)
PARTS = tuple(dict.fromkeys(part for part, _ in STEPS))


def apply(
    settings: Settings,
    *,
    dry_run: bool = False,
    report: Report = say,
    parts: Collection[str] = PARTS,
) -> list[str]:
    """Bring all systems, or some `parts`, in line and return a sentence for each change.

    Raises `TenantError` before anything is touched where a tenant's file cannot be used, and `ApplyError`
    where a system does not answer; what was done until then stays, and the next call goes on from there.
    """
    lines: list[str] = []
    if not settings.master_secrets.is_dir():
        raise ApplyError(
            f"Urban Lab was never started with its state in {settings.state}: run `urbanlab up` first"
        )
    with applying(settings):
        tenants = load_tenants(demo.ensure_tenant_files(settings, dry_run=dry_run))
        for part, reconcile in STEPS:
            if part in parts:
                changes = Changes(part, dry_run=dry_run, report=report)
                reconcile(settings, tenants, changes)
                lines += changes.lines
    return lines


@contextmanager
def applying(settings: Settings) -> Iterator[None]:
    """Wait until no other apply runs: two at once would each see the other's half-done work as drift."""
    settings.state.mkdir(parents=True, exist_ok=True)
    path = settings.state / "apply.lock"
    path.touch(mode=0o600)  # whoever may open it could hold it for ever
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
