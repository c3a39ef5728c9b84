"""What lies where in the service's folder, and the writer's own name in the log."""

from __future__ import annotations

LOG, PEOPLE, INDEX = "log", "people.sqlite", "index.sqlite"
WRITER = "audit"
