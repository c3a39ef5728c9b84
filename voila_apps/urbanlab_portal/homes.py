"""Where the portal is for browsers: its own address, and the host names at which it is one town's alone."""

from __future__ import annotations

from urllib.parse import urlsplit

from urbanlab.contract.publications import PublicTenant
from urbanlab_portal.directory import Directory


class Homes:
    """Finds towns by host name, and makes whole addresses; never from what a visitor sends."""

    def __init__(self, directory: Directory, portal_url: str) -> None:
        self._directory = directory
        self._url = portal_url.rstrip("/")
        self._scheme = urlsplit(portal_url).scheme or "http"
        self._tenants: dict[str, PublicTenant] = {}
        self._towns: dict[str, str] = {}

    @property
    def is_encrypted(self) -> bool:
        """Whether browsers reach the portal by https."""
        return self._scheme == "https"

    def find_town(self, host_name: str) -> str:
        """Return the tenant whose host name this is, or nothing."""
        tenants = self._directory.list_tenants()
        if tenants is not self._tenants:
            self._tenants = tenants
            self._towns = {name: tenant.id for tenant in tenants.values() for name in tenant.host_names}
        return self._towns.get(host_name.lower().rstrip("."), "")

    def make_url(self, path: str, tenant: PublicTenant | None = None) -> str:
        """Return the whole address of a path, at the tenant's own host name where it has one."""
        host_names = tenant.host_names if tenant else ()
        return f"{self._scheme}://{host_names[0]}{path}" if host_names else f"{self._url}{path}"
