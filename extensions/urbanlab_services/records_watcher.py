"""The resolved tenants as they are now: re-read when `urbanlab apply` has written them anew."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from urbanlab.contract.records import Tenant, read_tenants

logger = logging.getLogger(__name__)

Signature = tuple[tuple[str, int, int], ...]


class RecordsWatcher:
    """Answers from memory and looks at the folder at most every `interval` seconds."""

    def __init__(self, directory: Path, interval: float = 2.0) -> None:
        self._directory = directory
        self._interval = interval
        self._looked_at = float("-inf")
        self._signature: Signature | None = None
        self._tenants: dict[str, Tenant] = {}

    def tenants(self) -> dict[str, Tenant]:
        """Return the tenants by id; what cannot be read leaves those known before in place."""
        if time.monotonic() - self._looked_at >= self._interval:
            self._looked_at = time.monotonic()
            self._reread()
        return self._tenants

    def look_again(self) -> None:
        """Look at the folder at the next question, however soon it comes."""
        self._looked_at = float("-inf")

    def _reread(self) -> None:
        try:
            signature = _make_signature(self._directory)
            if signature == self._signature:
                return
            self._tenants = read_tenants(self._directory)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            # A file may vanish between listing and reading; a foreign one must not take the others along.
            logger.warning("tenants could not be read", extra={"error": str(error)})
            return
        self._signature = signature
        logger.info("tenants read", extra={"count": len(self._tenants)})


def _make_signature(directory: Path) -> Signature:
    stats = ((path.name, path.stat()) for path in sorted(directory.glob("*.json")))
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
