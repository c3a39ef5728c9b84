"""The gateway's addresses for what others may read: releasing and withdrawing it, and how much it is used."""

from __future__ import annotations

import asyncio
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
    """``GET /releases``: what everybody may read; with ``?tenant=`` what a tenant lets others read."""

    async def get(self) -> None:
        """Answer with it."""
        tenant = self.get_values().get("tenant", "")
        self.identify_as("publisher", *(() if tenant else ("ingest",)))
        self.write_json({"releases": await self.gateway.releases.list_releases(tenant)})


class WrittenHandler(_ReleaseHandler):
    """``GET /written``: when the tables behind the open data were last written."""

    async def get(self) -> None:
        """Answer with it."""
        self.identify_as("publisher")
        self.write_json({"written": await self.gateway.catalog.list_written()})


class OpenCatalogHandler(_ReleaseHandler):
    """``GET /catalog/open``: what everybody may read, as its readers' catalogue has it."""

    async def get(self) -> None:
        """Answer with it."""
        self.identify_as("publisher")
        self.write_json({"datasets": await self.gateway.catalog.list_open()})


class UsesHandler(_ReleaseHandler):
    """``GET /uses/TENANT?since=DAY``: how much others use what a tenant lets them read."""

    async def get(self, tenant: str) -> None:
        """Answer with it."""
        self.identify_as("publisher")
        since = self.get_values().get("since", "")
        self.write_json({"uses": await asyncio.to_thread(self.gateway.uses.list_uses, tenant, since)})


@stream_request_body
class ReleaseHandler(_ReleaseHandler):
    """``/releases/TENANT/DATASET[/PARTNER]``: ``PUT`` and ``DELETE`` release and withdraw, as often as one likes.

    To everybody, or to one partner. ``PUT`` with ``?dry_run=1`` answers what would be released. ``GET`` answers
    which of the tenant's tables the name means, released or not.
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

    async def get(self, tenant: str, dataset: str, partner: str | None) -> None:
        """Answer with the table."""
        _check_names(tenant, dataset, partner)
        self.write_json({"table": await self.gateway.releases.find_source(tenant, dataset)})

    async def put(self, tenant: str, dataset: str, partner: str | None) -> None:
        """Answer with the release."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        release = parse_release(tenant, dataset, partner or "", self._body, now)
        releases = self.gateway.releases
        is_trial = self.get_values().get("dry_run", "0") == "1"
        self.write_json(await (releases.check if is_trial else releases.release)(release))

    async def delete(self, tenant: str, dataset: str, partner: str | None) -> None:
        """Answer once nobody can read it any more."""
        view = _check_names(tenant, dataset, partner)
        await self.gateway.releases.withdraw(view, self._find_actor())
        self.write_json({"view": view})

    def _find_actor(self) -> str:
        """Return who withdraws, as the publisher says in the body, or nothing."""
        try:
            values = json.loads(self._body or b"{}")
        except ValueError:
            return ""
        return str(values.get("withdrawn_by", ""))[:200] if isinstance(values, dict) else ""


def _check_names(tenant: str, dataset: str, partner: str | None) -> str:
    """Return the view that would show the dataset; raise `WarehouseError` for names that nothing can have."""
    try:
        return make_view(tenant, dataset, partner or "")
    except NamingError as error:
        raise WarehouseError(BAD_REQUEST, str(error)) from None
