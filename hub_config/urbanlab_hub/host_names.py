"""Host names: of tenants, by which a login knows which is meant, and of the servers of users, one each."""

from __future__ import annotations

from collections.abc import Mapping

from jupyterhub.utils import subdomain_hook_idna

from urbanlab.contract import naming
from urbanlab.contract.records import Tenant


def find_tenant_of_host(tenants: Mapping[str, Tenant], host_name: str) -> str | None:
    """Return the id of the tenant that declares a host name, without a port; None where it is nobody's or two's."""
    wanted = host_name.lower()
    owners = [
        tenant.id for tenant in tenants.values() if wanted in {name.lower() for name in tenant.host_names}
    ]
    return owners[0] if len(owners) == 1 else None


def make_host_name(name: str, domain: str, kind: str) -> str:
    """Return the host name of a hub user's server, or of a service; the hub's own scheme lets two users meet."""
    if kind != "user":
        return str(subdomain_hook_idna(name, domain, kind))
    return f"{naming.make_subdomain(name)}.{domain}"
