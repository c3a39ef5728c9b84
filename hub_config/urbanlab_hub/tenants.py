"""Tenants as the operator declares them: one file each over the defaults, checked and resolved to records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from urbanlab.contract import naming
from urbanlab.contract.records import Column, Feed, Sensor, Tenant
from urbanlab_hub.settings import CHECKOUT
from urbanlab_hub.tenant_schema import Problem, find_schema_problems, to_text
from urbanlab_hub.tenant_yaml import KeyPath, TenantFile, TenantFileError, read_tenant_file

DEMO_FOLDER = CHECKOUT / "hub_config" / "tenants"
DEFAULTS = DEMO_FOLDER / "_defaults.yaml"
SENSORS_TABLE = "sensors"  # the table of a tenant's sensors beside those of its feeds


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
    tenants: dict[str, Tenant] = {}
    problems: list[str] = []
    for path in list_tenant_files(folder):
        try:
            tenants[path.stem] = load_tenant(path, defaults)
        except TenantError as error:
            problems += error.problems
    if problems:
        # What is wrong in the defaults is wrong for every tenant, and is said once.
        raise TenantError(list(dict.fromkeys(problems)))
    return tenants


def load_tenant(path: Path, defaults: Path = DEFAULTS) -> Tenant:
    """Return one resolved tenant; raise `TenantError` with everything that is wrong with its file."""
    try:
        naming.check_tenant_id(path.stem)
        base, own = read_tenant_file(defaults), read_tenant_file(path)
    except naming.NamingError as error:
        raise TenantError([f"{path.name}: {error}"]) from error
    except TenantFileError as error:
        raise TenantError([str(error)]) from error
    values = lay_over(base.values, own.values)
    problems = find_schema_problems(values) or list(_find_contradictions(values))
    if problems:
        raise TenantError([f"{_place(key, own, base)}: {text}" for key, text in problems])
    return _make_tenant(path.stem, values)


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


def _find_contradictions(values: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what a schema cannot say: names that must exist, be valid, or belong together."""
    if not _is_time_zone(values["time_zone"]):
        yield (
            ("time_zone",),
            f"time_zone is {values['time_zone']!r}, which is no time zone; write Europe/Berlin",
        )
    for name, feed in values["feeds"].items():
        key = ("feeds", name)
        yield from _check_names(
            (key, name), *(((*key, "columns", column), column) for column in feed["columns"])
        )
        if name == SENSORS_TABLE:
            yield (
                key,
                f"{to_text(key)}: the table {name} holds the places of the sensors; choose another name",
            )
        yield from _check_columns(key, feed)
        yield from _check_texts(key, feed, values["languages"])


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found, a folder of zones, a path that leads out
        return False
    return True


def _check_names(*names: tuple[KeyPath, str]) -> Iterator[Problem]:
    for key, name in names:
        try:
            naming.check_dataset_name(name)
        except naming.NamingError as error:
            yield key, f"{to_text(key)}: {error}"


def _check_columns(key: KeyPath, feed: Mapping[str, Any]) -> Iterator[Problem]:
    columns = feed["columns"]
    for name in feed["key"]:
        if name not in columns:
            yield (*key, "key"), f"{to_text((*key, 'key'))} names {name!r}, which is no column of the feed"
    if columns.get(feed["time"], {}).get("type") != "instant":
        yield (
            (*key, "time"),
            f"{to_text((*key, 'time'))} must name a column of type instant, not {feed['time']!r}",
        )


def _check_texts(key: KeyPath, feed: Mapping[str, Any], languages: list[str]) -> Iterator[Problem]:
    texts = {(*key, "title"): feed["title"], (*key, "description"): feed["description"]}
    for name, column in feed["columns"].items():
        texts[(*key, "columns", name, "title")] = column["title"]
    for place, text in texts.items():
        for language in languages:
            if language not in text:
                yield place, f"{to_text((*place, language))} is missing: the tenant's languages include it"


def _make_tenant(tenant_id: str, values: dict[str, Any]) -> Tenant:
    plain = ("title", "state", "time_zone", "crs", "population", "contact")
    return Tenant(
        id=tenant_id,
        languages=tuple(values["languages"]),
        latitude=float(values["centre"]["latitude"]),
        longitude=float(values["centre"]["longitude"]),
        feeds=tuple(_make_feed(name, feed, values["licence"]) for name, feed in values["feeds"].items()),
        sensors=tuple(
            Sensor(id=sensor_id, **sensor)
            for sensor_id, sensor in values["simulation"].get("sensors", {}).items()
        ),
        **{name: values[name] for name in plain},
    )


def _make_feed(name: str, feed: dict[str, Any], licence: str) -> Feed:
    columns = tuple(Column(name=column, **values) for column, values in feed["columns"].items())
    return Feed(**{"licence": licence, **feed, "name": name, "columns": columns, "key": tuple(feed["key"])})
