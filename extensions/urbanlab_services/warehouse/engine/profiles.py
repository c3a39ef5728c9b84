"""What a statement of each tenant may use, as settings profiles: values that no statement can raise."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from urbanlab.contract.naming import check_tenant_id
from urbanlab.contract.records import Tenant, WarehouseLimits

Profiles = Mapping[str, Mapping[str, int]]
MEGABYTE = 1_000_000
MOST_THREADS = 16  # of a statement that asks for more than there are processors


def make_profiles(tenants: Iterable[Tenant]) -> Profiles:
    """Return the settings of each tenant's profile, which bears the tenant's name."""
    return {check_tenant_id(tenant.id): _make_settings(tenant.warehouse) for tenant in tenants}


def _make_settings(limits: WarehouseLimits) -> dict[str, int]:
    return {
        "max_rows_to_read": limits.read_rows,
        "max_bytes_to_read": limits.read_mb * MEGABYTE,
        "max_result_rows": limits.result_rows,
        "max_result_bytes": limits.result_mb * MEGABYTE,
        "max_memory_usage": limits.memory_mb * MEGABYTE,
        "max_execution_time": limits.seconds,
        "max_threads": min(os.cpu_count() or 1, MOST_THREADS),
        # What sorting and grouping put aside on the disk.
        "max_temporary_data_on_disk_size_for_query": limits.result_mb * MEGABYTE,
    }


def render_profiles(profiles: Profiles) -> str:
    """Return the elements of `users.xml`; a session takes one on top of the default profile, and none back."""
    return "".join(_render(name, profiles[name]) for name in sorted(profiles))


def _render(name: str, settings: Mapping[str, int]) -> str:
    values = "".join(f"<{key}>{value}</{key}>" for key, value in settings.items())
    ceiling = {**settings, "max_threads": MOST_THREADS}
    # 0 would mean that there is no limit.
    ceilings = "".join(f"<{key}><min>1</min><max>{value}</max></{key}>" for key, value in ceiling.items())
    return f"<{name}>{values}<constraints>{ceilings}</constraints></{name}>\n"
