"""The address at which the portal asks for variants."""

from __future__ import annotations

from urbanlab.contract.live import SECRET
from urbanlab.contract.secrets import Secret
from urbanlab.contract.variants import encode_progress
from urbanlab_services.publisher.demand.variants import Variants
from urbanlab_services.publisher.desk import Desk
from urbanlab_services.publisher.portal_handler import PortalHandler
from urbanlab_services.publisher.rendering import Rendering
from urbanlab_services.publisher.runner_client import RunnerClient
from urbanlab_services.service import Route, ServiceSettings

PAUSES = (1.0, 5.0)  # somebody waits, so a runner that stays away is soon told


class VariantsHandler(PortalHandler):
    """``/portal/variants``."""

    def initialize(self, variants: Variants, secret: Secret) -> None:
        """Take the variants and what the portal shows."""
        self._variants, self.secret = variants, secret

    async def post(self) -> None:
        """Tell how it goes with ``{"tenant", "slug", "variant"}``, and make it."""
        self.write_json(encode_progress(self._variants.ask(**self.read_variant())))


def make_demand_routes(settings: ServiceSettings, desk: Desk) -> list[Route]:
    """Return the address; raise `ServiceSettingsError` without the portal's secret."""
    runner = RunnerClient(settings.hub_api_url, settings.hub_url, settings.secret("service-publisher"))
    rendering = Rendering(runner, desk.bundles, desk.shelf, PAUSES)
    variants = Variants(desk.store, rendering, desk.shelving)
    return [("/portal/variants", VariantsHandler, {"variants": variants, "secret": settings.secret(SECRET)})]
