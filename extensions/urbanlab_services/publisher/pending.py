"""How much waits for a gatekeeper, for the page of a tenant's administrator: told to the hub alone."""

from __future__ import annotations

from urbanlab.contract.naming import TENANT_ID
from urbanlab.contract.secrets import Secret
from urbanlab_services.publisher.callers import check_caller
from urbanlab_services.publisher.data_releases import DataState
from urbanlab_services.publisher.publications import State
from urbanlab_services.publisher.store import Store
from urbanlab_services.service import BaseHandler, Route, ServiceSettings

SECRET = "publisher-hub"  # noqa: S105 - a secret's name; hub and publisher hold it


def count_pending(store: Store, tenant: str) -> dict[str, int]:
    """Return how many pages and datasets wait for a tenant's gatekeepers."""
    requests = store.list_data_requests(tenant)
    return {
        "pages": len(store.list_submissions(tenant, State.SUBMITTED)),
        "datasets": sum(each.state is DataState.REQUESTED for each in requests)
        + sum(each.state is DataState.OFFERED for each in store.list_offers(tenant)),
    }


class PendingHandler(BaseHandler):
    """``/api/pending/TENANT``: numbers, and nothing of what they count."""

    def initialize(self, store: Store, secret: Secret) -> None:
        """Take what is counted and what the hub shows."""
        self._store, self._secret = store, secret

    def prepare(self) -> None:
        """Let nobody in but the hub."""
        check_caller(self.request, self._secret, "Only the hub asks for numbers.")

    def get(self, tenant: str) -> None:
        """Tell the numbers of a tenant; of an unknown one they are zero."""
        self.write_json(count_pending(self._store, tenant))


def make_pending_routes(settings: ServiceSettings, store: Store) -> list[Route]:
    """Return the address; raise `ServiceSettingsError` without the hub's secret."""
    options = {"store": store, "secret": settings.secret(SECRET)}
    return [(f"/api/pending/({TENANT_ID.pattern})", PendingHandler, options)]
