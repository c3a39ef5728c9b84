"""KILL QUERY: people end what they run themselves, by its id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.errors import CANCELLED
from urbanlab_services.warehouse.policy import Node
from urbanlab_services.warehouse.policy_expressions import refuse
from urbanlab_services.warehouse.running import CutError, Running
from urbanlab_services.warehouse.wire import Job

_ANSWER = "SELECT 'finished' AS kill_status, {killed:String} AS query_id, {user:String} AS user"
_KILL = re.compile(r"\s*KILL\s", re.IGNORECASE)


class KilledError(CutError):
    """Whoever ran the statement ended it, and is told so."""

    def __init__(self) -> None:
        super().__init__(CANCELLED, "The query was cancelled")


def is_kill(text: str) -> bool:
    """Whether a text is a KILL or no statement at all."""
    return _KILL.match(text) is not None


def find_killed(tree: Node, parameters: Mapping[str, str]) -> str:
    """Return the id that the statement names; raise `WarehouseError` for any other condition."""
    condition = tree.get("where_expression") or {}
    column, value = ((condition.get("arguments") or {}).get("children") or [{}, {}])[:2]
    if (
        condition.get("name") != "equals"
        or column.get("name") != "query_id"
        or tree.get("kill_type") != "Query"
    ):
        raise refuse("KILL QUERY is available as KILL QUERY WHERE query_id = '…', for what you run yourself")
    if value.get("type") == "QueryParameter":
        return str(parameters.get(value.get("name", ""), ""))
    return str((value.get("value") or {}).get("value", ""))


def kill(running: Running, identity: Identity, job: Job) -> Job:
    """End what `identity` runs under the id that the job names; return the job that answers with it."""
    killed = job.parameters["killed"]
    count = running.cut(
        lambda work: work.query_id == killed and work.identity == identity, lambda: KilledError()
    )
    text = _ANSWER if count else f"{_ANSWER} WHERE 0"
    return replace(job, kind="show", text=text, parameters={"killed": killed, "user": identity.subject})
