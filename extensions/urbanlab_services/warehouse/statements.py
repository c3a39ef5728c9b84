"""From the text that a client sent to the job that the engine may run: read by the engine, judged, rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from urbanlab.contract.records import Tenant
from urbanlab_services.warehouse.arguments import Arguments
from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.engine_client import EngineClient, Parsed
from urbanlab_services.warehouse.errors import (
    BAD_REQUEST,
    READONLY,
    SYNTAX_ERROR,
    WarehouseError,
    make_not_there,
)
from urbanlab_services.warehouse.handshake import find_answer
from urbanlab_services.warehouse.policy import check_statement
from urbanlab_services.warehouse.policy_expressions import refuse
from urbanlab_services.warehouse.scopes import NO_DATABASE, Scope, make_scope
from urbanlab_services.warehouse.wire import Job

DEFAULT_FORMAT = "TabSeparated"
_READING = ("read", "show")
# The engine makes no tree of these two; their object is one that a SELECT could read, and is judged as that.
_DESCRIBING = ("DESCRIBE TABLE ", "EXISTS TABLE ", "EXISTS VIEW ")
_SELECT = "SELECT * FROM "


class Statements:
    """The one way from a text to a job."""

    def __init__(self, engine: EngineClient, tenants: Callable[[], Mapping[str, Tenant]]) -> None:
        self._engine = engine
        self._tenants = tenants

    async def admit(self, identity: Identity, arguments: Arguments, text: str) -> Job:
        """Return the job for a statement of `identity`, or raise `WarehouseError` saying what is refused."""
        if not text.strip():
            raise WarehouseError(SYNTAX_ERROR, "Syntax error: the query is empty")
        scope = self._make_scope(identity, arguments.database)
        parsed = await self._engine.parse(text)
        if not parsed.tree:
            return await self._admit_describing(identity, scope, arguments, parsed.text)
        answer = find_answer(parsed.text)
        if answer is not None:
            name, canonical = answer
            return self._make_job(identity, scope, arguments, "show", canonical, name)
        verdict = check_statement(parsed.tree, scope, arguments.parameters)
        if arguments.readonly and verdict.kind not in _READING:
            raise WarehouseError(
                READONLY, "Cannot execute this statement in readonly mode: GET only reads, use POST"
            )
        if verdict.kind == "insert" and arguments.parameters:
            raise WarehouseError(BAD_REQUEST, "An INSERT with rows takes no parameters")
        canonical = strip_format(parsed.text, verdict.format)
        return self._make_job(identity, scope, arguments, verdict.kind, canonical, verdict.format)

    def _make_scope(self, identity: Identity, database: str) -> Scope:
        tenants = self._tenants()
        if identity.tenant and identity.tenant not in tenants:
            # Removed while its credentials were still valid.
            raise make_not_there(identity.tenant)
        scope = make_scope(identity, tenants)
        if database in ("", scope.default_database):
            return scope
        if database not in scope.readable:
            raise make_not_there(database)
        return replace(scope, default_database=database)

    async def _admit_describing(
        self, identity: Identity, scope: Scope, arguments: Arguments, canonical: str
    ) -> Job:
        prefix = next((prefix for prefix in _DESCRIBING if canonical.startswith(prefix)), None)
        if prefix is None:
            kind = " ".join(canonical.split()[:2])
            raise refuse(f"Statements of this kind ({kind}) are not available in this warehouse")
        selecting: Parsed = await self._engine.parse(_SELECT + canonical.removeprefix(prefix))
        verdict = check_statement(selecting.tree, scope, arguments.parameters)
        if selecting.text != _SELECT + canonical.removeprefix(prefix) or not _is_plain_select(selecting.tree):
            raise refuse(f"This form of {prefix.strip()} is not available in this warehouse")
        text = strip_format(canonical, verdict.format)
        return self._make_job(identity, scope, arguments, "show", text, verdict.format)

    def _make_job(
        self, identity: Identity, scope: Scope, arguments: Arguments, kind: str, text: str, format_: str
    ) -> Job:
        default = "" if scope.default_database == NO_DATABASE else scope.default_database
        return Job(
            role=identity.role,
            text=text,
            kind=kind,
            format=format_ or arguments.format or DEFAULT_FORMAT,
            database=default,
            parameters=arguments.parameters,
            settings=arguments.settings,
        )


def strip_format(canonical: str, format_: str) -> str:
    """Return the canonical text without its FORMAT clause, which is `format_` by the engine's own reading."""
    ending = f" FORMAT {format_}"
    if not format_:
        return canonical
    if not canonical.endswith(ending):
        raise refuse("SETTINGS behind FORMAT are not available; write them before it")
    return canonical.removesuffix(ending)


def _is_plain_select(tree: Mapping[str, Any]) -> bool:
    selects = (tree.get("list_of_selects") or {}).get("children", [])
    return len(selects) == 1 and set(selects[0]) <= {"type", "select", "tables", "settings"}
