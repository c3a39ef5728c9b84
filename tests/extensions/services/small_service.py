"""A service as small as can be, on what all services share: ``python small_service.py``."""

from __future__ import annotations

import asyncio

from urbanlab.contract.environment import PORT
from urbanlab_services.background import run_beside
from urbanlab_services.errors import TooManyRequestsError
from urbanlab_services.service import BaseHandler, ServiceSettings, make_application, run_service, serving

MISSING: dict[str, str] = {}


class SlowHandler(BaseHandler):
    async def get(self) -> None:
        MISSING["time"] = "A request is under way."
        await asyncio.sleep(1)
        self.write_json({"done": "Straße"})


class FailingHandler(BaseHandler):
    def get(self, how: str) -> None:
        if how == "known":
            raise TooManyRequestsError("Come back later.", code="tired", retry_after=7)
        raise RuntimeError("password=hunter2")


class PartHandler(BaseHandler):
    def get(self, state: str) -> None:
        MISSING.clear()
        MISSING.update({"oven": "The oven is cold."} if state == "away" else {})


async def main(settings: ServiceSettings) -> None:
    async def find_missing() -> dict[str, str]:
        return MISSING

    settings.secret("key")
    routes = [("/slow", SlowHandler), ("/fail/(.*)", FailingHandler), ("/part/(.*)", PartHandler)]
    async with serving(make_application([*routes], find_missing), settings):
        await run_beside(lambda stop: stop.wait() and None)


run_service(main, "small", PORT)
