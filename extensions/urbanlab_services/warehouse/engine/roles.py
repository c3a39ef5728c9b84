"""The engine's configuration as a pure function of the tenants: one narrow role for each kind of access.

chDB knows one user, `default`. It owns nothing itself: each statement runs in a session of its own that
has taken one role, and grants name what the role needs and no more. A plain `CREATE` would be enough to
read another's table through a dictionary, so it is never granted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from urbanlab.contract.naming import (
    OPEN_DATABASE,
    make_database,
    make_lab_database,
    make_shared_database,
    make_warehouse_role,
)
from urbanlab.contract.records import Tenant

OPERATOR_ROLE = "operator"
NOBODY_ROLE = "nobody"
INGEST_ROLE = "ingest"
PUBLISHER_ROLE = "publisher"  # it has things released; of itself it reads nothing

_WORK = (
    "SELECT, INSERT, ALTER UPDATE, ALTER DELETE, ALTER COLUMN, ALTER TTL, ALTER MODIFY COMMENT, ALTER INDEX, "
    "CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, TRUNCATE, OPTIMIZE"
)

# What a statement may use; the gateway can ask for less, nobody for more.
LIMITS = {
    "max_memory_usage": 3_000_000_000,
    "max_execution_time": 300,
    "max_result_rows": 100_000_000,
    "max_result_bytes": 20_000_000_000,
    "max_rows_to_read": 5_000_000_000,
    "max_bytes_to_read": 500_000_000_000,
    "max_threads": 16,
}
# Nobody changes these, whatever a statement says.
_FIXED = {
    "allow_introspection_functions": 0,
    "allow_ddl": 1,
    "allow_experimental_database_replicated": 0,
    "default_normal_view_sql_security": "INVOKER",
    "dialect": "clickhouse",
    "async_insert": 0,
    "log_queries": 0,
}


def make_roles(tenants: Iterable[Tenant]) -> dict[str, list[str]]:
    """Return the grants of each role, without the `TO`."""
    tenants = sorted(tenants, key=lambda tenant: tenant.id)
    roles: dict[str, list[str]] = {
        NOBODY_ROLE: [],
        PUBLISHER_ROLE: [],
        OPERATOR_ROLE: ["GRANT ALL ON *.*"],
        INGEST_ROLE: [f"GRANT SELECT, INSERT ON {table}" for table in _list_feed_tables(tenants)],
    }
    for tenant in tenants:
        roles |= _make_tenant_roles(tenant.id)
    return roles


def _list_feed_tables(tenants: Iterable[Tenant]) -> Iterator[str]:
    return (f"{make_database(tenant.id)}.{feed.name}" for tenant in tenants for feed in tenant.feeds)


def _make_tenant_roles(tenant: str) -> dict[str, list[str]]:
    own, lab = make_database(tenant), make_lab_database(tenant)
    seen = [
        f"GRANT SELECT ON {database}.*" for database in (own, make_shared_database(tenant), OPEN_DATABASE)
    ]
    analyst = [*seen, f"GRANT {_WORK} ON {lab}.*"]
    return {
        make_warehouse_role(tenant, "analyst"): analyst,
        make_warehouse_role(tenant, "steward"): [*analyst, f"GRANT {_WORK} ON {own}.*"],
        make_warehouse_role(tenant, "reports"): [*seen, f"GRANT SELECT ON {lab}.*"],
        make_warehouse_role(tenant, "publications"): [f"GRANT SELECT ON {OPEN_DATABASE}.*"],
    }


def render_users(roles: dict[str, list[str]]) -> str:
    """Return `users.xml`."""
    role_parts = "".join(
        f"<{name}><grants>{''.join(_element('query', grant) for grant in grants)}</grants></{name}>\n"
        if grants
        else f"<{name}></{name}>\n"
        for name, grants in roles.items()
    )
    memberships = "".join(_element("query", f"GRANT {name}") for name in roles)
    limits = "".join(_element(name, str(value)) for name, value in (LIMITS | _FIXED).items())
    ceilings = "".join(f"<{name}><min>1</min><max>{value}</max></{name}>" for name, value in LIMITS.items())
    fixed = "".join(f"<{name}><readonly/></{name}>" for name in _FIXED)
    return (
        f"<clickhouse><profiles><default>{limits}<constraints>{ceilings}{fixed}</constraints></default></profiles>\n"
        f"<roles>{role_parts}</roles>\n"
        "<users><default><password></password><profile>default</profile><quota>default</quota>"
        f"<networks><ip>::/0</ip></networks><grants>{memberships}</grants></default></users>\n"
        "<quotas><default/></quotas></clickhouse>\n"
    )


def render_config(users: Path) -> str:
    """Return `config.xml`.

    A killed process loses nothing that chDB has handed to the system, but a machine that loses power may:
    what is acknowledged is synced, which costs a small insert about two milliseconds.
    """
    return (
        f"<clickhouse><users_config>{escape(str(users))}</users_config><timezone>UTC</timezone>"
        "<merge_tree><fsync_after_insert>1</fsync_after_insert>"
        "<fsync_part_directory>1</fsync_part_directory></merge_tree>"
        "<user_defined_executable_functions_config></user_defined_executable_functions_config>"
        "<dictionaries_config></dictionaries_config></clickhouse>\n"
    )


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"
