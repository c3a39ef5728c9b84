"""Puts the engine together: chDB behind a Unix socket, in a process that holds nothing else."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket
from tornado.web import Application

from urbanlab.contract.records import read_tenants
from urbanlab_services.service import Missing, ServiceSettings, make_application, wait_for_stop
from urbanlab_services.warehouse.engine.database import Database
from urbanlab_services.warehouse.engine.handlers import (
    ParseHandler,
    ReopenHandler,
    RunHandler,
    SessionHandler,
)

logger = logging.getLogger(__name__)

STATEMENTS = 64  # that run at once; the gateway lets far fewer of one tenant through
# The folder lets in the gateway's group only, and the engine cannot give its socket to that group.
SOCKET_MODE = 0o666
MAX_BODY_BYTES = 1 << 40  # an insert streams; its size is nothing that memory depends on
CHUNK_BYTES = 1 << 18


def make_engine_application(database: Database, settings: ServiceSettings) -> Application:
    """Return the engine's routes."""

    async def find_missing() -> Missing:
        return {} if database.is_open() else {"database": "is being opened or takes new roles"}

    routes = [
        ("/parse", ParseHandler, {"database": database}),
        ("/run", RunHandler, {"database": database}),
        ("/sessions/end", SessionHandler, {"database": database}),
        ("/reopen", ReopenHandler, {"database": database}),
    ]
    return make_application([*routes], find_missing, records=settings.records)


async def main(settings: ServiceSettings) -> None:
    """Serve until somebody asks the process to end."""
    executor = ThreadPoolExecutor(STATEMENTS, thread_name_prefix="statement")
    database = Database(settings.state, executor)
    await database.open(read_tenants(settings.records).values())
    application = make_engine_application(database, settings)
    server = HTTPServer(application, max_body_size=MAX_BODY_BYTES, chunk_size=CHUNK_BYTES)
    server.add_socket(bind_unix_socket(str(settings.engine_socket), mode=SOCKET_MODE))
    sharing = asyncio.create_task(database.shares.keep())
    logger.info("listening", extra={"socket": str(settings.engine_socket)})
    await wait_for_stop()
    sharing.cancel()
    server.stop()
    await database.close()
    await asyncio.wait_for(server.close_all_connections(), 2)
    executor.shutdown(wait=False)
