"""Any ClickHouse server over HTTP as the engine. Not yet proven against a real one: see extensions/README.md."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from urbanlab.contract.records import Tenant, read_tenants
from urbanlab.contract.secrets import Secret
from urbanlab_services.warehouse import parse_questions, wire
from urbanlab_services.warehouse.cluster_access import list_statements, list_users, make_password, make_user
from urbanlab_services.warehouse.engine.roles import NOBODY_ROLE, OPERATOR_ROLE
from urbanlab_services.warehouse.engine_client import EngineClient, Parsed
from urbanlab_services.warehouse.errors import WarehouseError, from_engine, make_unavailable
from urbanlab_services.warehouse.exchange import EngineLostError
from urbanlab_services.warehouse.late_errors import TAG_HEADER, LateErrors
from urbanlab_services.warehouse.policy import read_tree

SESSION_SECONDS = 3600
CONNECT_SECONDS = 10
_READING = ("read", "show")


class ClusterEngine(EngineClient):
    """Runs each job as the user of its role; the server's own administrator makes those users."""

    def __init__(self, url: str, secret: Secret, records: Path, state: Path) -> None:
        """Ask the server at `url`; remember in the folder `state` which users it has been given."""
        # Statements take their time; the engine's limits end those that take too much of it.
        timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=32)
        self._client = httpx.AsyncClient(base_url=url, timeout=timeout, limits=limits, trust_env=False)
        self._secret = secret
        self._records = records
        self._known = state / "cluster-users.json"
        self._sessions: dict[str, str] = {}  # name -> role

    async def parse(self, text: str) -> Parsed:
        """Return how the server reads `text`; raise `WarehouseError` for what is no single statement."""
        try:
            return await self._ask_to_parse(parse_questions.BOTH, text)
        except WarehouseError as error:
            if parse_questions.UNSUPPORTED not in error.message:
                raise
        return await self._ask_to_parse(parse_questions.TEXT, text)

    async def end_sessions(self, names: Iterable[str]) -> None:
        """End sessions that clients have kept."""
        for name in names:
            if role := self._sessions.pop(name, ""):
                with suppress(WarehouseError):
                    await self._collect(wire.Job(role, "SELECT 1", "read", session=name), close_session="1")

    async def reopen(self) -> bool:
        """Make users, roles and limits as the tenants' records say; return whether there was a difference."""
        tenants = list((await asyncio.to_thread(read_tenants, self._records)).values())
        if await self.has_roles_of(tenants):
            return False
        former = self._load_known().get("users", [])
        for user in sorted(set(former) - set(list_users(tenants))):
            await self.collect(wire.Job(OPERATOR_ROLE, f"DROP USER IF EXISTS {user}", "change"))
        for statement in list_statements(tenants, self._secret):
            await self.collect(wire.Job(OPERATOR_ROLE, statement, "change"))
        known = {"digest": self._make_digest(tenants), "users": list_users(tenants)}
        self._known.write_text(json.dumps(known), encoding="utf-8")
        return True

    async def has_roles_of(self, tenants: Iterable[Tenant]) -> bool:
        """Whether the server was told of these tenants already."""
        return self._load_known().get("digest") == self._make_digest(tenants)

    async def find_problem(self) -> str:
        """Return why the server cannot work now, or nothing."""
        try:
            answer = await self._client.get("/ping", timeout=CONNECT_SECONDS)
            return "" if answer.content == b"Ok.\n" else "is no ClickHouse server"
        except httpx.HTTPError:
            return "does not answer"

    async def run(
        self,
        job: wire.Job,
        outcomes: list[wire.Outcome],
        source: AsyncIterator[bytes] | None = None,
        reader: wire.FrameReader | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield the rows that a statement answers; see `EngineClient.run`. The server tells no progress."""
        if job.begins_session:
            self._sessions[job.session] = job.role
        rows = _Rows(source)
        if job.externals:
            job = replace(job, session=job.session or uuid.uuid4().hex)
            await self._send_externals(job, rows)
        if job.with_columns and reader is not None:
            described = await self._collect(_about(job, f"DESCRIBE ({job.text})"))
            reader.columns = [json.loads(line)[:2] for line in described.splitlines()]
        async for piece in self._run(job, outcomes, rows if job.kind == "insert" else None):
            yield piece

    async def _run(
        self, job: wire.Job, outcomes: list[wire.Outcome], rows: _Rows | None, **more: str
    ) -> AsyncGenerator[bytes, None]:
        text, arguments, headers = self._make_request(job, more)
        body: dict[str, Any] = {"content": text if rows is None else rows.rest()}
        if rows is None and job.parameters:
            # In a form, for no address is as long as a value may be; rows come without them.
            named = {f"param_{name}": value.encode() for name, value in job.parameters.items()}
            body = {"files": {name: (None, value) for name, value in {"query": text, **named}.items()}}
        is_done = False
        try:
            async with self._client.stream("POST", "/", params=arguments, headers=headers, **body) as answer:
                async for piece in _read(answer, job):
                    yield piece
                outcomes.append(_read_summary(answer.headers))
            is_done = True
        except httpx.ConnectError as error:
            is_done = True
            raise make_unavailable() from error
        except httpx.HTTPError as error:
            raise EngineLostError from error
        finally:
            if not is_done and job.kind in (*_READING, "insert"):
                await asyncio.shield(self._kill(job.tag))

    async def _collect(self, job: wire.Job, **more: str) -> bytes:
        return b"".join([piece async for piece in self._run(job, [], None, **more)])

    async def _kill(self, tag: str) -> None:
        """End what the server goes on with although nobody listens; what has ended needs no end."""
        text = f"KILL QUERY WHERE query_id = '{tag}' ASYNC"
        with suppress(WarehouseError, EngineLostError):
            await self._collect(wire.Job(OPERATOR_ROLE, text, "change"))

    async def _send_externals(self, job: wire.Job, rows: _Rows) -> None:
        for external in job.externals:
            await self._collect(_about(job, external.create, "change"))
            content = b"".join([piece async for piece in rows.take(external.length)])
            insert = _about(job, external.insert, "insert", external.format)
            source = _Rows(_once(content))
            async for _ in self._run(insert, [], source):
                pass

    async def _ask_to_parse(self, question: str, text: str) -> Parsed:
        parameters = {"text": parse_questions.escape(text)}
        job = wire.Job(NOBODY_ROLE, question, "read", "JSONCompactEachRow", parameters=parameters)
        try:
            answer = json.loads(await self.collect(job))
        except WarehouseError as error:
            raise WarehouseError(error.number, parse_questions.strip_question(error.message)) from None
        return Parsed(answer[0], read_tree(answer[1] if len(answer) > 1 else ""))

    def _make_request(
        self, job: wire.Job, more: Mapping[str, str]
    ) -> tuple[bytes, dict[str, str], dict[str, str]]:
        """Return the statement, the arguments and the headers."""
        arguments = {"query_id": job.tag, "wait_end_of_query": "0", **job.settings, **more}
        if job.kind in _READING and not job.session:
            arguments |= {"readonly": "2", "cancel_http_readonly_queries_on_client_close": "1"}
        elif job.role != OPERATOR_ROLE:
            arguments |= wire.PLAIN_VALUES
        if job.database:
            arguments["database"] = job.database
        if job.session:
            arguments |= {"session_id": job.session, "session_timeout": str(SESSION_SECONDS)}
        text = _make_text(job)
        if job.kind == "insert":
            arguments["query"] = text
        user = make_user(job.role)
        headers = {
            "X-ClickHouse-User": user,
            "X-ClickHouse-Key": make_password(self._secret, user).reveal(),
        }
        return text.encode(), arguments, headers

    def _load_known(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._known.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def _make_digest(self, tenants: Iterable[Tenant]) -> str:
        statements = "\n".join(list_statements(tenants, self._secret))
        return hashlib.sha256(statements.encode()).hexdigest()


class _Rows:
    """The rows that come with a statement, of which external data takes the first."""

    def __init__(self, source: AsyncIterator[bytes] | None) -> None:
        self._source = source
        self._kept = b""

    async def take(self, length: int) -> AsyncIterator[bytes]:
        """Yield so many bytes."""
        while length:
            piece = self._kept or (await anext(self._source, b"") if self._source else b"")
            if not piece:
                return
            self._kept = piece[length:]
            length -= len(piece[:length])
            yield piece[: len(piece) - len(self._kept)]

    async def rest(self) -> AsyncIterator[bytes]:
        """Yield what is left."""
        if self._kept:
            yield self._kept
        if self._source:
            async for piece in self._source:
                yield piece


async def _once(content: bytes) -> AsyncIterator[bytes]:
    if content:
        yield content


async def _read(answer: httpx.Response, job: wire.Job) -> AsyncIterator[bytes]:
    """Yield the rows of an answer; raise `WarehouseError` for what it says instead of or behind them."""
    if answer.status_code != 200 or "X-ClickHouse-Exception-Code" in answer.headers:
        text = (await answer.aread()).decode("utf-8", "replace")
        raise from_engine(text, None if job.role in (OPERATOR_ROLE, NOBODY_ROLE) else job.text)
    late = LateErrors(answer.headers.get(TAG_HEADER, ""))
    try:
        async for piece in answer.aiter_raw():
            if rows := late.feed(piece):
                yield rows
    except httpx.RemoteProtocolError:
        # After an error behind rows a server breaks off.
        if late.error is None:
            raise
    if late.error is not None:
        raise from_engine(late.error, job.text)
    if rows := late.finish():
        yield rows


def _read_summary(headers: Mapping[str, str]) -> wire.Outcome:
    try:
        values = json.loads(headers.get("X-ClickHouse-Summary", "{}"))
        return wire.Outcome(**{name: int(values.get(name, 0)) for name in wire.Outcome.__dataclass_fields__})
    except (ValueError, AttributeError):
        return wire.Outcome()


def _about(job: wire.Job, text: str, kind: str = "show", format_: str = "JSONCompactEachRow") -> wire.Job:
    """Return a job that prepares another one, in the same session."""
    changes = {"externals": (), "with_columns": False, "tag": uuid.uuid4().hex, "settings": {}}
    return replace(job, text=text, kind=kind, format=format_, **changes)  # type: ignore[arg-type]


def _make_text(job: wire.Job) -> str:
    if job.kind == "set":
        return "SET " + ", ".join(f"{name} = {_quote(value)}" for name, value in job.settings.items())
    return f"{job.text} FORMAT {job.format}" if job.kind in (*_READING, "insert") else job.text


def _quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
