"""The gateway's addresses: ClickHouse's HTTP interface, the catalogue, and what the operator asks for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.web import HTTPError, stream_request_body

from urbanlab_services.errors import ServiceError
from urbanlab_services.service import BaseHandler
from urbanlab_services.warehouse.answers import Answer, ClientGoneError
from urbanlab_services.warehouse.arguments import Arguments, is_on, parse_arguments
from urbanlab_services.warehouse.backups import Backups
from urbanlab_services.warehouse.catalog import Catalog
from urbanlab_services.warehouse.client_sessions import ClientSessions
from urbanlab_services.warehouse.codings import OWN_CODING, decode
from urbanlab_services.warehouse.credentials import Authenticator, Identity
from urbanlab_services.warehouse.damages import Damages
from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.errors import HTTP_STATUSES, UNKNOWN_EXCEPTION, WarehouseError
from urbanlab_services.warehouse.execution import execute
from urbanlab_services.warehouse.externals import chain_rows, take_descriptions
from urbanlab_services.warehouse.forms import read_form
from urbanlab_services.warehouse.holdings import Holdings
from urbanlab_services.warehouse.intake import DroppedTooMuchError, Intake, Readings
from urbanlab_services.warehouse.killing import KilledError, is_kill, kill
from urbanlab_services.warehouse.reconciler import Reconciler
from urbanlab_services.warehouse.refusals import QueryRefusals
from urbanlab_services.warehouse.releases import Releases
from urbanlab_services.warehouse.revocations import Revocations
from urbanlab_services.warehouse.running import CutError, Running
from urbanlab_services.warehouse.slots import Slots
from urbanlab_services.warehouse.statement_text import split_statement
from urbanlab_services.warehouse.statements import Statements
from urbanlab_services.warehouse.uses import Uses
from urbanlab_services.warehouse.wire import Job

MOST_TABLES = 50  # whose names a header holds
_TABLE = re.compile(r"[a-z0-9_]{1,80}\.[A-Za-z0-9_]{1,120}")
MAX_STREAM_BYTES = 1 << 40  # an insert streams; its size is nothing that memory depends on


@dataclass(frozen=True)
class Gateway:
    """What the addresses work with."""

    authenticator: Authenticator
    engine: EngineClient
    statements: Statements
    slots: Slots
    readings: Readings
    backups: Backups
    damages: Damages
    catalog: Catalog
    reconciler: Reconciler
    releases: Releases
    uses: Uses
    holdings: Holdings
    revocations: Revocations
    running: Running
    sessions: ClientSessions
    spool: Path
    refusals: QueryRefusals


class WarehouseHandler(BaseHandler):
    """A handler that knows who asks, and says what is wrong as ClickHouse does."""

    def initialize(self, gateway: Gateway) -> None:
        """Take what the addresses work with."""
        self.gateway = gateway
        self.asker: Identity | None = None

    def set_default_headers(self) -> None:
        """Say in which zone times are."""
        super().set_default_headers()
        self.set_header("X-ClickHouse-Timezone", "UTC")

    def get_values(self) -> dict[str, str]:
        """Return the arguments of the address; of several with one name, the last."""
        values = self.request.query_arguments
        return {name: items[-1].decode("utf-8", "replace") for name, items in values.items()}

    def identify(self) -> Identity:
        """Return who asks; raise `WarehouseError` for those that nobody knows."""
        self.asker = self.gateway.authenticator.identify(self.request.headers, self.get_values())
        self.gateway.revocations.check(self.asker)
        return self.asker

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write ClickHouse's text and the code as a header."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, WarehouseError) and error.status == 400:
            self.set_status(HTTP_STATUSES.get(error.number, 400))
        if not isinstance(error, WarehouseError):
            message = (
                error.message if isinstance(error, ServiceError) else "The warehouse failed unexpectedly"
            )
            error = WarehouseError(UNKNOWN_EXCEPTION, message, status=self.get_status())
        self.gateway.refusals.note(self.asker, error)
        self.set_header("X-ClickHouse-Exception-Code", str(error.number))
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        if error.status == 401:
            self.set_header("WWW-Authenticate", 'Basic realm="warehouse"')
        self.write(error.to_text())


class PingHandler(BaseHandler):
    """``GET /ping``: the gateway answers."""

    def get(self) -> None:
        """Say so as ClickHouse does."""
        self.write("Ok.\n")


@stream_request_body
class QueryHandler(WarehouseHandler):
    """``/``: one statement."""

    def prepare(self) -> None:
        """Begin to work while the body still comes in."""
        assert isinstance(self.request.connection, HTTP1Connection)
        self.request.connection.set_max_body_size(MAX_STREAM_BYTES)
        self._intake = Intake()
        self._refusal: WarehouseError | None = None
        self._work = asyncio.create_task(self._respond())

    async def data_received(self, chunk: bytes) -> None:
        """Take a part of the body."""
        try:
            await self._intake.put(chunk)
        except DroppedTooMuchError:
            self._cut()

    async def get(self) -> None:
        """Answer a statement that only reads."""
        await self.post()

    async def post(self) -> None:
        """Answer."""
        await self._intake.end()
        with suppress(asyncio.CancelledError, ClientGoneError):
            await self._work
        if self._refusal is not None:
            raise self._refusal

    def on_connection_close(self) -> None:
        """Cancel what nobody waits for any more."""
        super().on_connection_close()
        self._work.cancel()
        self._intake.close()
        self.on_finish()  # Tornado forgets this where the body was cut

    async def _respond(self) -> None:
        try:
            await self._work_off()
        except WarehouseError as error:
            self._refusal = error
        finally:
            self._intake.close()

    async def _work_off(self) -> None:
        identity = self.identify()
        gateway = self.gateway
        with gateway.readings.counted(identity.subject):
            values, files, body = await self._read_form()
            descriptions = take_descriptions(values, files)
            arguments = parse_arguments(str(self.request.method), values, self.request.headers)
            self.set_header("X-ClickHouse-Query-Id", arguments.query_id)
            text, rows = await split_statement(arguments.query, body)
        # What ends a statement does not wait for the place that this one holds.
        place: AbstractAsyncContextManager[None] = (
            nullcontext() if is_kill(text) else gateway.slots.hold(identity)
        )
        async with gateway.sessions.hold(identity, arguments) as session, place:
            job = await gateway.statements.admit(identity, arguments, text, session)
            is_killing = job.kind == "kill"
            if is_killing:
                job = kill(gateway.running, identity, job)
            job = gateway.sessions.enter(identity, session, job)
            if files and not is_killing:
                externals = await gateway.statements.admit_externals(identity, arguments, files, descriptions)
                job, rows = replace(job, externals=externals), chain_rows(files, rows)
            await self._answer(identity, arguments, job, rows)
            if session is not None:
                session.note(job)

    async def _answer(
        self, identity: Identity, arguments: Arguments, job: Job, rows: AsyncIterator[bytes]
    ) -> None:
        gateway = self.gateway
        self.set_header("X-Urbanlab-Tables", ",".join(filter(_TABLE.fullmatch, job.tables[:MOST_TABLES])))
        answer = Answer(self, arguments, job, gateway.spool)
        try:
            gateway.running.check_id(identity, arguments.query_id)
            async with gateway.revocations.working(identity, job.tables, arguments.query_id, answer):
                outcome = await execute(gateway.engine, identity, job, rows, answer)
            gateway.uses.note(identity, job, outcome)
        except WarehouseError as error:
            gateway.damages.note(job.tables, error)
            if not answer.is_begun:
                raise
            # Whoever may not ask any more is not waited for: they may take nothing on purpose.
            if not isinstance(error, CutError) or isinstance(error, KilledError):
                await answer.break_off(error)
            # Without the last chunk, clients that do not know the mark see a broken transfer.
            self._auto_finish = False
            self._cut()
        finally:
            answer.close()

    def _cut(self) -> None:
        assert isinstance(self.request.connection, HTTP1Connection)
        self.request.connection.close()

    async def _read_form(self) -> tuple[dict[str, str], dict[str, bytes], AsyncIterator[bytes]]:
        """Return arguments, files of external data, and the body, which is none where a form is one."""
        values = self.get_values()
        body = decode(self._intake.pieces(), self.request.headers.get("Content-Encoding", "").lower())
        if is_on(values, "decompress"):
            body = decode(body, OWN_CODING)
        content_type = self.request.headers.get("Content-Type", "")
        if not content_type.startswith("multipart/form-data"):
            return values, {}, body
        form = await read_form(content_type, body)
        return values | form.values, form.files, _nothing()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield


class ProgressHandler(WarehouseHandler):
    """``GET /queries/ID``: how far a statement is that whoever asks runs under this id."""

    def get(self, query_id: str) -> None:
        """Answer with it, or with 404."""
        work = self.gateway.running.find(self.identify(), query_id)
        if work is None or work.answer is None:
            raise HTTPError(404)
        self.write_json(asdict(work.answer.progress))


class CatalogHandler(WarehouseHandler):
    """``GET /catalog``: the datasets that whoever asks may read."""

    async def get(self) -> None:
        """Answer with them."""
        self.write_json({"datasets": await self.gateway.catalog.list_datasets(self.identify())})
