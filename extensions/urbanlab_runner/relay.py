"""Data credentials for the notebooks of this server, which thereby need no hub token.

A Unix socket in the account's own folder speaks the tokens service's protocol. The server asks the service with
its hub token, and hands on what it gets; all notebooks share one credential while enough of its life is left.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket
from tornado.web import Application, RequestHandler

from urbanlab.contract.secrets import Secret

PURPOSES = ("warehouse", "kafka")
SOCKET_NAME = "tokens.sock"
TIMEOUT_SECONDS = 8.0
MAX_BODY_BYTES = 1000
# What is handed on has at least this share of its life left: clients renew at three quarters.
SHARED_SHARE = 0.5


class RefusedError(Exception):
    """No credential: `status` is what the tokens service answered, or 503."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the tokens service answered {status}")
        self.status = status


@dataclass(frozen=True)
class _Held:
    token: Secret
    ends_at: float  # on the monotonic clock, as is the next
    shared_until: float


class CredentialRelay:
    """Asks the tokens service with the server's hub token."""

    def __init__(self, tokens_url: str, hub_token: Secret) -> None:
        self._tokens_url = tokens_url.rstrip("/")
        self._hub_token = hub_token
        self._held: dict[str, _Held] = {}
        self._locks = {purpose: asyncio.Lock() for purpose in PURPOSES}

    async def get(self, purpose: str) -> tuple[Secret, float]:
        """Return a credential and the seconds left of its life; raise `RefusedError`."""
        async with self._locks[purpose]:
            held = self._held.get(purpose)
            if held is None or time.monotonic() >= held.shared_until:
                # What is held no longer counts once the service has refused.
                self._held.pop(purpose, None)
                held = self._held[purpose] = await self._ask(purpose)
            return held.token, held.ends_at - time.monotonic()

    async def _ask(self, purpose: str) -> _Held:
        request = HTTPRequest(
            f"{self._tokens_url}/{purpose}",
            method="POST",
            body="",
            headers={"Authorization": f"token {self._hub_token.reveal()}"},
            request_timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
        )
        asked_at = time.monotonic()
        try:
            answer = await AsyncHTTPClient().fetch(request, raise_error=False)
            if answer.code in {401, 403}:
                raise RefusedError(answer.code)
            body = json.loads(answer.body or b"")
            token, seconds = str(body["token"]), float(body["expires_in"])
        except (OSError, ValueError, KeyError, TypeError):
            raise RefusedError(503) from None
        return _Held(Secret(token), asked_at + seconds, asked_at + seconds * SHARED_SHARE)


class _CredentialHandler(RequestHandler):
    """``POST /PURPOSE``; whoever reaches the socket is of this account."""

    def initialize(self, relay: CredentialRelay) -> None:
        """Take the relay."""
        self.relay = relay

    async def post(self, purpose: str) -> None:
        """Answer with a credential."""
        try:
            token, seconds = await self.relay.get(purpose)
        except RefusedError as error:
            self.set_status(error.status)
            self.finish({"message": "There is no credential for this now."})
            return
        self.finish({"token": token.reveal(), "expires_in": seconds})


def serve_credentials(relay: CredentialRelay, folder: Path) -> str:
    """Listen at a socket in `folder`; return its address, as `urbanlab` takes the tokens service's."""
    routes = [(f"/({'|'.join(PURPOSES)})", _CredentialHandler, {"relay": relay})]
    server = HTTPServer(Application([*routes]), max_body_size=MAX_BODY_BYTES)
    path = folder / SOCKET_NAME
    server.add_socket(bind_unix_socket(str(path), mode=0o600))
    return f"unix://{path}"
