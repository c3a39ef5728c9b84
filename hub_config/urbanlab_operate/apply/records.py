"""The resolved records: how services learn which tenants there are and what each has."""

from __future__ import annotations

import json
import stat
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

from urbanlab.contract.records import Tenant, tenant_from_dict, tenant_to_dict, write_tenant
from urbanlab_hub.settings import Settings
from urbanlab_operate.audit import record_tenant_change
from urbanlab_operate.changes import Changes

READABLE = 0o644  # by those who may enter the folder: the services, and no kernel


def withdraw_records(settings: Settings, tenants: Mapping[str, Tenant], changes: Changes) -> None:
    """Remove the records of tenants that have no file any more."""
    for path in sorted(settings.records.glob("*.json")):
        if path.stem not in tenants:
            changes.make(f"remove the record of {path.stem}", partial(_remove, settings, path))


def write_records(settings: Settings, tenants: Mapping[str, Tenant], changes: Changes) -> None:
    """Write what is new or different."""
    for tenant in tenants.values():
        path = settings.records / f"{tenant.id}.json"
        if find_record(path) != tenant:
            changes.make(f"write the record of {tenant.id}", partial(_write, settings, path, tenant))
        elif stat.S_IMODE(path.stat().st_mode) != READABLE:
            changes.make(f"let services read the record of {tenant.id}", partial(path.chmod, READABLE))


def find_record(path: Path) -> Tenant | None:
    """Return the record in a file, or None where there is none or a broken one."""
    try:
        return tenant_from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _write(settings: Settings, path: Path, tenant: Tenant) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)  # `urbanlab up` lets the services in
    former = find_record(path)
    if former is None:
        _tell(settings, tenant.id, "added")
    else:
        values, before = tenant_to_dict(tenant), tenant_to_dict(former)
        _tell(settings, tenant.id, "changed", [name for name in values if values[name] != before[name]])
    write_tenant(path.parent, tenant)


def _remove(settings: Settings, path: Path) -> None:
    _tell(settings, path.stem, "removed")
    path.unlink()


def _tell(settings: Settings, tenant: str, action: str, fields: Collection[str] = ()) -> None:
    """Tell the audit log what is about to be done: rather twice, after a crash, than never."""
    if settings.audit_socket.parent.is_dir():  # before the first start there is no log
        record_tenant_change(settings, tenant, action, fields)
