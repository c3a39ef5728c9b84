"""Tenants as the operator declares them: one file each over the defaults, checked and resolved to records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from urbanlab.contract import naming
from urbanlab.contract.records import (
    Column,
    Feed,
    PortalProfile,
    Quotas,
    Report,
    Sensor,
    SharedFolder,
    Tenant,
    WarehouseLimits,
    make_publishing_rules,
)
from urbanlab_hub.settings import CHECKOUT
from urbanlab_hub.tenant_logo import LogoError, read_logo
from urbanlab_hub.tenant_rules import find_contradictions, find_doubles, find_foreign_datasets
from urbanlab_hub.tenant_schema import find_schema_problems
from urbanlab_hub.tenant_yaml import KeyPath, TenantFile, TenantFileError, read_tenant_file

DEMO_FOLDER = CHECKOUT / "hub_config" / "tenants"
DEFAULTS = DEMO_FOLDER / "_defaults.yaml"
_PLAIN = (
    *("title", "state", "time_zone", "crs", "population", "contact"),
    *("idle_minutes", "undelete_days", "audit_days", "accept_shares"),
)
_LISTS = ("languages", "host_names", "second_factor", "allow")


class TenantError(ValueError):
    """Files that cannot be used; `problems` has a sentence with file, line and key for each reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def list_tenant_files(folder: Path) -> list[Path]:
    """Return the tenants' files of a folder by id; those whose name begins with `_` are no tenants."""
    return sorted(path for path in folder.glob("*.yaml") if not path.name.startswith(("_", ".")))


def load_tenants(folder: Path, defaults: Path = DEFAULTS) -> dict[str, Tenant]:
    """Return the resolved tenants by id; raise `TenantError` with the problems of all files together."""
    base = _read(defaults)
    tenants: dict[str, Tenant] = {}
    problems: list[str] = []
    for path in list_tenant_files(folder):
        try:
            tenants[path.stem] = _load(path, base)
        except TenantError as error:
            problems += error.problems
    for tenant_id, (key, text) in find_doubles(tenants):
        problems.append(f"{_read(folder / f'{tenant_id}.yaml').place(key)}: {text}")
    if problems:
        # What is wrong in the defaults is wrong for every tenant, and is said once.
        raise TenantError(list(dict.fromkeys(problems)))
    return tenants


def load_tenant(path: Path, defaults: Path = DEFAULTS) -> Tenant:
    """Return one resolved tenant; raise `TenantError` with everything that is wrong with its file."""
    return _load(path, _read(defaults))


def _load(path: Path, base: TenantFile) -> Tenant:
    try:
        naming.check_tenant_id(path.stem)
    except naming.NamingError as error:
        raise TenantError([f"{path.name}: {error}"]) from error
    own = _read(path)
    values = lay_over(base.values, own.values)
    problems = find_schema_problems(values) or [
        *find_contradictions(values),
        *find_foreign_datasets(path.stem, values),
    ]
    if problems:
        raise TenantError([f"{_place(key, own, base)}: {text}" for key, text in problems])
    try:
        return _make_tenant(path.stem, values, read_logo(path.parent, values["portal"]["logo"]))
    except LogoError as error:
        raise TenantError([f"{_place(('portal', 'logo'), own, base)}: {error}"]) from error


def _read(path: Path) -> TenantFile:
    try:
        return read_tenant_file(path)
    except TenantFileError as error:
        raise TenantError([str(error)]) from error


def lay_over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `own` laid over it key by key; None takes away what `base` has."""
    merged = dict(base)
    for name, value in own.items():
        if value is None and name in base:
            del merged[name]
        elif isinstance(value, dict) and isinstance(base.get(name), dict):
            merged[name] = lay_over(base[name], value)
        else:
            merged[name] = value
    return merged


def _place(key: KeyPath, own: TenantFile, base: TenantFile) -> str:
    return base.place(key) if base.has(key) and not own.has(key) else own.place(key)


def _make_tenant(tenant_id: str, values: dict[str, Any], logo: str) -> Tenant:
    taken: dict[str, Any] = {
        **{name: values[name] for name in _PLAIN},
        **{name: tuple(values[name]) for name in _LISTS},
    }
    return Tenant(
        id=tenant_id,
        latitude=float(values["centre"]["latitude"]),
        longitude=float(values["centre"]["longitude"]),
        feeds=tuple(_make_feed(name, feed, values["licence"]) for name, feed in values["feeds"].items()),
        sensors=tuple(
            Sensor(id=sensor_id, **sensor)
            for sensor_id, sensor in values["simulation"].get("sensors", {}).items()
        ),
        reports=tuple(Report(name, tuple(report["datasets"])) for name, report in values["reports"].items()),
        quotas=Quotas(**{**values["quotas"], "cpus": float(values["quotas"]["cpus"])}),
        warehouse=WarehouseLimits(**values["warehouse"]),
        shared_folders=tuple(
            SharedFolder(name, tuple(folder["writers"])) for name, folder in values["shared_folders"].items()
        ),
        publishing=make_publishing_rules(values["publishing"]),
        portal=PortalProfile(
            **{
                **values["portal"],
                "logo": logo,
                "host_names": tuple(values["portal"]["host_names"]),
                "embed_in": tuple(values["portal"]["embed_in"]),
            }
        ),
        **taken,
    )


def _make_feed(name: str, feed: dict[str, Any], licence: str) -> Feed:
    columns = tuple(Column(name=column, **values) for column, values in feed["columns"].items())
    return Feed(**{"licence": licence, **feed, "name": name, "columns": columns, "key": tuple(feed["key"])})
