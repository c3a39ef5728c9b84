"""A program that answers like the hub, a runner and the warehouse's gateway, as far as the publisher asks them.

The real ones take part in `tests/integration`; here they could not be made to be slow, to lie and to die in each of
the ways, each at its moment.
"""

from __future__ import annotations

import asyncio
import io
import json
import threading
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from urbanlab.contract.publications import Page, PageFile, encode, make_digest

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
TOKEN, SECRET = "token-of-the-publisher-service", "secret-of-the-publisher"


def make_parcel(body: str, live: bool = False, **files: bytes) -> bytes:
    """Return a page as the runner packs it; the names of `files` have an underscore for the dot."""
    contents = {"body.html": body.encode(), **{name.replace("_", "."): data for name, data in files.items()}}
    listed = tuple(PageFile(name, make_digest(data), len(data)) for name, data in contents.items())
    page = Page("Whatever", "de", "2026-03-01T12:00:00+00:00", listed, live, ("open_data.town__footfall",))
    return pack({"page.json": encode(page), **contents})


def pack(members: dict[str, bytes]) -> bytes:
    """Return a ZIP of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@dataclass
class HubRunnerGateway:
    """Its fields say what is answered and what was asked; a test changes them as it likes."""

    hangs: bool = False  # a page never becomes ready
    failure: dict[str, Any] | None = None  # what a page that fails says
    parcel: bytes | None = None  # what is sent instead of a page
    hub_status: int = 201  # of starting a server
    start_seconds: float = 0.1
    gateway_status: int = 200
    server_path: str = ""  # what the hub calls a server's address, where it is another's
    servers: dict[str, float] = field(default_factory=dict)  # user -> when its server is ready
    tasks: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # user, what was asked for
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    running: dict[str, int] = field(default_factory=dict)  # user -> pages that are being made
    most_running: int = 0
    releases: dict[str, dict[str, Any]] = field(default_factory=dict)  # tenant/dataset[/partner] -> body
    withdrawn_by: list[str] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)  # table -> when it was last written
    uses: list[dict[str, Any]] = field(default_factory=list)
    workshop: set[str] = field(default_factory=set)  # names of tables that are there and nowhere else
    tokens: set[str] = field(default_factory=set)  # the credentials that were shown
    seconds: float = 0.05  # that a page takes
    start_count: int = 0

    def kill_runner(self, user: str) -> None:
        """End a server at once: its pages are gone, and the proxy has no route to it."""
        self.servers.pop(user, None)
        self.pages = {key: page for key, page in self.pages.items() if page["user"] != user}

    @contextmanager
    def serving(self) -> Iterator[HubRunnerGateway]:
        """Answer from a thread of its own while the block runs."""
        self.loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self.loop).result(10)
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._stop(), self.loop).result(10)
            self.loop.call_soon_threadsafe(self.loop.stop)
            thread.join()
            self.loop.close()

    async def _start(self) -> None:
        socket, self.port = bind_unused_port()
        parts = {"town": self}
        routes: list[Any] = [
            ("/hub/api/", RootHandler, parts),
            ("/hub/api/users/([^/]+)", UserHandler, parts),
            ("/hub/api/users/([^/]+)/server", ServerHandler, parts),
            ("/user/([^/]+)/urbanlab/runner/pages", PagesHandler, parts),
            ("/user/([^/]+)/urbanlab/runner/pages/([^/]+)", PageHandler, parts),
            ("/user/([^/]+)/urbanlab/runner/pages/([^/]+)/page", ParcelHandler, parts),
            ("/ping", RootHandler, parts),
            ("/written", WrittenHandler, parts),
            ("/releases/([^/]+/[^/]+(?:/[^/]+)?)", ReleaseHandler, parts),
            ("/uses/([^/]+)", UsesHandler, parts),
            *self.list_more_routes(),
        ]
        self.server = HTTPServer(Application(routes, log_function=lambda handler: None))
        self.server.add_socket(socket)

    def list_more_routes(self) -> list[Any]:
        """Return what a test's own program answers besides."""
        return []

    async def _stop(self) -> None:
        self.server.stop()
        await self.server.close_all_connections()


class _Handler(RequestHandler):
    def initialize(self, town: HubRunnerGateway) -> None:
        self.town = town

    def prepare(self) -> None:
        self.town.tokens.add(self.request.headers.get("Authorization", ""))

    def refuse(self, status: int, text: str = "no") -> None:
        self.set_status(status)
        self.finish({"message": text})


class RootHandler(_Handler):
    def get(self) -> None:
        self.finish({"version": "6"})


class UserHandler(_Handler):
    def get(self, user: str) -> None:
        ready_at = self.town.servers.get(user)
        model = {
            "ready": ready_at is not None and self.town.loop.time() >= ready_at,
            "pending": None if ready_at is not None and self.town.loop.time() >= ready_at else "spawn",
            "url": self.town.server_path or f"/user/{user}/",
        }
        self.finish(json.dumps({"name": user, "servers": {"": model} if ready_at is not None else {}}))


class ServerHandler(_Handler):
    def post(self, user: str) -> None:
        if self.town.hub_status >= 300:
            return self.refuse(self.town.hub_status)
        self.town.start_count += 1
        self.town.servers[user] = self.town.loop.time() + self.town.start_seconds
        self.set_status(self.town.hub_status)
        return None


class _RunnerHandler(_Handler):
    def prepare(self) -> None:
        super().prepare()
        if self.path_args[0] not in self.town.servers:
            self.refuse(503)


class PagesHandler(_RunnerHandler):
    def post(self, user: str) -> None:
        task = json.loads(self.request.body)
        self.town.tasks.append((user, task))
        page_id = uuid.uuid4().hex
        number = len(self.town.tasks)
        self.town.pages[page_id] = {"user": user, "at": self.town.loop.time(), "task": task, "number": number}
        self.town.running[user] = self.town.running.get(user, 0) + 1
        self.town.most_running = max(self.town.most_running, sum(self.town.running.values()))
        self.set_status(202)
        self.finish({"id": page_id})


class PageHandler(_RunnerHandler):
    def get(self, user: str, page_id: str) -> None:
        page = self.town.pages.get(page_id)
        if page is None:
            self.refuse(404)
        elif self.town.hangs or self.town.loop.time() < page["at"] + self.town.seconds:
            self.finish({"state": "running"})
        elif self.town.failure is not None:
            self.finish({"state": "failed", **self.town.failure})
        else:
            self.finish({"state": "succeeded", "seconds": 0.1})

    def delete(self, user: str, page_id: str) -> None:
        self.town.pages.pop(page_id, None)
        self.town.running[user] -= 1
        self.set_status(204)


class ParcelHandler(_RunnerHandler):
    def get(self, user: str, page_id: str) -> None:
        page = self.town.pages[page_id]
        body = f"<h2>Run {page['number']}</h2><p>{sorted(page['task']['parameters'].items())}</p>"
        self.finish(self.town.parcel if self.town.parcel is not None else make_parcel(body))


class ReleaseHandler(_Handler):
    def get(self, name: str) -> None:
        tenant, _, dataset = name.partition("/")
        if dataset not in self.town.workshop:
            self.set_status(404)
            self.finish()
            return
        self.finish({"table": f"lab_{tenant}.{dataset}"})

    def put(self, name: str) -> None:
        if self.town.gateway_status != 200:
            return self.fail()
        release = json.loads(self.request.body)
        # As the engine would write it, at least in one respect.
        release["where"] = " ".join(release.get("where", "").split())
        if not self.get_query_argument("dry_run", ""):
            self.town.releases[name] = release
        self.finish(release)
        return None

    def delete(self, name: str) -> None:
        if self.town.gateway_status != 200:
            return self.fail()
        self.town.releases.pop(name, None)
        self.town.withdrawn_by.append(json.loads(self.request.body)["withdrawn_by"])
        self.finish({})
        return None

    def fail(self) -> None:
        self.set_status(self.town.gateway_status)
        self.finish("Code: 60. DB::Exception: There is no such table. (UNKNOWN_TABLE) (version 26.9)\n")


class WrittenHandler(_Handler):
    def get(self) -> None:
        self.finish({"written": self.town.written})


class UsesHandler(_Handler):
    def get(self, tenant: str) -> None:
        self.finish({"uses": [use for use in self.town.uses if f".{tenant}__" in use["view"]]})
