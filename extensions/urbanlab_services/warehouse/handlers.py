"""The gateway's addresses: ClickHouse's HTTP interface, the catalogue, and what the operator asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPFile, parse_body_arguments
from tornado.web import stream_request_body

from urbanlab_services.errors import ServiceError
from urbanlab_services.service import BaseHandler
from urbanlab_services.warehouse.answers import Answer, ClientGoneError
from urbanlab_services.warehouse.arguments import parse_arguments
from urbanlab_services.warehouse.catalog import Catalog
from urbanlab_services.warehouse.codings import decode
from urbanlab_services.warehouse.credentials import Authenticator, Identity
from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.errors import (
    SUPPORT_IS_DISABLED,
    UNKNOWN_EXCEPTION,
    WarehouseError,
)
from urbanlab_services.warehouse.execution import execute
from urbanlab_services.warehouse.holdings import Holdings
from urbanlab_services.warehouse.intake import DroppedTooMuchError, Intake
from urbanlab_services.warehouse.reconciler import Reconciler
from urbanlab_services.warehouse.refusals import QueryRefusals
from urbanlab_services.warehouse.releases import Releases
from urbanlab_services.warehouse.revocations import Revocations, RevokedError
from urbanlab_services.warehouse.slots import Slots
from urbanlab_services.warehouse.statement_text import MAX_STATEMENT_BYTES, split_statement
from urbanlab_services.warehouse.statements import Statements

MAX_STREAM_BYTES = 1 << 40  # an insert streams; its size is nothing that memory depends on


@dataclass(frozen=True)
class Gateway:
    """What the addresses work with."""

    authenticator: Authenticator
    engine: EngineClient
    statements: Statements
    slots: Slots
    catalog: Catalog
    reconciler: Reconciler
    releases: Releases
    holdings: Holdings
    revocations: Revocations
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
        values, body = await self._read_form()
        arguments = parse_arguments(str(self.request.method), values, self.request.headers)
        self.set_header("X-ClickHouse-Query-Id", arguments.query_id)
        async with self.gateway.slots.hold(identity.tenant or identity.access):
            text, rows = await split_statement(arguments.query, body)
            job = await self.gateway.statements.admit(identity, arguments, text)
            answer = Answer(self, arguments, job)
            try:
                async with self.gateway.revocations.working(identity):
                    await execute(self.gateway.engine, identity, job, rows, answer)
            except WarehouseError as error:
                if not answer.is_begun:
                    raise
                # Whoever may not ask any more is not waited for: they may take nothing on purpose.
                if not isinstance(error, RevokedError):
                    await answer.break_off(error)
                # Without the last chunk, clients that do not know the mark see a broken transfer.
                self._auto_finish = False
                self._cut()

    def _cut(self) -> None:
        assert isinstance(self.request.connection, HTTP1Connection)
        self.request.connection.close()

    async def _read_form(self) -> tuple[dict[str, str], AsyncIterator[bytes]]:
        """Return arguments and body; a form holds arguments only."""
        values = self.get_values()
        body = decode(self._intake.pieces(), self.request.headers.get("Content-Encoding", "").lower())
        content_type = self.request.headers.get("Content-Type", "")
        if not content_type.startswith("multipart/form-data"):
            return values, body
        form = b""
        async for piece in body:
            form += piece
            if len(form) > 4 * MAX_STATEMENT_BYTES:
                raise WarehouseError(SUPPORT_IS_DISABLED, "The form is too long")
        fields: dict[str, list[bytes]] = {}
        files: dict[str, list[HTTPFile]] = {}
        parse_body_arguments(content_type, form, fields, files)
        if files:
            raise WarehouseError(SUPPORT_IS_DISABLED, "External data is not available; load it into a table")
        values |= {name: items[-1].decode("utf-8", "replace") for name, items in fields.items()}
        return values, _nothing()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield


class CatalogHandler(WarehouseHandler):
    """``GET /catalog``: the datasets that whoever asks may read."""

    async def get(self) -> None:
        """Answer with them."""
        self.write_json({"datasets": await self.gateway.catalog.list_datasets(self.identify())})
