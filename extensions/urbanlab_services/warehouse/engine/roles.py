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
    SENSORS_TABLE,
    make_database,
    make_lab_database,
    make_report_table,
    make_shared_database,
    make_warehouse_role,
)
from urbanlab.contract.records import Tenant
from urbanlab_services.warehouse.engine.profiles import Profiles, render_profiles

OPERATOR_ROLE = "operator"
NOBODY_ROLE = "nobody"
INGEST_ROLE = "ingest"
PUBLISHER_ROLE = "publisher"  # it has things released; of itself it reads nothing

_ROWS = "SELECT, INSERT, ALTER UPDATE, ALTER DELETE, OPTIMIZE"
_FORM = (
    "ALTER COLUMN, ALTER TTL, ALTER MODIFY COMMENT, ALTER INDEX, ALTER CONSTRAINT, "
    "CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, TRUNCATE"
)
_WORK = f"{_ROWS}, {_FORM}"

# In memory, for the session that makes it: external data comes in one, too. Other engines take another right.
_TEMPORARY = "GRANT CREATE TEMPORARY TABLE ON *.*"

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
    # A year's daily partitions or a century's monthly ones come in one insert.
    "max_partitions_per_insert_block": 2000,
}

# Nor these of a table: a disk of one's own is a way to other files, and over the network.
_FIXED_OF_TABLES = ("merge_tree_disk", "merge_tree_storage_policy")


def make_roles(tenants: Iterable[Tenant]) -> dict[str, list[str]]:
    """Return the grants of each role without the `TO`, then what is taken from it again without the `FROM`."""
    tenants = sorted(tenants, key=lambda tenant: tenant.id)
    roles: dict[str, list[str]] = {
        NOBODY_ROLE: [],
        PUBLISHER_ROLE: [],
        OPERATOR_ROLE: ["GRANT ALL ON *.*"],
        INGEST_ROLE: [f"GRANT SELECT, INSERT ON {table}" for table in _list_feed_tables(tenants)],
    }
    for tenant in tenants:
        roles |= _make_tenant_roles(tenant)
    return roles


def _list_feed_tables(tenants: Iterable[Tenant]) -> Iterator[str]:
    return (f"{make_database(tenant.id)}.{feed.name}" for tenant in tenants for feed in tenant.feeds)


def _make_tenant_roles(tenant: Tenant) -> dict[str, list[str]]:
    own, lab, name = make_database(tenant.id), make_lab_database(tenant.id), tenant.id
    everybody = [f"GRANT SELECT ON {OPEN_DATABASE}.*", _TEMPORARY]
    seen = [*(f"GRANT SELECT ON {database}.*" for database in (own, make_shared_database(name))), *everybody]
    analyst = [*seen, f"GRANT {_WORK} ON {lab}.*"]
    return {
        make_warehouse_role(name, "analyst"): analyst,
        make_warehouse_role(name, "steward"): [
            *analyst,
            f"GRANT {_WORK} ON {own}.*",
            *_keep_declared(tenant),
        ],
        make_warehouse_role(name, "reports"): [*everybody, *_let_reports_read(tenant)],
        make_warehouse_role(name, "publications"): everybody,
    }


def _keep_declared(tenant: Tenant) -> Iterator[str]:
    """A steward writes rows of feeds; what columns a feed has, and where sensors are, the tenant's file says."""
    own = make_database(tenant.id)
    for feed in tenant.feeds:
        yield f"REVOKE {_FORM} ON {own}.{feed.name}"
    yield f"REVOKE {_FORM}, INSERT, ALTER UPDATE, ALTER DELETE ON {own}.{SENSORS_TABLE}"


def _let_reports_read(tenant: Tenant) -> list[str]:
    named = {
        make_report_table(tenant.id, dataset) for report in tenant.reports for dataset in report.datasets
    }
    return [f"GRANT SELECT ON {table}" for table in sorted(named)]


def render_users(roles: dict[str, list[str]], profiles: Profiles | None = None) -> str:
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
    fixed = "".join(f"<{name}><readonly/></{name}>" for name in (*_FIXED, *_FIXED_OF_TABLES))
    return (
        f"<clickhouse><profiles><default>{limits}<constraints>{ceilings}{fixed}</constraints></default>\n"
        f"{render_profiles(profiles or {})}</profiles>\n"
        f"<roles>{role_parts}</roles>\n"
        "<users><default><password></password><profile>default</profile><quota>default</quota>"
        f"<networks><ip>::/0</ip></networks><grants>{memberships}</grants></default></users>\n"
        "<quotas><default/></quotas></clickhouse>\n"
    )


def render_config(users: Path, backups: Path | None = None) -> str:
    """Return `config.xml`.

    A killed process loses nothing that chDB has handed to the system, but a machine that loses power may:
    what is acknowledged is synced, which costs a small insert about two milliseconds.
    """
    allowed = f"<backups><allowed_path>{escape(str(backups))}/</allowed_path></backups>" if backups else ""
    return (
        f"<clickhouse><users_config>{escape(str(users))}</users_config><timezone>UTC</timezone>{allowed}"
        "<merge_tree><fsync_after_insert>1</fsync_after_insert>"
        "<fsync_part_directory>1</fsync_part_directory>"
        # However much is damaged, the engine starts: it puts the parts aside, and the gateway lists them.
        "<max_suspicious_broken_parts>1000000</max_suspicious_broken_parts>"
        "<max_suspicious_broken_parts_bytes>1000000000000000</max_suspicious_broken_parts_bytes></merge_tree>"
        "<user_defined_executable_functions_config></user_defined_executable_functions_config>"
        "<dictionaries_config></dictionaries_config></clickhouse>\n"
    )


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"
