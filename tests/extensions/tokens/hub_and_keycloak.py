"""A small program that answers like the hub's and Keycloak's API, as far as the tokens service asks them.

The real ones take part in `tests/integration/test_streams.py`; here they would take half a minute to start, and
could not be made to fail in each of the ways.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler


@dataclass
class HubAndKeycloak:
    """Its fields say what is answered and what was asked; a test changes them as it likes."""

    identities: dict[str, dict[str, Any]] = field(default_factory=dict)  # hub token -> model
    clients: dict[str, str] = field(default_factory=dict)  # Keycloak client -> secret
    hub_status: int = 200
    keycloak_status: int = 200
    token_seconds: int = 45
    seconds_to_answer: float = 0
    keycloak_hangs: bool = False
    keycloak_waiting: int = 0
    hub_asked: int = 0
    keycloak_asked: int = 0

    @contextmanager
    def running(self) -> Iterator[HubAndKeycloak]:
        """Answer from a thread of its own while the block runs."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), loop).result(10)
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._stop(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _start(self) -> None:
        socket, self.port = bind_unused_port()
        routes: list[Any] = [
            ("/hub/api/user", UserHandler, {"town": self}),
            ("/hub/api/", RootHandler, {"town": self}),
            ("/realm/protocol/openid-connect/token", TokenHandler, {"town": self}),
            ("/realm/protocol/openid-connect/certs", CertsHandler, {"town": self}),
        ]
        self.server = HTTPServer(Application(routes, log_function=lambda handler: None))
        self.server.add_socket(socket)

    async def _stop(self) -> None:
        self.server.stop()
        await self.server.close_all_connections()


class _Handler(RequestHandler):
    def initialize(self, town: HubAndKeycloak) -> None:
        self.town = town

    async def prepare(self) -> None:
        await asyncio.sleep(self.town.seconds_to_answer)

    def refuse(self, status: int) -> None:
        self.set_status(status)
        self.finish({"message": "no"})


class RootHandler(_Handler):
    def get(self) -> None:
        self.finish({"version": "6"}) if self.town.hub_status == 200 else self.refuse(self.town.hub_status)


class UserHandler(_Handler):
    def get(self) -> None:
        self.town.hub_asked += 1
        token = self.request.headers["Authorization"].removeprefix("token ")
        if self.town.hub_status != 200:
            self.refuse(self.town.hub_status)
        elif token not in self.town.identities:
            self.refuse(403)
        else:
            self.finish(json.dumps(self.town.identities[token]))


class CertsHandler(_Handler):
    def get(self) -> None:
        self.finish({"keys": []}) if self.town.keycloak_status == 200 else self.refuse(500)


class TokenHandler(_Handler):
    async def post(self) -> None:
        self.town.keycloak_waiting += 1
        while self.town.keycloak_hangs:  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(0.01)
        self.town.keycloak_waiting -= 1
        self.town.keycloak_asked += 1
        client = self.get_body_argument("client_id")
        if self.town.keycloak_status != 200:
            self.refuse(self.town.keycloak_status)
        elif self.town.clients.get(client) != self.get_body_argument("client_secret"):
            self.refuse(401)
        else:
            number = self.town.keycloak_asked
            self.finish({"access_token": f"{client}-{number}", "expires_in": self.town.token_seconds})
