"""Puts the audit service together: the one writer behind a Unix socket, out of every kernel's reach."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket
from tornado.web import Application

from urbanlab.contract.records import Tenant
from urbanlab_services.audit.handlers import Desk, EventsHandler, PeopleHandler
from urbanlab_services.audit.head import DamagedError
from urbanlab_services.audit.self_check import SelfCheck
from urbanlab_services.audit.senders import parse_senders
from urbanlab_services.audit.writer import Writer
from urbanlab_services.background import run_until_stop
from urbanlab_services.errors import UnavailableError
from urbanlab_services.records_watcher import RecordsWatcher
from urbanlab_services.service import Missing, ServiceSettings, ServiceSettingsError, make_application

logger = logging.getLogger(__name__)

# The folder lets in only those who may write, and the service cannot give its socket to their group.
SOCKET_MODE = 0o666
MAX_BODY_BYTES = 20_000_000
EXPIRE_SECONDS = 86_400.0
RETRY_SECONDS = 60.0


def make_desk(settings: ServiceSettings) -> Desk:
    """Return the writer with its thread; raise `ServiceSettingsError` where the log is damaged."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
    try:
        writer = thread.submit(Writer, settings.state).result()
    except (DamagedError, sqlite3.DatabaseError) as error:
        raise ServiceSettingsError(
            f"The audit log is not as it was left: {error}. `urbanlab audit verify` says more. To go on with a new "
            f"log, move {settings.state} to where it can be examined"
        ) from error
    return Desk(writer, thread, parse_senders(settings.audit_senders))


def make_audit_application(desk: Desk, check: SelfCheck) -> Application:
    """Return the service's routes."""

    async def find_missing() -> Missing:
        try:
            await desk.run(desk.writer.log.check)
        except UnavailableError as error:
            return {"log": error.message}
        return {"log": check.problem} if check.problem else {}

    routes = [("/events", EventsHandler, {"desk": desk}), ("/people", PeopleHandler, {"desk": desk})]
    return make_application([*routes], find_missing)


async def expire_regularly(desk: Desk, records: RecordsWatcher) -> None:
    """Take away what is over, at the start and every day."""
    while True:
        if tenants := records.tenants():
            await _expire(desk, tenants)
        # Without tenants nobody knows for how long anybody's entries are kept.
        await asyncio.sleep(EXPIRE_SECONDS if tenants else RETRY_SECONDS)


async def _expire(desk: Desk, tenants: Mapping[str, Tenant]) -> None:
    try:
        count = await desk.run(desk.writer.expire, tenants)
    except UnavailableError as error:
        logger.error("retention failed", extra={"error": error.message})
    else:
        if count:
            logger.info("entries whose time is over were taken away", extra={"count": count})


async def main(settings: ServiceSettings) -> None:
    """Serve until somebody asks the process to end."""
    desk = make_desk(settings)
    check = SelfCheck(settings.state)
    server = HTTPServer(make_audit_application(desk, check), max_body_size=MAX_BODY_BYTES)
    server.add_socket(bind_unix_socket(str(settings.audit_socket), mode=SOCKET_MODE))
    logger.info(
        "listening", extra={"socket": str(settings.audit_socket), "entries": desk.writer.log.head.seq}
    )
    try:
        await run_until_stop(expire_regularly(desk, RecordsWatcher(settings.records)), check.run())
    finally:
        server.stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(server.close_all_connections(), 2)
        desk.thread.shutdown()
        desk.writer.close()
