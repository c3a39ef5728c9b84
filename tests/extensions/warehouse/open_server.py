"""A server that speaks ClickHouse's HTTP interface and judges nothing: what the cluster backend meets in tests.

Behind it is an engine of its own. Users come from the statements that make them, as a server's would: the engine
reads each of them, and whoever is not among them gets nothing. It is started as
``python -m tests.extensions.warehouse.open_server``.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.web import Application, RequestHandler, stream_request_body

from urbanlab.contract.secrets import Secret
from urbanlab_services.warehouse.answers import Answer, ClientGoneError
from urbanlab_services.warehouse.arguments import Arguments
from urbanlab_services.warehouse.cluster_access import ADMINISTRATOR
from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.embedded import EmbeddedEngine
from urbanlab_services.warehouse.errors import CANCELLED, WarehouseError
from urbanlab_services.warehouse.execution import execute
from urbanlab_services.warehouse.forms import read_form
from urbanlab_services.warehouse.intake import Intake
from urbanlab_services.warehouse.killing import find_killed
from urbanlab_services.warehouse.running import CutError, Running
from urbanlab_services.warehouse.session_statements import list_changes
from urbanlab_services.warehouse.statement_text import split_statement
from urbanlab_services.warehouse.wire import Job

USER = re.compile(
    r"CREATE USER OR REPLACE (\w+) IDENTIFIED WITH sha256_hash BY '(\w+)' DEFAULT ROLE urbanlab_(\w+)"
)
ACCESS = re.compile(r"CREATE (USER|ROLE|SETTINGS PROFILE)|DROP USER|GRANT|REVOKE")
OTHER = {
    "wait_end_of_query",
    "query",
    "query_id",
    "database",
    "session_id",
    "session_timeout",
    "close_session",
}
OTHER |= {"readonly", "cancel_http_readonly_queries_on_client_close"}
KINDS = {
    "SelectWithUnionQuery": "read",
    "SetQuery": "set",
    "ShowTablesQuery": "show",
    "ExplainQuery": "show",
    "": "show",
}


class Server:
    """Who may ask, and what runs."""

    def __init__(self, engine: EmbeddedEngine, secret: Secret, spool: Path) -> None:
        self.engine, self.spool, self.running = engine, spool, Running()
        self.users = {ADMINISTRATOR: (hashlib.sha256(secret.reveal().encode()).hexdigest(), "operator")}
        self.sessions: set[str] = set()

    def identify(self, headers: Mapping[str, str]) -> Identity:
        user = headers.get("X-ClickHouse-User", "")
        digest, role = self.users.get(user, ("", ""))
        if hashlib.sha256(headers.get("X-ClickHouse-Key", "").encode()).hexdigest() != digest:
            raise WarehouseError(516, f"{user}: Authentication failed")
        return Identity(user, "", role)

    async def change_access(self, identity: Identity, text: str) -> Job:
        if identity.access != "operator":
            raise WarehouseError(497, "Not enough privileges")
        await self.engine.parse(text)
        if found := USER.match(text):
            self.users[found[1]] = found[2], found[3]
        await self.engine.reopen()
        return Job("operator", "SELECT 1 WHERE 0", "show")

    async def make_job(self, identity: Identity, values: Mapping[str, str], text: str) -> Job:
        if ACCESS.match(text):
            return await self.change_access(identity, text)
        parsed = await self.engine.parse(text)
        kind = find_kind(parsed.tree)
        if kind == "kill":
            killed = find_killed(parsed.tree, {})
            self.running.cut(lambda work: work.query_id == killed, lambda: CutError(CANCELLED, "cancelled"))
            return Job("operator", "SELECT 1 WHERE 0", "show")
        format_ = re.search(r" FORMAT `?(\w+)`?$", parsed.text)
        settings = {k: v for k, v in values.items() if k not in OTHER and not k.startswith("param_")}
        session = values.get("session_id", "")
        is_new = bool(session) and session not in self.sessions
        self.sessions.add(session)
        return Job(
            role=identity.access,
            text=parsed.text.removesuffix(format_[0]) if format_ else parsed.text,
            kind=kind,
            format=format_[1] if format_ else "TabSeparated",
            database=values.get("database", ""),
            parameters={k.removeprefix("param_"): v for k, v in values.items() if k.startswith("param_")},
            settings=list_changes(parsed.tree) if kind == "set" else settings,
            session=f"{identity.subject} {session}" if session else "",
            begins_session=is_new,
        )


def find_kind(tree: Mapping[str, Any]) -> str:
    kind = str(tree.get("type", ""))
    if kind == "InsertQuery":
        return "change" if tree.get("select") else "insert"
    return "kill" if kind == "KillQueryQuery" else KINDS.get(kind, "change")


@stream_request_body
class OpenHandler(RequestHandler):
    def initialize(self, server: Server) -> None:
        self.server = server

    def prepare(self) -> None:
        self.intake = Intake()
        self.refusal: WarehouseError | None = None
        self.work = asyncio.create_task(self.respond() if self.request.method == "POST" else asyncio.sleep(0))

    async def data_received(self, chunk: bytes) -> None:
        await self.intake.put(chunk)

    async def get(self) -> None:
        self.write("Ok.\n")

    async def post(self) -> None:
        await self.intake.end()
        await self.work

    def on_connection_close(self) -> None:
        self.work.cancel()

    async def respond(self) -> None:
        try:
            await self.work_off()
        except WarehouseError as error:
            self.set_status(error.status)
            self.set_header("X-ClickHouse-Exception-Code", str(error.number))
            self.write(error.to_text())
        except ClientGoneError:
            return
        finally:
            self.intake.close()

    async def work_off(self) -> None:
        server = self.server
        values = {name: items[-1].decode() for name, items in self.request.query_arguments.items()}
        identity = server.identify(self.request.headers)
        body = self.intake.pieces()
        content_type = self.request.headers.get("Content-Type", "")
        if content_type.startswith("multipart/form-data"):
            values |= (await read_form(content_type, body)).values
        text, rows = await split_statement(values.get("query", ""), body)
        job = await server.make_job(identity, values, text)
        answer = Answer(self, Arguments(), job, server.spool)
        try:
            async with server.running.working(identity, (), values.get("query_id", ""), answer):
                await execute(server.engine, identity, job, rows, answer)
        except WarehouseError as error:
            if not answer.is_begun:
                raise
            await answer.break_off(error)
            self._auto_finish = False
            assert isinstance(self.request.connection, HTTP1Connection)
            self.request.connection.close()


async def main(socket: str, secret: str, port: str, spool: str) -> None:
    server = Server(EmbeddedEngine(Path(socket)), Secret(secret), Path(spool))
    application = Application([("/(?:ping)?", OpenHandler, {"server": server})], log_function=lambda _: None)
    application.listen(int(port), "127.0.0.1", max_body_size=1 << 40)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
