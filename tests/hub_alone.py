"""A hub in tests that has no proxy in front: the browser asks the hub itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyterhub.proxy import Proxy

ROOT = Path(__file__).parents[1]  # for the path on which a hub's configuration finds this module


class NoProxy(Proxy):
    """Knows the way to the hub and takes no other."""

    should_start = False

    async def get_all_routes(self) -> dict[str, Any]:
        return {"/": {"routespec": "/", "target": self.hub.host, "data": {"hub": True}}}

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        pass

    async def delete_route(self, routespec: str) -> None:
        pass
