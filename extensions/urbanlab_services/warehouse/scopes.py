"""What an identity may see and change: databases for people, single tables for the ingest service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from urbanlab.contract.naming import (
    OPEN_DATABASE,
    SENSORS_TABLE,
    make_database,
    make_lab_database,
    make_report_table,
    make_shared_database,
)
from urbanlab.contract.records import Tenant
from urbanlab_services.warehouse.credentials import Identity

NO_DATABASE = "default"  # exists in the engine, holds nothing and is granted to nobody


@dataclass(frozen=True)
class Scope:
    """Databases that may be read and written as a whole, and single tables."""

    default_database: str
    readable: frozenset[str] = frozenset()
    writable: frozenset[str] = frozenset()
    tables: Mapping[str, frozenset[str]] = field(default_factory=dict)  # that may be read
    filled: Mapping[str, frozenset[str]] = field(default_factory=dict)  # that take rows
    own: frozenset[str] = frozenset()  # what is in these may be told in full
    # Their rows may be written where the database may, their form never.
    declared: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def databases(self) -> frozenset[str]:
        """Those in which something may be read."""
        return self.readable | self.tables.keys()

    def can_read(self, database: str, table: str) -> bool:
        """Whether a statement may read `database.table`, existing or not."""
        return database in self.readable or table in self.tables.get(database, ())

    def can_insert(self, database: str, table: str) -> bool:
        """Whether a statement may add rows to `database.table`."""
        is_own = database in self.writable and not (table == SENSORS_TABLE and database in self.declared)
        return is_own or table in self.filled.get(database, ())

    def can_change(self, database: str) -> bool:
        """Whether a statement may create, alter and drop in `database`."""
        return database in self.writable

    def is_declared(self, database: str, table: str) -> bool:
        """Whether the tenant's file says what columns `database.table` has."""
        return table in self.declared.get(database, ())


def make_scope(identity: Identity, tenants: Mapping[str, Tenant]) -> Scope:
    """Return what `identity` may see; the engine's roles say the same a second time."""
    if identity.access == "ingest":
        return _make_ingest_scope(tenants.values())
    if identity.access == "operator":
        return _make_operator_scope(tenants)
    if not identity.tenant:
        return Scope(NO_DATABASE)
    if identity.access == "publications":
        return Scope(OPEN_DATABASE, readable=frozenset({OPEN_DATABASE}))
    own, lab = make_database(identity.tenant), make_lab_database(identity.tenant)
    tenant = tenants[identity.tenant]
    if identity.access == "reports":
        declared = {own: frozenset(), **_list_report_tables(tenant)}
        return Scope(own, frozenset({OPEN_DATABASE}), tables=declared)
    readable = frozenset({own, lab, make_shared_database(identity.tenant), OPEN_DATABASE})
    writable = {"analyst": {lab}, "steward": {lab, own}}.get(identity.access, set())
    formed = {own: frozenset({SENSORS_TABLE, *(feed.name for feed in tenant.feeds)})}
    return Scope(own, readable, frozenset(writable), own=frozenset({own, lab}), declared=formed)


def _list_report_tables(tenant: Tenant) -> dict[str, frozenset[str]]:
    tables: dict[str, frozenset[str]] = {}
    for name in (dataset for report in tenant.reports for dataset in report.datasets):
        database, _, table = make_report_table(tenant.id, name).partition(".")
        tables[database] = tables.get(database, frozenset()) | {table}
    return tables


def _make_ingest_scope(tenants: Iterable[Tenant]) -> Scope:
    tables = {make_database(tenant.id): frozenset(feed.name for feed in tenant.feeds) for tenant in tenants}
    return Scope(NO_DATABASE, tables=tables, filled=tables)


def _make_operator_scope(tenants: Iterable[str]) -> Scope:
    """The operator reads everything; what is made and changed goes through `/operator/apply`."""
    databases = {
        make(tenant)
        for tenant in tenants
        for make in (make_database, make_lab_database, make_shared_database)
    }
    return Scope(NO_DATABASE, readable=frozenset({*databases, OPEN_DATABASE}))
