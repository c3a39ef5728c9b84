"""Puts the culler together: jupyterhub-idle-culler's round over all servers, asked again and again."""

from __future__ import annotations

import asyncio
import logging

from jupyterhub_idle_culler import cull_idle
from tornado.httpclient import HTTPError

from urbanlab_services.background import run_until_stop
from urbanlab_services.culler.idleness import make_arbiter
from urbanlab_services.records_watcher import RecordsWatcher
from urbanlab_services.service import Missing, ServiceSettings, make_application, serving

ROUND_SECONDS = 60.0

logger = logging.getLogger(__name__)


class Rounds:
    """Goes round all servers; `missing` says why the last round came to nothing."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._hub_api_url = settings.hub_api_url
        self._token = settings.secret("service-culler")
        self._decide = make_arbiter(RecordsWatcher(settings.records).tenants)
        self.missing: Missing = {"hub": "has not answered yet"}

    async def run(self) -> None:
        """Go round for ever."""
        while True:
            await self.go_round()
            await asyncio.sleep(ROUND_SECONDS)

    async def go_round(self) -> None:
        """Ask the hub for all servers and end those that nobody uses."""
        try:
            # The limit is for the library's own rule; ours knows each tenant's.
            await cull_idle(
                self._hub_api_url,
                self._token.reveal(),
                inactive_limit=0,
                logger=logger,
                cull_arbiter=self._decide,
            )
        except (OSError, HTTPError) as error:
            self.missing = {"hub": "does not answer"}
            logger.warning("The servers could not be looked at: %s", error)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            self.missing = {"hub": "does not answer as a hub does"}
            logger.warning("The hub's list of servers is not understood: %r", error)
        else:
            self.missing = {}


async def main(settings: ServiceSettings) -> None:
    """Go round until somebody asks the process to end."""
    rounds = Rounds(settings)

    async def find_missing() -> Missing:
        return rounds.missing

    async with serving(make_application([], find_missing), settings):
        await run_until_stop(rounds.run())
