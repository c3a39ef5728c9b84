"""Short-lived credentials from the tokens service, renewed before they end."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from urbanlab.contract.secrets import Secret
from urbanlab.errors import CredentialsDownError, SessionError

TIMEOUT_SECONDS = 10
# A credential is renewed when a quarter of its life is left, so that none ends on its way.
RENEW_AT = 0.75


@dataclass(frozen=True)
class _Credential:
    token: Secret
    renew_at: float  # on the monotonic clock, as is the next
    ends_at: float


class Credentials:
    """Gives the credential for ``warehouse``, ``kafka`` or ``publisher``; may be used by many threads."""

    def __init__(self, tokens_url: str, hub_token: Secret | None) -> None:
        """Ask at `tokens_url`; at a Unix socket (``unix:///path``) no hub token is shown."""
        self._tokens_url = tokens_url.rstrip("/")
        self._hub_token = hub_token
        self._held: dict[str, _Credential] = {}
        self._locks = {purpose: threading.Lock() for purpose in ("warehouse", "kafka", "publisher")}

    def get(self, purpose: str) -> Secret:
        """Return a credential that still counts; raise `SessionError` where none is to be had."""
        with self._locks[purpose]:
            held = self._held.get(purpose)
            if held is None or time.monotonic() >= held.renew_at:
                held = self._held[purpose] = self._renew(purpose, held)
            return held.token

    def forget(self, purpose: str) -> None:
        """Ask for a new credential next time, because the one held was refused."""
        with self._locks[purpose]:
            self._held.pop(purpose, None)

    def _renew(self, purpose: str, held: _Credential | None) -> _Credential:
        try:
            return self._fetch(purpose)
        except CredentialsDownError:
            # A restart of the service takes seconds; what is held still counts for as long.
            if held is not None and time.monotonic() < held.ends_at:
                return held
            raise

    def _fetch(self, purpose: str) -> _Credential:
        asked_at = time.monotonic()
        status, body = self._post(purpose)
        if status in {401, 403}:
            raise SessionError(
                f"Urban Lab no longer gives this session access to the {purpose}: "
                "log in again, or ask your administrator whether your account still has a role here."
            )
        try:
            if status != http.client.OK:
                raise ValueError(status)
            answer = json.loads(body)
            token, seconds = str(answer["token"]), float(answer["expires_in"])
        except (ValueError, KeyError, TypeError):
            raise CredentialsDownError(
                f"Urban Lab's tokens service gave no credential for the {purpose} (status {status}). "
                "Try again in a moment; if it stays so, tell the operator."
            ) from None
        return _Credential(Secret(token), asked_at + seconds * RENEW_AT, asked_at + seconds)

    def _post(self, purpose: str) -> tuple[int, bytes]:
        connection, base = _make_connection(self._tokens_url)
        shown = {"Authorization": f"token {self._hub_token.reveal()}"} if self._hub_token else {}
        try:
            connection.request("POST", f"{base}/{purpose}", headers={**shown, "Content-Length": "0"})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            raise CredentialsDownError(
                f"Urban Lab's tokens service does not answer, so there is no access to the {purpose} now. "
                "Try again in a moment; if it stays so, tell the operator."
            ) from None
        finally:
            connection.close()


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _make_connection(url: str) -> tuple[http.client.HTTPConnection, str]:
    """Return a connection to an address, and the path in front of all others there."""
    address = urlsplit(url)
    if address.scheme == "unix":
        return _SocketConnection(address.path, TIMEOUT_SECONDS), ""
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    return kind(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS), address.path
