"""Who speaks at the socket: the Unix account at its other end, as the kernel says, and the sources it may be."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping

from tornado.httputil import HTTPServerRequest

from urbanlab_services.errors import ForbiddenError
from urbanlab_services.service import ServiceSettingsError

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


def parse_senders(text: str) -> dict[str, int]:
    """Return the account of each source from ``hub=0 publisher=30005``; raise `ServiceSettingsError`."""
    try:
        return {name: int(uid) for name, _, uid in (part.partition("=") for part in text.split())}
    except ValueError:
        raise ServiceSettingsError("the audit service does not know who may write to it") from None


def get_account(request: HTTPServerRequest) -> int:
    """Return the Unix account of whoever sends a request."""
    stream = request.connection.stream  # type: ignore[union-attr]
    raw = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[1])


def check_source(senders: Mapping[str, int], account: int, source: str) -> str:
    """Return `source` if that account may speak as it; raise `ForbiddenError`."""
    if senders.get(source) != account:
        raise ForbiddenError("This account does not speak for that service.")
    return source
