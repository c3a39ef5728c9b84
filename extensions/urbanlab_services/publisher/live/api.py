"""The addresses of seats, for the portal alone."""

from __future__ import annotations

from urbanlab.contract.live import SECRET, encode_seat
from urbanlab.contract.records import PublishingRules
from urbanlab.contract.secrets import Secret
from urbanlab_services.publisher.desk import Desk
from urbanlab_services.publisher.live.runner import LiveRunner
from urbanlab_services.publisher.live.seats import Caps, Seats
from urbanlab_services.publisher.live.views import LiveViews
from urbanlab_services.publisher.portal_handler import PortalHandler
from urbanlab_services.service import Route, ServiceSettings


class _ViewsHandler(PortalHandler):
    def initialize(self, views: LiveViews, secret: Secret) -> None:
        """Take the views and what the portal shows."""
        self.views, self.secret = views, secret


class SeatsHandler(_ViewsHandler):
    """``/api/live/seats``."""

    async def post(self) -> None:
        """Give a seat for ``{"tenant", "slug", "variant"}``."""
        self.write_json(encode_seat(await self.views.take(**self.read_variant())), 201)


class SeatHandler(_ViewsHandler):
    """``/api/live/seats/ID``."""

    def get(self, seat_id: str) -> None:
        """Show it; asking keeps it."""
        self.write_json(encode_seat(self.views.get(seat_id)))

    def delete(self, seat_id: str) -> None:
        """Give it up."""
        self.views.release(seat_id)
        self.set_status(204)


def make_live_routes(settings: ServiceSettings, desk: Desk) -> list[Route]:
    """Return the addresses of seats; raise `ServiceSettingsError` without the portal's secret."""
    runner = LiveRunner(settings.hub_api_url, settings.hub_url, settings.secret("service-publisher"))

    def find_rules(tenant: str) -> PublishingRules:
        record = desk.records.tenants().get(tenant)
        return record.publishing if record else PublishingRules(live_views=0)

    seats = Seats(find_rules, Caps(together=settings.live_views))
    options = {"views": LiveViews(desk.store, desk.bundles, runner, seats), "secret": settings.secret(SECRET)}
    return [
        ("/api/live/seats", SeatsHandler, options),
        ("/api/live/seats/([A-Za-z0-9_-]{32,64})", SeatHandler, options),
    ]
