"""The gateway's address at which the hub says whose credentials no longer count."""

from __future__ import annotations

import logging

from tornado.http1connection import HTTP1Connection
from tornado.web import stream_request_body

from urbanlab_services.warehouse.errors import ACCESS_DENIED, WarehouseError
from urbanlab_services.warehouse.handlers import WarehouseHandler
from urbanlab_services.warehouse.revocations import parse_revocation

logger = logging.getLogger(__name__)
MAX_BODY_BYTES = 4096


@stream_request_body
class RevocationHandler(WarehouseHandler):
    """``POST /operator/revocations``: the hub user's credentials until a moment do not count."""

    def prepare(self) -> None:
        """Look who asks before anything is taken in."""
        self._body = b""
        if self.identify().access != "hub":
            raise WarehouseError(ACCESS_DENIED, "Only the hub may do this")
        assert isinstance(self.request.connection, HTTP1Connection)
        self.request.connection.set_max_body_size(MAX_BODY_BYTES)

    async def data_received(self, chunk: bytes) -> None:
        """Take a part of the body."""
        self._body += chunk

    def post(self) -> None:
        """Answer with how many statements were cancelled."""
        revocation = parse_revocation(self._body)
        cancelled = self.gateway.revocations.revoke(revocation)
        logger.info("revoked", extra={"who": revocation.hub_user, "cancelled": cancelled})
        self.write_json({"cancelled": cancelled})
