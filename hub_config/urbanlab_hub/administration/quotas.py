"""What a tenant may take of the installation, and what it takes now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from urbanlab.contract.records import Quotas
from urbanlab_hub.administration.servers import Server

BYTES = 1_048_576


@dataclass(frozen=True)
class Quota:
    """A limit: `name` is its text, `unit` is ``MB`` or empty, `used` None where nobody counts."""

    name: str
    allowed: float
    used: float | None = None
    unit: str = ""


def list_quotas(quotas: Quotas, servers: Sequence[Server]) -> list[Quota]:
    """Return the tenant's limits; those that hold for each person with what takes most."""
    # Runners wait for nobody, and nobody for them.
    own = [server for server in servers if not server.is_runner]
    homes = [server.home_bytes / BYTES for server in own if server.home_bytes is not None]
    memory = [server.usage.memory_bytes / BYTES for server in own if server.usage is not None]
    return [
        Quota("Servers of people at once", quotas.servers, len(own)),
        Quota("Memory of each person", quotas.memory_mb, max(memory, default=None), "MB"),
        Quota("Processes and threads of each person", quotas.processes),
        Quota("Processors of each person", quotas.cpus),
        Quota("Open files of each process", quotas.open_files),
        Quota("Files in each person's home", quotas.home_mb, max(homes, default=None), "MB"),
    ]
