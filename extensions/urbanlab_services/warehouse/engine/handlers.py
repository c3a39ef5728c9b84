"""The addresses at the engine's socket, for the gateway alone."""

from __future__ import annotations

import asyncio
import json
import logging

from chdb._exceptions import ChdbError
from prometheus_client import Gauge
from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, stream_request_body

from urbanlab.contract.records import read_tenants, tenant_from_dict
from urbanlab_services.service import BaseHandler
from urbanlab_services.warehouse import wire
from urbanlab_services.warehouse.engine.database import Database
from urbanlab_services.warehouse.engine.parsing import connect_for_parsing, parse_statement
from urbanlab_services.warehouse.engine.pipes import GoneError, Inlet, Outlet
from urbanlab_services.warehouse.engine.room import Watch
from urbanlab_services.warehouse.engine.runner import Runner

logger = logging.getLogger(__name__)

KILL_PAUSE_SECONDS = 0.3
PARSING = ("parsing",)
RUNNING = Gauge("urbanlab_engine_running", "Statements that run now")


class EngineHandler(BaseHandler):
    """A handler that works on the database."""

    def initialize(self, database: Database) -> None:
        """Take the database."""
        self.database = database


class ParseHandler(EngineHandler):
    """``POST /parse``: a statement in, its canonical text and tree out."""

    async def post(self) -> None:
        """Answer with both, or with what the engine says is wrong."""
        text = self.request.body.decode("utf-8", "replace")
        async with self.database.session():
            loop = asyncio.get_running_loop()
            self.write_json(await loop.run_in_executor(self.database.executor, self._parse, text))

    def _parse(self, text: str) -> dict[str, str]:
        spares = self.database.sessions.spares
        connection = spares.take(PARSING, lambda: connect_for_parsing(self.database.connect))
        try:
            canonical, tree = parse_statement(connection, text)
        except ChdbError as error:
            return {"error": str(error)}
        finally:
            # The text is a value of the question and leaves nothing behind.
            spares.put(PARSING, connection)
        return {"text": canonical, "tree": tree}


class ReopenHandler(EngineHandler):
    """``POST /reopen``: roles in line with the tenants' records; a dry run brings the tenants it asks about."""

    async def post(self) -> None:
        """Say whether anything changed, or would change in a dry run."""
        if self.get_query_argument("dry_run", "0") == "1":
            foreseen = map(tenant_from_dict, json.loads(self.request.body))
            self.write_json({"changed": not self.database.has_roles_of(foreseen)})
        else:
            records = self.application.settings["records"]
            tenants = (await asyncio.to_thread(read_tenants, records)).values()
            self.write_json({"changed": await self.database.reopen(tenants)})


class SessionHandler(EngineHandler):
    """``POST /sessions/end``: names of sessions, which end."""

    async def post(self) -> None:
        """End those that are there."""
        for name in json.loads(self.request.body):
            await self.database.end_session(name)
        self.write_json({})


@stream_request_body
class RunHandler(EngineHandler):
    """``POST /run``: one statement; see `urbanlab_services.warehouse.wire`."""

    def prepare(self) -> None:
        """Make the pipes."""
        self._reader = wire.JobReader()
        self._inlet, self._outlet = Inlet(), Outlet()
        self._work: asyncio.Task[None] | None = None
        self._watch = Watch()

    async def data_received(self, chunk: bytes) -> None:
        """Take the job, then the rows of an insert."""
        try:
            rows = self._reader.feed(chunk)
        except (ValueError, TypeError) as error:
            raise HTTPError(400) from error
        if self._reader.job is not None and self._work is None:
            self._work = asyncio.create_task(self._run(self._reader.job))
        if rows:
            await self._inlet.put(rows)

    async def post(self) -> None:
        """All rows are here: wait for the end."""
        if self._work is None:
            raise HTTPError(400)
        await self._inlet.end()
        await self._work
        # The answer is on its way before anything is done for the next one.
        self.finish()
        if self._reader.job is not None:
            await self.database.make_spare(self._reader.job)

    def on_connection_close(self) -> None:
        """The gateway hung up: end what it no longer waits for; a change that has begun is carried through."""
        super().on_connection_close()
        self._outlet.abandon()
        self._inlet.abandon()
        self.on_finish()
        job = self._reader.job
        if job is not None and job.kind != "change" and self._work is not None and not self._work.done():
            self._killing = asyncio.create_task(self._kill(job.tag, self._work))

    async def _kill(self, tag: str, work: asyncio.Task[None]) -> None:
        # Again and again: a statement that is just about to begin cannot be killed yet.
        while not work.done():
            await self.database.kill(tag)
            await asyncio.wait([work], timeout=KILL_PAUSE_SECONDS)

    def _evict(self) -> None:
        """End what may wait for a client that neither sends nor takes anything."""
        self.on_connection_close()
        assert isinstance(self.request.connection, HTTP1Connection)
        # Not the connection: it would forget whoever waits for it to write.
        self.request.connection.stream.close()

    async def _run(self, job: wire.Job) -> None:
        self.set_header("Content-Type", "application/octet-stream")
        async with self.database.session(self._evict), self.database.room.watched(job) as self._watch:
            full = self._watch.error
            end = wire.encode_error(full) if full else await self._work_off(job)
        self._inlet.close()
        self.write(end)

    async def _work_off(self, job: wire.Job) -> bytes:
        work = asyncio.get_running_loop().run_in_executor(self.database.executor, self._run_blocking, job)
        work.add_done_callback(lambda _: self._outlet.end())
        with self.database.shares.counted(job):
            async for piece in self._outlet.pieces():
                self.write(piece)
                await self._flush()
            return await work

    def _run_blocking(self, job: wire.Job) -> bytes:
        """Run in a thread; return the last frames, of which one says how it ended."""
        if self._outlet.is_abandoned():
            return b""
        runner = Runner(self.database, job, self._inlet, self._outlet)
        try:
            with RUNNING.track_inprogress():
                outcome = runner.run()
            return self._outlet.take_small() + wire.encode_outcome(outcome)
        except ChdbError as error:
            return self._outlet.take_small() + wire.encode_error(self._watch.error or str(error))
        except GoneError:
            return b""
        except Exception as error:  # whatever the binding raises must reach the gateway as an end
            logger.exception("statement failed unexpectedly")
            text = str(error) if isinstance(error, RuntimeError) else "Unexpected failure"
            return self._outlet.take_small() + wire.encode_error(text)

    async def _flush(self) -> None:
        try:
            await self.flush()
        except StreamClosedError:
            self._outlet.abandon()
