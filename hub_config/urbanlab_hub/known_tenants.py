"""The tenants that the hub knows: the resolved records, read again when they change."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from urbanlab.contract.records import Tenant, read_tenants

Stamp = tuple[tuple[str, int, int], ...]


class KnownTenants:
    """The tenants in the folder of records; a new one counts at once, without a restart."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._stamp: Stamp | None = None
        self._tenants: dict[str, Tenant] = {}

    def load_tenants(self) -> dict[str, Tenant]:
        """Return the tenants by id."""
        stamp = self._make_stamp()
        if stamp != self._stamp:
            self._tenants, self._stamp = read_tenants(self.directory), stamp
        return self._tenants

    def _make_stamp(self) -> Stamp:
        stamp = []
        for path in sorted(self.directory.glob("*.json")):
            with suppress(FileNotFoundError):  # removed since it was listed
                stat = path.stat()
                stamp.append((path.name, stat.st_mtime_ns, stat.st_size))
        return tuple(stamp)
