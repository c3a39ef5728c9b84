"""The addresses at which the portal tells about readers, see `urbanlab.contract.readers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from urbanlab.contract.live import SECRET
from urbanlab.contract.readers import decode_counts, decode_report
from urbanlab.contract.secrets import Secret
from urbanlab_services.errors import InvalidRequestError
from urbanlab_services.publisher.desk import Desk
from urbanlab_services.publisher.portal_handler import PortalHandler
from urbanlab_services.service import Route, ServiceSettings

T = TypeVar("T")


class _ReadersHandler(PortalHandler):
    def initialize(self, desk: Desk, secret: Secret) -> None:
        """Take the acts and what the portal shows."""
        self.desk, self.secret = desk, secret

    def read(self, decode: Callable[[bytes], T]) -> T:
        """Return the body as a record; raise `InvalidRequestError` if it is none."""
        try:
            return decode(self.request.body)
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidRequestError("This is not what portal and publisher have agreed on.") from error

    def is_page(self, tenant: str, slug: str) -> bool:
        """Return whether there is a publication of that name."""
        return bool(self.desk.store.list_versions(tenant, slug))


class CountsHandler(_ReadersHandler):
    """``/portal/counts``."""

    def post(self) -> None:
        """Add numbers; those of pages that are not there are left out."""
        counts = self.read(decode_counts)
        pages = {(each.tenant, each.slug) for each in counts.counts}
        self.desk.readers.add_counts(counts, [page for page in pages if self.is_page(*page)])
        self.set_status(204)


class ReportsHandler(_ReadersHandler):
    """``/portal/reports``."""

    def post(self) -> None:
        """Keep what a reader wrote."""
        report = self.read(decode_report)
        if self.is_page(report.tenant, report.slug):
            self.desk.readers.add_report(report)
        self.set_status(204)


def make_reader_routes(settings: ServiceSettings, desk: Desk) -> list[Route]:
    """Return the addresses; raise `ServiceSettingsError` without the portal's secret."""
    options = {"desk": desk, "secret": settings.secret(SECRET)}
    return [("/portal/counts", CountsHandler, options), ("/portal/reports", ReportsHandler, options)]
