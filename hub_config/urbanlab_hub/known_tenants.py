"""The tenants that the hub knows: the resolved records, read again when they change."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
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
        # Asked several times for each person in each round of the sweep, so it makes no paths.
        stamp = []
        with suppress(FileNotFoundError), os.scandir(self.directory) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # removed since it was listed
                    if entry.name.endswith(".json"):
                        stat = entry.stat()
                        stamp.append((entry.name, stat.st_mtime_ns, stat.st_size))
        return tuple(sorted(stamp))


@cache
def get_known_tenants(directory: Path) -> KnownTenants:
    """Return the tenants in a folder; all who ask share them, so that each server does not keep its own."""
    return KnownTenants(directory)
