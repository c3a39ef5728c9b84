"""Records that cross borders: what `urbanlab apply` resolves about tenants and the services read."""

from __future__ import annotations

import dataclasses
import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Text = dict[str, str]  # language code -> text


@dataclass(frozen=True)
class Column:
    """One column of a feed's dataset; `type` is one of `COLUMN_TYPES`, `unit` is UCUM or free text."""

    name: str
    type: str
    title: Text
    unit: str = ""
    description: Text = field(default_factory=dict)


# type -> what the warehouse stores; instants are kept in UTC
COLUMN_TYPES = {
    "instant": "DateTime('UTC')",
    "date": "Date",
    "integer": "Int64",
    "number": "Float64",
    "text": "String",
    "category": "LowCardinality(String)",
    "boolean": "Bool",
}


@dataclass(frozen=True)
class Feed:
    """A feed of a tenant: the topic and the table `name`, each record once by `key`."""

    name: str
    title: Text
    description: Text
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    time: str  # the column of type `instant` that orders the records
    licence: str
    refresh: str = ""  # ISO 8601 duration between two records of one source, for example PT1H
    keep_days: int = 0  # 0 keeps for ever
    simulated: bool = False
    keywords: dict[str, list[str]] = field(default_factory=dict)  # language code -> words
    theme: str = ""  # of DCAT-AP's themes: TRAN
    spatial: str = ""  # which area it covers; the tenant's where it is empty


@dataclass(frozen=True)
class Sensor:
    """A place that the simulator measures at; `kind` is `footfall` or `weather`, `level` scales footfall."""

    id: str
    name: str
    kind: str
    longitude: float
    latitude: float
    level: float = 1.0


# What a tenant may let its staff do beyond notebooks; nothing unless its file says so.
ALLOWANCES = ("pip", "terminals", "git")
_LISTS = ("host_names", "second_factor", "allow")


@dataclass(frozen=True)
class Quotas:
    """What one person's account may take (memory and home in MB), and the servers of the whole tenant at once."""

    memory_mb: int = 4096
    cpus: float = 2.0
    processes: int = 256
    open_files: int = 4096
    home_mb: int = 5000
    servers: int = 40


@dataclass(frozen=True)
class WarehouseLimits:
    """What one statement may take, how many may run, and how much may be stored (on the disk, compressed)."""

    read_rows: int = 5_000_000_000
    read_mb: int = 500_000
    result_rows: int = 100_000_000
    result_mb: int = 20_000
    memory_mb: int = 3000
    seconds: int = 300
    queries: int = 8  # of the whole tenant at once
    queries_each: int = 6  # of one person at once
    wait_seconds: int = 10  # for which a statement waits where as many run already
    data_mb: int = 200_000  # in the tenant's database
    lab_mb: int = 50_000  # in its workshop


@dataclass(frozen=True)
class SharedFolder:
    """A folder that everyone of the tenant reads; people with one of the roles `writers` also write in it."""

    name: str
    writers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """A report of a tenant and what it reads besides open data; names as `naming.make_report_table` takes them."""

    name: str
    datasets: tuple[str, ...] = ()


@dataclass(frozen=True)
class PortalProfile:
    """How the public portal shows a tenant; statements are texts by language, or addresses (https) of them."""

    colour: str = ""  # #rrggbb of links and buttons on white
    logo: str = ""  # a data URL: the file that lies beside the tenant's
    host_names: tuple[str, ...] = ()  # at which the portal is this tenant's alone
    embed_in: tuple[str, ...] = ()  # origins of web sites that its pages may allow to show them
    contributor: str = ""  # in DCAT-AP.de's list of those who deliver data to GovData
    municipality_key: str = ""  # the official one of eight digits
    imprint: Text = field(default_factory=dict)
    privacy: Text = field(default_factory=dict)
    accessibility: Text = field(default_factory=dict)


@dataclass(frozen=True)
class PublishingRules:
    """Who hears of a tenant's publications by mail and may decide besides, and what interactive views may take."""

    mail: str = ""  # a mailbox of those who release
    deputies: tuple[str, ...] = ()  # ids of tenants, whose gatekeepers may decide here, too
    live_views: int = 5  # sessions of the whole tenant at once; 0: its pages offer no interactive view
    live_views_each: int = 3  # and of one page


@dataclass(frozen=True)
class Tenant:
    """A tenant as the services see it; resolved from its file over the defaults, secrets never in it."""

    id: str
    title: str
    languages: tuple[str, ...]
    state: str  # ISO 3166-2 code of the federal state, for holidays: NW
    time_zone: str
    latitude: float
    longitude: float
    crs: str
    population: int
    contact: str
    feeds: tuple[Feed, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    reports: tuple[Report, ...] = ()
    host_names: tuple[str, ...] = ()  # by which a login knows the tenant without asking
    second_factor: tuple[str, ...] = ("gatekeeper", "admin")  # roles that nobody holds with a password alone
    quotas: Quotas = Quotas()
    warehouse: WarehouseLimits = WarehouseLimits()
    idle_minutes: int = 240  # after which an unused server ends
    undelete_days: int = 7  # for which deleted files can be had back
    allow: tuple[str, ...] = ()  # of ALLOWANCES
    shared_folders: tuple[SharedFolder, ...] = ()
    audit_days: int = 730  # for which the audit log is kept
    accept_shares: str = "by_hand"  # what partners offer is accepted by somebody, or it is `automatic`
    portal: PortalProfile = PortalProfile()
    publishing: PublishingRules = PublishingRules()


def tenant_from_dict(values: dict[str, Any]) -> Tenant:
    """Return the record that `tenant_to_dict` took apart; raise `TypeError` or `KeyError` for a stranger's."""
    feeds = tuple(
        Feed(
            **{
                **feed,
                "columns": tuple(Column(**column) for column in feed["columns"]),
                "key": tuple(feed["key"]),
            }
        )
        for feed in values.get("feeds", ())
    )
    folders = tuple(
        SharedFolder(folder["name"], tuple(folder["writers"])) for folder in values.get("shared_folders", ())
    )
    converted = {
        **{name: tuple(values[name]) for name in ("languages", *_LISTS) if name in values},
        "feeds": feeds,
        "sensors": tuple(Sensor(**sensor) for sensor in values.get("sensors", ())),
        "reports": tuple(
            Report(report["name"], tuple(report["datasets"])) for report in values.get("reports", ())
        ),
        "quotas": Quotas(**values.get("quotas", {})),
        "warehouse": WarehouseLimits(**values.get("warehouse", {})),
        "shared_folders": folders,
        "portal": _make_portal_profile(values.get("portal", {})),
        "publishing": make_publishing_rules(values.get("publishing", {})),
    }
    return Tenant(**{**values, **converted})


def _make_portal_profile(values: dict[str, Any]) -> PortalProfile:
    lists = {name: tuple(values.get(name, ())) for name in ("host_names", "embed_in")}
    return PortalProfile(**{**values, **lists})


def make_publishing_rules(values: dict[str, Any]) -> PublishingRules:
    """Return the rules that a tenant's file or record has."""
    return PublishingRules(**{**values, "deputies": tuple(values.get("deputies", ()))})


def tenant_to_dict(tenant: Tenant) -> dict[str, Any]:
    """Return plain values for JSON."""
    return dataclasses.asdict(tenant)


def read_tenants(directory: Path) -> dict[str, Tenant]:
    """Return the resolved tenants in `directory` by id; an absent directory holds none, a closed one raises."""
    # Not by a pattern: that takes a directory which may not be read for an empty one.
    paths = sorted(directory.iterdir()) if directory.exists() else []
    tenants = {}
    for path in paths:
        if path.suffix == ".json":
            with suppress(FileNotFoundError):  # a tenant that was removed since the directory was listed
                tenants[path.stem] = tenant_from_dict(json.loads(path.read_text(encoding="utf-8")))
    return tenants


def has_tenant(directory: Path, tenant: str) -> bool:
    """Return whether a tenant has a record now, readable or not; raise `OSError` where nobody can tell.

    For whoever deletes what is left of a tenant: unlike `read_tenants` an absent directory raises too.
    """
    return directory / f"{tenant}.json" in directory.iterdir()


def write_tenant(directory: Path, tenant: Tenant) -> bool:
    """Write a resolved tenant so that a reader never sees half of it; return whether anything changed."""
    path = directory / f"{tenant.id}.json"
    text = json.dumps(tenant_to_dict(tenant), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    draft = path.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(path)
    return True
