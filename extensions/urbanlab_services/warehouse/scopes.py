"""What an identity may see and change: databases for people, single tables for the ingest service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from urbanlab.contract.naming import (
    OPEN_DATABASE,
    make_database,
    make_lab_database,
    make_shared_database,
)
from urbanlab.contract.records import Tenant
from urbanlab_services.warehouse.credentials import Identity

NO_DATABASE = "default"  # exists in the engine, holds nothing and is granted to nobody


@dataclass(frozen=True)
class Scope:
    """Databases that may be read and written as a whole, and single tables open to both."""

    default_database: str
    readable: frozenset[str] = frozenset()
    writable: frozenset[str] = frozenset()
    tables: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def can_read(self, database: str, table: str) -> bool:
        """Whether a statement may read `database.table`, existing or not."""
        return database in self.readable or table in self.tables.get(database, ())

    def can_insert(self, database: str, table: str) -> bool:
        """Whether a statement may add rows to `database.table`."""
        return database in self.writable or table in self.tables.get(database, ())

    def can_change(self, database: str) -> bool:
        """Whether a statement may create, alter and drop in `database`."""
        return database in self.writable


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
    readable = frozenset({own, lab, make_shared_database(identity.tenant), OPEN_DATABASE})
    writable = {"analyst": {lab}, "steward": {lab, own}}.get(identity.access, set())
    return Scope(own, readable, frozenset(writable))


def _make_ingest_scope(tenants: Iterable[Tenant]) -> Scope:
    tables = {make_database(tenant.id): frozenset(feed.name for feed in tenant.feeds) for tenant in tenants}
    return Scope(NO_DATABASE, tables=tables)


def _make_operator_scope(tenants: Iterable[str]) -> Scope:
    """The operator reads everything; what is made and changed goes through `/operator/apply`."""
    databases = {
        make(tenant)
        for tenant in tenants
        for make in (make_database, make_lab_database, make_shared_database)
    }
    return Scope(NO_DATABASE, readable=frozenset({*databases, OPEN_DATABASE}))
