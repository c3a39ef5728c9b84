"""Copies of all databases while they are in use: one file of each table as it is at one moment."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.errors import BAD_REQUEST, WarehouseError
from urbanlab_services.warehouse.inventory import ask, list_databases, quote_name
from urbanlab_services.warehouse.wire import Job

ROLE = "operator"
# Of the engine itself: they hold nothing of ours.
NOT_OURS = frozenset({"system", "information_schema", "INFORMATION_SCHEMA", "default"})
_ID = re.compile(r"[0-9a-f-]{36}")
_MADE = ("BACKUP_CREATED",)
_GOING = ("CREATING_BACKUP",)


@dataclass(frozen=True)
class Backup:
    """A copy in the engine's folder `backups`; `error` says why there will be none."""

    id: str
    file: str
    is_made: bool = False
    error: str = ""


class Backups:
    """Has them made; whoever asked fetches the file from the engine's folder."""

    def __init__(self, engine: EngineClient) -> None:
        self._engine = engine

    async def start(self) -> Backup:
        """Begin one and return without waiting for its end."""
        backup_id = str(uuid.uuid4())
        file = f"{backup_id}.tar"
        databases = sorted(await list_databases(self._engine, ROLE) - NOT_OURS)
        listed = ", ".join(f"DATABASE {quote_name(name)}" for name in databases)
        statement = f"BACKUP {listed} TO File('{file}') SETTINGS id = '{backup_id}' ASYNC"
        await self._engine.collect(Job(ROLE, statement, "change"))
        return Backup(backup_id, file)

    async def get(self, backup_id: str) -> Backup:
        """Return how one is by now; raise `WarehouseError` for one that the engine does not know (any more)."""
        if not _ID.fullmatch(backup_id):
            raise WarehouseError(BAD_REQUEST, "This is no backup's id")
        question = f"SELECT name, status, error FROM system.backups WHERE id = '{backup_id}'"  # noqa: S608 - checked
        found = await ask(self._engine, ROLE, question)
        if not found:
            raise WarehouseError(
                BAD_REQUEST, "The engine was restarted and made no backup; begin again", status=409
            )
        ((name, status, error),) = found
        file = name.removeprefix("File('").removesuffix("')")
        is_going = status in (*_MADE, *_GOING)
        return Backup(backup_id, file, status in _MADE, "" if is_going else error or status)
