"""The resolved records: how services learn which tenants there are and what each has."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from urbanlab.contract.records import Tenant, tenant_from_dict, write_tenant
from urbanlab_hub.settings import Settings
from urbanlab_operate.changes import Changes

READABLE = 0o644  # by those who may enter the folder: the services, and no kernel


def withdraw_records(settings: Settings, tenants: Mapping[str, Tenant], changes: Changes) -> None:
    """Remove the records of tenants that have no file any more."""
    for path in sorted(settings.records.glob("*.json")):
        if path.stem not in tenants:
            changes.make(f"remove the record of {path.stem}", path.unlink)


def write_records(settings: Settings, tenants: Mapping[str, Tenant], changes: Changes) -> None:
    """Write what is new or different."""
    for tenant in tenants.values():
        path = settings.records / f"{tenant.id}.json"
        if not is_current(path, tenant):
            changes.make(f"write the record of {tenant.id}", partial(_write, path, tenant))
        elif stat.S_IMODE(path.stat().st_mode) != READABLE:
            changes.make(f"let services read the record of {tenant.id}", partial(path.chmod, READABLE))


def is_current(path: Path, tenant: Tenant) -> bool:
    """Say whether a file holds the record of a tenant as it should be; a broken one does not."""
    try:
        return tenant_from_dict(json.loads(path.read_text(encoding="utf-8"))) == tenant
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return False


def _write(path: Path, tenant: Tenant) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)  # `urbanlab up` lets the services in
    write_tenant(path.parent, tenant)
