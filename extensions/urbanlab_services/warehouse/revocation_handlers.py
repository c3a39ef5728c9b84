"""The gateway's address at which the hub says whose credentials no longer count."""

from __future__ import annotations

import logging

from urbanlab_services.warehouse.errors import ACCESS_DENIED, BAD_REQUEST, WarehouseError
from urbanlab_services.warehouse.handlers import WarehouseHandler
from urbanlab_services.warehouse.revocations import parse_revocation

logger = logging.getLogger(__name__)
MAX_BODY_BYTES = 4096


class RevocationHandler(WarehouseHandler):
    """``POST /operator/revocations``: the hub user's credentials until a moment do not count."""

    def prepare(self) -> None:
        """Let nobody in but the hub."""
        if self.identify().access != "hub":
            raise WarehouseError(ACCESS_DENIED, "Only the hub may do this")

    async def post(self) -> None:
        """Answer with how many statements were cancelled."""
        if len(self.request.body) > MAX_BODY_BYTES:
            raise WarehouseError(BAD_REQUEST, "The body is no revocation")
        revocation = parse_revocation(self.request.body)
        cancelled = self.gateway.revocations.revoke(revocation)
        await self.gateway.sessions.end_of(revocation.hub_user)
        logger.info("revoked", extra={"who": revocation.hub_user, "cancelled": cancelled})
        self.write_json({"cancelled": cancelled})
