"""From the text that a client sent to the job that the engine may run: read by the engine, judged, rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from urbanlab.contract.naming import make_lab_database
from urbanlab.contract.records import Tenant
from urbanlab_services.warehouse.arguments import Arguments
from urbanlab_services.warehouse.base_guard import BaseGuard
from urbanlab_services.warehouse.client_sessions import ClientSession
from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.engine_client import EngineClient, Parsed
from urbanlab_services.warehouse.errors import (
    BAD_REQUEST,
    READONLY,
    SYNTAX_ERROR,
    WarehouseError,
    make_not_there,
)
from urbanlab_services.warehouse.externals import make_externals
from urbanlab_services.warehouse.handshake import find_answer
from urbanlab_services.warehouse.killing import find_killed
from urbanlab_services.warehouse.policy import Verdict, check_statement
from urbanlab_services.warehouse.policy_expressions import refuse
from urbanlab_services.warehouse.scopes import NO_DATABASE, Scope, make_scope
from urbanlab_services.warehouse.session_statements import check_in_session, find_table, list_changes
from urbanlab_services.warehouse.wire import External, Job

DEFAULT_FORMAT = "TabSeparated"
REMEMBERED, REMEMBERED_LENGTH = 500, 4000  # statements, and the letters of one
_READING = ("read", "show")
_GUARDED = ("show", "change")
# The engine makes no tree of these; their object is one that a SELECT could read, and is judged as that.
_DESCRIBING = ("DESCRIBE TABLE ", "EXISTS TABLE ", "EXISTS VIEW ")
# These tell what is behind a view too, so for what others made they do not.
_TELLING = ("SHOW CREATE TABLE ", "SHOW CREATE VIEW ")
_SELECT = "SELECT * FROM "


class Statements:
    """The one way from a text to a job."""

    def __init__(
        self, engine: EngineClient, tenants: Callable[[], Mapping[str, Tenant]], guard: BaseGuard
    ) -> None:
        self._engine = engine
        self._tenants = tenants
        self._guard = guard
        self._parsed: dict[str, Parsed] = {}

    async def admit(
        self, identity: Identity, arguments: Arguments, text: str, session: ClientSession | None = None
    ) -> Job:
        """Return the job for a statement of `identity`, or raise `WarehouseError` saying what is refused."""
        if not text.strip():
            raise WarehouseError(SYNTAX_ERROR, "Syntax error: the query is empty")
        scope = self._make_scope(identity, arguments.database)
        parsed = await self.parse(text)
        if not parsed.tree:
            return await self._admit_describing(identity, scope, arguments, parsed.text)
        own = self._find_own(parsed.tree, scope, arguments, session)
        if own is not None:
            return self._admit_own(identity, scope, arguments, parsed, own)
        answer = find_answer(parsed.text)
        if answer is not None:
            name, canonical = answer
            return self._make_job(identity, scope, arguments, Verdict("show", name), canonical)
        verdict = check_statement(parsed.tree, scope, arguments.parameters)
        if arguments.readonly and verdict.kind not in _READING:
            raise _make_readonly()
        if verdict.kind == "insert" and arguments.parameters:
            raise WarehouseError(BAD_REQUEST, "An INSERT with rows takes no parameters")
        if verdict.kind in _GUARDED:
            await self._guard.check(parsed.tree, scope.default_database, verdict.tables)
        canonical = strip_format(parsed.text, verdict.format)
        return self._make_job(identity, scope, arguments, verdict, canonical)

    async def parse(self, text: str) -> Parsed:
        """Return how the engine reads `text`; what clients ask again and again is remembered."""
        found = self._parsed.get(text)
        if found is None:
            found = await self._engine.parse(text)
            if len(text) <= REMEMBERED_LENGTH:
                self._parsed[text] = found
                if len(self._parsed) > REMEMBERED:
                    del self._parsed[next(iter(self._parsed))]
        return found

    async def admit_externals(
        self,
        identity: Identity,
        arguments: Arguments,
        files: Mapping[str, bytes],
        descriptions: Mapping[str, Mapping[str, str]],
    ) -> tuple[External, ...]:
        """Return the tables that come with a statement; raise `WarehouseError` for what is refused of them."""
        scope = self._make_scope(identity, arguments.database)
        return await make_externals(self.parse, scope, files, descriptions)

    def _find_own(
        self, tree: Mapping[str, Any], scope: Scope, arguments: Arguments, session: ClientSession | None
    ) -> Verdict | None:
        """Return the verdict for what concerns a session, or what runs, and no data."""
        if tree.get("type") == "KillQueryQuery":
            return Verdict("kill")
        tables = session.tables if session else ()
        verdict = check_in_session(dict(tree), scope, arguments.parameters, tables)
        if verdict is not None and session is None:
            raise refuse("SET and temporary tables last for a session; send session_id with each request")
        return verdict

    def _admit_own(
        self, identity: Identity, scope: Scope, arguments: Arguments, parsed: Parsed, verdict: Verdict
    ) -> Job:
        if arguments.readonly:
            raise _make_readonly()
        job = self._make_job(identity, scope, arguments, verdict, strip_format(parsed.text, verdict.format))
        if verdict.kind == "kill":
            return replace(job, parameters={"killed": find_killed(parsed.tree, arguments.parameters)})
        if verdict.kind == "set":
            return replace(job, settings={**arguments.settings, **list_changes(parsed.tree)})
        return replace(job, changes_table=find_table(parsed.tree) if verdict.kind == "temporary" else "")

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
        prefix = next((each for each in _DESCRIBING + _TELLING if canonical.startswith(each)), None)
        if prefix is None:
            kind = " ".join(canonical.split()[:2])
            raise refuse(f"Statements of this kind ({kind}) are not available in this warehouse")
        selecting: Parsed = await self.parse(_SELECT + canonical.removeprefix(prefix))
        verdict = check_statement(selecting.tree, scope, arguments.parameters)
        if selecting.text != _SELECT + canonical.removeprefix(prefix) or not _is_plain_select(selecting.tree):
            raise refuse(f"This form of {prefix.strip()} is not available in this warehouse")
        others = sorted(name for name in verdict.tables if name.partition(".")[0] not in scope.own)
        if prefix in _TELLING and others:
            raise refuse(f"SHOW CREATE is for what your own tenant made; write DESCRIBE TABLE {others[0]}")
        text = strip_format(canonical, verdict.format)
        return self._make_job(identity, scope, arguments, replace(verdict, kind="show"), text)

    def _find_room(self, identity: Identity, database: str) -> int:
        """Return how many megabytes a database may hold; what feeds bring in stops for no limit."""
        if not database or not identity.tenant:
            return 0
        limits = self._tenants()[identity.tenant].warehouse
        return limits.lab_mb if database == make_lab_database(identity.tenant) else limits.data_mb

    def _make_job(
        self, identity: Identity, scope: Scope, arguments: Arguments, verdict: Verdict, text: str
    ) -> Job:
        default = "" if scope.default_database == NO_DATABASE else scope.default_database
        return Job(
            role=identity.role,
            text=text,
            kind=verdict.kind,
            format=verdict.format or arguments.format or DEFAULT_FORMAT,
            database=default,
            parameters=arguments.parameters,
            settings=arguments.settings,
            profile=identity.tenant,
            fills=verdict.fills,
            room_mb=self._find_room(identity, verdict.fills),
            tables=tuple(sorted(verdict.tables)),
            with_columns=arguments.with_columns and verdict.kind == "read",
        )


def strip_format(canonical: str, format_: str) -> str:
    """Return the canonical text without its FORMAT clause, which is `format_` by the engine's own reading."""
    if not format_:
        return canonical
    # A format that is also a keyword stands in quotes.
    for ending in (f" FORMAT {format_}", f" FORMAT `{format_}`"):
        if canonical.endswith(ending):
            return canonical.removesuffix(ending)
    raise refuse("SETTINGS behind FORMAT are not available; write them before it")


def _make_readonly() -> WarehouseError:
    return WarehouseError(
        READONLY, "Cannot execute this statement in readonly mode: GET only reads, use POST"
    )


def _is_plain_select(tree: Mapping[str, Any]) -> bool:
    selects = (tree.get("list_of_selects") or {}).get("children", [])
    return len(selects) == 1 and set(selects[0]) <= {"type", "select", "tables", "settings"}
