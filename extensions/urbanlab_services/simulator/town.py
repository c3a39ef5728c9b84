"""What the simulation needs to know of a tenant; unlike the tenant's record it can be the key of a cache."""

from __future__ import annotations

from dataclasses import dataclass

from urbanlab.contract.records import Tenant


@dataclass(frozen=True)
class Town:
    """A town: `state` decides holidays and weather systems, `population` how many people there are."""

    id: str
    state: str
    time_zone: str
    population: int

    @classmethod
    def from_tenant(cls, tenant: Tenant) -> Town:
        """Return the town of a tenant."""
        return cls(tenant.id, tenant.state, tenant.time_zone, tenant.population)
