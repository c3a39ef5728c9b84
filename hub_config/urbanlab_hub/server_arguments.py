"""What a server is told on its command line, as the tenant declares: no file of its person's changes it."""

from __future__ import annotations

from pathlib import Path

from urbanlab.contract import naming
from urbanlab.contract.records import Tenant

# So often, in seconds, a server looks for kernels that nobody uses.
LOOK_SECONDS = 60


def make_server_arguments(tenant: Tenant, hub_user: str, shared: Path) -> list[str]:
    """Return the arguments of a person's or service user's server; `shared` holds the tenant's shared folders.

    What runs for the public or for reports is not ended for being idle, and nobody works in it.
    """
    if naming.split_hub_user(hub_user)[0] in naming.SERVICE_PERSONS:
        return ["--ServerApp.terminals_enabled=False"]
    idle = tenant.idle_minutes * 60
    return [
        f"--MappingKernelManager.cull_idle_timeout={idle}",
        f"--MappingKernelManager.cull_interval={min(idle, LOOK_SECONDS)}",
        # An open tab alone is no use of a kernel; a running cell is (`cull_busy` is off).
        "--MappingKernelManager.cull_connected=True",
        f"--ServerApp.shutdown_no_activity_timeout={idle}",
        f"--TerminalManager.cull_inactive_timeout={idle}",
        f"--ServerApp.terminals_enabled={'terminals' in tenant.allow}",
        f"--HomeUse.limit_mb={tenant.quotas.home_mb}",
        f"--Trash.days={tenant.undelete_days}",
        f"--FileContentsManager.delete_to_trash={tenant.undelete_days > 0}",
        *(f"--SharedFolders.folders={shared / folder.name}" for folder in tenant.shared_folders),
    ]
