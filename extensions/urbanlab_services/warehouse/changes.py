"""What the warehouse lacks of what the tenants' records ask for: a pure comparison, nothing is dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from urbanlab.contract.naming import (
    OPEN_DATABASE,
    SENSORS_TABLE,
    check_dataset_name,
    make_database,
    make_lab_database,
    make_shared_database,
)
from urbanlab.contract.records import COLUMN_TYPES, Column, Feed, Sensor, Tenant
from urbanlab_services.warehouse.inventory import Table

Key = tuple[str, str]  # database and table
SENSOR_COLUMNS = {
    "id": "String",
    "name": "String",
    "kind": "LowCardinality(String)",
    "longitude": "Float64",
    "latitude": "Float64",
}


@dataclass(frozen=True)
class Change:
    """A sentence for the operator and the statement that does it."""

    sentence: str
    statement: str


def find_database_changes(tenants: Iterable[Tenant], existing: set[str]) -> Iterator[Change]:
    """Yield the databases to make."""
    for name in list_databases(tenants):
        if name not in existing:
            yield Change(f"create the database {name}", f"CREATE DATABASE IF NOT EXISTS {name}")


def list_databases(tenants: Iterable[Tenant]) -> list[str]:
    """Return the names of all databases that belong to the tenants, and the open one."""
    makers = (make_database, make_lab_database, make_shared_database)
    return [OPEN_DATABASE, *(make(tenant.id) for tenant in tenants for make in makers)]


def find_table_changes(tenants: Iterable[Tenant], existing: Mapping[Key, Table]) -> Iterator[Change]:
    """Yield the tables to make and the columns to add; a column of another type is left alone."""
    for tenant in tenants:
        database = make_database(tenant.id)
        for feed in tenant.feeds:
            table = existing.get((database, feed.name))
            yield from [_create(database, feed)] if table is None else _amend(database, feed, table)


def find_sensor_changes(
    tenants: Iterable[Tenant], current: Mapping[str, list[Sensor] | None]
) -> Iterator[Change]:
    """Yield the tables of sensors to write anew; `current` has what stands in them, None where there is none."""
    for tenant in tenants:
        wanted = sorted(tenant.sensors, key=lambda sensor: sensor.id)
        if current.get(tenant.id) != [_without_level(sensor) for sensor in wanted]:
            table = f"{make_database(tenant.id)}.{SENSORS_TABLE}"
            yield Change(f"list {len(wanted)} sensors in {table}", _make_sensors(table, wanted))


def _create(database: str, feed: Feed) -> Change:
    columns = ", ".join(_define(column) for column in feed.columns)
    key = ", ".join(_quote(name) for name in feed.key)
    statement = (
        f"CREATE TABLE IF NOT EXISTS {_table(database, feed)} ({columns}) ENGINE = MergeTree "
        f"PARTITION BY toYYYYMM({_quote(feed.time)}) ORDER BY ({key}){_make_ttl(feed)}"
    )
    return Change(f"create the table {database}.{feed.name}", statement)


def _amend(database: str, feed: Feed, table: Table) -> Iterator[Change]:
    for column in feed.columns:
        if column.name not in table.columns:
            yield Change(
                f"add the column {column.name} to {database}.{feed.name}",
                f"ALTER TABLE {_table(database, feed)} ADD COLUMN IF NOT EXISTS {_define(column)}",
            )
    wanted, has = _make_ttl(feed), " TTL " in table.storage
    if wanted and wanted not in table.storage.replace("`", ""):
        statement = f"ALTER TABLE {_table(database, feed)} MODIFY{wanted}"
        yield Change(f"keep the rows of {database}.{feed.name} for {feed.keep_days} days", statement)
    elif has and not wanted:
        statement = f"ALTER TABLE {_table(database, feed)} REMOVE TTL"
        yield Change(f"keep the rows of {database}.{feed.name} for ever", statement)


def _make_ttl(feed: Feed) -> str:
    if not feed.keep_days:
        return ""
    return f" TTL {check_dataset_name(feed.time)} + toIntervalDay({int(feed.keep_days)})"


def _define(column: Column) -> str:
    return f"{_quote(column.name)} {COLUMN_TYPES[column.type]}"


def _quote(name: str) -> str:
    return f"`{check_dataset_name(name)}`"


def _table(database: str, feed: Feed) -> str:
    return f"{database}.{_quote(feed.name)}"


def _without_level(sensor: Sensor) -> Sensor:
    return Sensor(sensor.id, sensor.name, sensor.kind, float(sensor.longitude), float(sensor.latitude))


def _make_sensors(table: str, sensors: Iterable[Sensor]) -> str:
    """Return a statement that puts a new table in the old one's place at once."""
    structure = ", ".join(f"{name} {type_}" for name, type_ in SENSOR_COLUMNS.items())
    rows = [
        f"({_text(sensor.id)}, {_text(sensor.name)}, {_text(sensor.kind)}, "
        f"{float(sensor.longitude)!r}, {float(sensor.latitude)!r})"
        for sensor in sensors
    ]
    content = f" AS SELECT * FROM values('{structure}', {', '.join(rows)})" if rows else ""  # noqa: S608 - quoted
    return f"CREATE OR REPLACE TABLE {table} ({structure}) ENGINE = MergeTree ORDER BY id{content}"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
