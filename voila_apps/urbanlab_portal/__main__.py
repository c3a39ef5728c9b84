"""Starts the portal: ``python -m urbanlab_portal``."""

import asyncio
import logging

from urbanlab_portal.app import main
from urbanlab_portal.logs import configure_logging
from urbanlab_portal.settings import PortalSettings, PortalSettingsError

configure_logging()
try:
    asyncio.run(main(PortalSettings.from_environ()))
except PortalSettingsError as error:
    logging.getLogger("urbanlab_portal").critical("not started", extra={"error": str(error)})
    raise SystemExit(1) from None
