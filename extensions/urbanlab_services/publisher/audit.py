"""The audit log: a line for each act and each refusal, appended and never changed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from urbanlab_services.errors import ServiceError
from urbanlab_services.publisher.actors import Actor
from urbanlab_services.publisher.publications import now

SERVICE = "publisher"


class Audit:
    """Writes ``{time, who, tenant, action, object, outcome, …}`` as JSON lines to one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    @contextmanager
    def act(self, actor: Actor, action: str, thing: str, **details: Any) -> Iterator[dict[str, Any]]:
        """Write a line when the block ends: ``done``, or the code of the error that ended it.

        What the block adds to the dictionary stands in the line.
        """
        outcome = "error"  # what nobody expected
        try:
            yield details
            outcome = "done"
        except ServiceError as error:
            outcome = error.code
            raise
        finally:
            self.record(actor.hub_user, actor.tenant, action, thing, outcome, **details)

    def record(self, who: str, tenant: str, action: str, thing: str, outcome: str, **details: Any) -> None:
        """Append one line and wait until the disk has it."""
        line = {"time": now(), "who": who, "tenant": tenant, "action": action, "object": thing}
        text = json.dumps({**line, "outcome": outcome, **details}, ensure_ascii=False) + "\n"
        # One write of one line to a file opened for appending is never mixed with another.
        with self._lock:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, text.encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def list_acts(self, tenant: str, thing: str, limit: int = 200) -> list[dict[str, Any]]:
        """Return the last acts of a tenant that were done with things whose name begins so, the newest first."""
        if not self._path.exists():
            return []
        acts: list[dict[str, Any]] = []
        name = json.dumps(thing, ensure_ascii=False)[:-1]
        with self._path.open(encoding="utf-8") as lines:
            # Few of the lines are of this thing: the others are not worth being taken apart.
            for line in (line for line in lines if f'"object": {name}' in line):
                act = json.loads(line)
                if act["tenant"] == tenant and act["object"].startswith(thing) and act["outcome"] == "done":
                    acts.append(act)
        return acts[: -limit - 1 : -1]
