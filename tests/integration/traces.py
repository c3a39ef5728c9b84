"""What attacks leave behind: lines in the logs of the parts, and entries of the audit log."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.installation import Installation

from .operator_access import wait_until

# The audit log takes a few of one person's refusals in it, and counts the others.
MINUTE = timedelta(seconds=60)


class Traces:
    """What has been written since this was made, or since `forget`."""

    def __init__(self, installation: Installation, *more: Path) -> None:
        """Take the files to look at besides the logs of the parts; they need not be there yet."""
        self._installation, self._more = installation, more
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._began = datetime.now(UTC)
        folder = self._installation.settings.state / "logs"
        self._sizes = {path: measure(path) for path in (*folder.glob("*.log"), *self._more)}

    def list_lines(self, name: str) -> list[str]:
        """Return the new lines of a part's log, or of another file by its name."""
        path = next(path for path in self._sizes if path.name in (name, f"{name}.log"))
        with path.open("rb") as file:
            # A log that has been turned over meanwhile begins anew.
            file.seek(self._sizes[path] if measure(path) >= self._sizes[path] else 0)
            return file.read().decode("utf-8", "replace").splitlines()

    def count(self, name: str, pattern: str) -> int:
        """Return how many new lines hold the pattern."""
        expression = re.compile(pattern)
        return sum(1 for line in self.list_lines(name) if expression.search(line))

    def wait_for(self, name: str, pattern: str, count: int = 1) -> None:
        """Wait until so many new lines hold the pattern."""
        deadline = time.monotonic() + 10
        while (found := self.count(name, pattern)) < count:
            assert time.monotonic() < deadline, f"{found} of {count} lines in {name} say {pattern}"
            time.sleep(0.05)

    def wait_for_entry(self, event: str, source: str, **data: Any) -> dict[str, Any]:
        """Return the newest entry of a service in the audit log that holds these, once it is there.

        Of one person's refusals only some in a minute are written one by one, so that one of the minute before may
        be the last.
        """

        def find() -> dict[str, Any] | None:
            entries = [each for each in self.list_entries(event) if each["source"] == source]
            return next((each for each in entries if data.items() <= each["data"].items()), None)

        found: dict[str, Any] = wait_until(find, 30)
        return found

    def list_entries(self, event: str) -> list[dict[str, Any]]:
        """Return the entries of one kind since a minute before the beginning, the newest first."""
        shown = self._installation.run("audit", "list", "--json", "--limit", "1000", "--event", event)
        since = self._began - MINUTE
        return [each for each in json.loads(shown) if datetime.fromisoformat(each["time"]) >= since]


def measure(path: Path) -> int:
    """Return the size of a file, 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def make_request_pattern(part: str, method: str, path: str) -> str:
    """Return what stands in the line of a part about a request that it refused."""
    if part in ("hub", "server"):  # the line of the request, and not the one with the reason before it
        return rf"\b4\d\d {method} {re.escape(path)}(\?\S*)? \(\S*@\S+\) [\d.]+ms"
    if part in ("proxy", "keycloak"):
        return rf"\b4\d\d {method} {re.escape(path)}(\s|\"|$)"
    return re.escape(json.dumps({"method": method, "path": path})[1:-1]) + r', "status": 4\d\d'
