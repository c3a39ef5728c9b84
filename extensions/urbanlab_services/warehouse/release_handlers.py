"""The gateway's addresses for open data: what is released, and releasing and withdrawing for the publisher."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from tornado.http1connection import HTTP1Connection
from tornado.web import stream_request_body

from urbanlab.contract.naming import NamingError
from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.errors import ACCESS_DENIED, BAD_REQUEST, WarehouseError
from urbanlab_services.warehouse.handlers import WarehouseHandler
from urbanlab_services.warehouse.release_record import make_view, parse_release

MAX_RELEASE_BYTES = 64 << 10


class _ReleaseHandler(WarehouseHandler):
    def identify_as(self, *accesses: str) -> Identity:
        """Return who asks; raise `WarehouseError` unless it is one of the platform's services named so."""
        identity = self.identify()
        if identity.tenant or identity.access not in accesses:
            raise WarehouseError(ACCESS_DENIED, f"Only {' and '.join(accesses)} may do this")
        return identity


class ReleasesHandler(_ReleaseHandler):
    """``GET /releases``: what is released."""

    async def get(self) -> None:
        """Answer with it."""
        self.identify_as("publisher", "ingest")
        self.write_json({"releases": await self.gateway.releases.list_releases()})


@stream_request_body
class ReleaseHandler(_ReleaseHandler):
    """``/releases/TENANT/DATASET``: ``PUT`` and ``DELETE`` release and withdraw, as often as one likes.

    ``GET`` answers which of the tenant's tables the name means, released or not.
    """

    def prepare(self) -> None:
        """Look who asks before anything is taken in."""
        self._body = b""
        self.identify_as("publisher")
        assert isinstance(self.request.connection, HTTP1Connection)
        self.request.connection.set_max_body_size(MAX_RELEASE_BYTES)

    async def data_received(self, chunk: bytes) -> None:
        """Take a part of the body."""
        self._body += chunk

    async def get(self, tenant: str, dataset: str) -> None:
        """Answer with the table."""
        _check_names(tenant, dataset)
        self.write_json({"table": await self.gateway.releases.find_source(tenant, dataset)})

    async def put(self, tenant: str, dataset: str) -> None:
        """Answer with the release."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        release = parse_release(tenant, dataset, self._body, now)
        self.write_json(await self.gateway.releases.release(release))

    async def delete(self, tenant: str, dataset: str) -> None:
        """Answer once nobody can read it any more."""
        view = _check_names(tenant, dataset)
        await self.gateway.releases.withdraw(view, self._find_actor())
        self.write_json({"view": view})

    def _find_actor(self) -> str:
        """Return who withdraws, as the publisher says in the body, or nothing."""
        try:
            values = json.loads(self._body or b"{}")
        except ValueError:
            return ""
        return str(values.get("withdrawn_by", ""))[:200] if isinstance(values, dict) else ""


def _check_names(tenant: str, dataset: str) -> str:
    """Return the view that would show the dataset; raise `WarehouseError` for names that nothing can have."""
    try:
        return make_view(tenant, dataset)
    except NamingError as error:
        raise WarehouseError(BAD_REQUEST, str(error)) from None
