"""The files of the operator's tenants: written whole, put into the archive, brought back."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from urbanlab.contract import naming
from urbanlab.contract.records import Tenant
from urbanlab_hub.settings import Settings
from urbanlab_hub.tenant_rules import find_doubles
from urbanlab_hub.tenants import TenantError, load_tenant, load_tenants
from urbanlab_operate.errors import OperateError

ARCHIVE = "archive"  # a folder beside the files; what lies in it is no tenant
MOMENT = "%Y%m%dT%H%M%S%f"
_ARCHIVED = re.compile(rf"({naming.TENANT_ID.pattern})-([0-9]{{8}}T[0-9]{{12}})\.yaml")


class TenantFilesError(OperateError):
    """What the operator asked for does not go with the files that are there."""


def add_tenant(settings: Settings, tenant_id: str, values: dict[str, Any]) -> Path:
    """Write the file of a new tenant and return its path.

    Raises `TenantError` or `NamingError` where the values cannot be used, and `TenantFilesError` where there is
    such a tenant, or was one; then nothing is written.
    """
    path = _make_path(settings, tenant_id)
    archived = list_archived(settings, tenant_id)
    if archived and not path.exists():
        raise TenantFilesError(
            f"{tenant_id} was a tenant until {show_moment(archived[-1])}, and its people and data may still be "
            f"there. `urbanlab tenant add {tenant_id} --restore` brings it back as it was; to begin anew, first "
            f"`urbanlab tenant remove {tenant_id} --purge`."
        )
    with _drafted(settings, path, yaml.safe_dump(values, allow_unicode=True, sort_keys=False)) as draft:
        load_tenant(draft)
        _put_in_place(draft, path)
    return path


def restore_tenant(settings: Settings, tenant_id: str) -> Path:
    """Bring back the file that was archived last, and return its path; older ones stay in the archive.

    Raises `TenantFilesError` where there is none, or a tenant of this id, and `TenantError` where the file can no
    longer be used.
    """
    path = _make_path(settings, tenant_id)
    archived = list_archived(settings, tenant_id)
    if not archived:
        raise TenantFilesError(f"No tenant {tenant_id} is in the archive; `urbanlab tenant list --archived`")
    with _drafted(settings, path, archived[-1].read_text(encoding="utf-8")) as draft:
        tenant = load_tenant(draft)
        _check_claims(settings, tenant)
        _put_in_place(draft, path)
    archived[-1].unlink()
    return path


def archive_tenant(settings: Settings, tenant_id: str) -> Path:
    """Move a tenant's file into the archive and return its path there; data and people stay where they are."""
    path = _make_path(settings, tenant_id)
    if not path.is_file():
        raise TenantFilesError(
            f"There is no tenant {tenant_id} in {settings.tenants}; `urbanlab tenant list`"
        )
    archived = path.parent / ARCHIVE / f"{tenant_id}-{datetime.now(UTC).strftime(MOMENT)}.yaml"
    archived.parent.mkdir(exist_ok=True, mode=0o700)
    return path.rename(archived)


def list_archived(settings: Settings, tenant_id: str = "") -> list[Path]:
    """Return the archived files of one tenant or of all, by id and then the oldest first."""
    found = (settings.tenants / ARCHIVE).glob("*.yaml")
    matches = {path: match for path in found if (match := _ARCHIVED.fullmatch(path.name))}
    return sorted(path for path, match in matches.items() if tenant_id in ("", match[1]))


def read_archived(path: Path) -> tuple[str, str]:
    """Return a tenant's id and, as far as it can be read, title from its archived file."""
    tenant_id = path.name.partition("-")[0]
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        return tenant_id, str(values["title"])
    except (OSError, ValueError, yaml.YAMLError, TypeError, KeyError):
        return tenant_id, ""


def show_moment(archived: Path) -> str:
    """Return when a file was archived, as people read it."""
    moment = datetime.strptime(archived.stem.partition("-")[2], MOMENT).replace(tzinfo=UTC)
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _make_path(settings: Settings, tenant_id: str) -> Path:
    return settings.tenants / f"{naming.check_tenant_id(tenant_id)}.yaml"


@contextmanager
def _drafted(settings: Settings, path: Path, text: str) -> Iterator[Path]:
    """Write a file under its final name in a folder of its own, to check it there before it is in place."""
    settings.tenants.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=settings.tenants, prefix=".draft-") as folder:
        for beside in settings.tenants.iterdir():  # the pictures that files name
            if beside.is_file() and beside.suffix != path.suffix:
                os.link(beside, Path(folder) / beside.name)
        draft = Path(folder) / path.name
        draft.write_text(text, encoding="utf-8")
        yield draft


def _put_in_place(draft: Path, path: Path) -> None:
    """Put a whole file in its place, never over another."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise TenantFilesError(f"There is a tenant {path.stem} already: {path}") from None


def _check_claims(settings: Settings, tenant: Tenant) -> None:
    others = {name: each for name, each in load_tenants(settings.tenants).items() if name != tenant.id}
    problems = [f"{tenant.id}.yaml: {text}" for _, (_, text) in find_doubles({**others, tenant.id: tenant})]
    if problems:
        raise TenantError(problems)
