"""The publisher as a program, with one address more: an act of the desk by whoever the test says.

The acts that need a browser's login are on the publisher's pages, whose login is tested with them; here it is the
rules behind them that are asked.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any

from urbanlab_services.publisher.actors import Actor
from urbanlab_services.publisher.app import make_desk, make_publisher_application, serve
from urbanlab_services.publisher.desk import Desk
from urbanlab_services.service import BaseHandler, ServiceSettings, run_service


class ActHandler(BaseHandler):
    """``POST /act``."""

    def initialize(self, desk: Desk) -> None:
        """Take the desk."""
        self.desk = desk

    async def post(self) -> None:
        """Do it."""
        order = json.loads(self.request.body)
        actor = order["actor"]
        who = Actor(actor["hub_user"], actor["tenant"], frozenset(actor["roles"]), actor["may_decide"])
        if order["act"] == "submit":
            order["args"][1] = order["args"][1].encode()
        desk = self.desk if hasattr(self.desk, order["act"]) else self.desk.data
        result = getattr(desk, order["act"])(who, *order["args"], **order["options"])
        self.write_json({"result": to_plain(await result if inspect.isawaitable(result) else result)})


def to_plain(value: Any) -> Any:
    """Return plain values for JSON."""
    if isinstance(value, list | tuple):
        return [to_plain(each) for each in value]
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value


async def main(settings: ServiceSettings) -> None:
    """Run the publisher; a runner that is gone is tried again at once."""
    desk = make_desk(settings, pauses=(0.2, 0.3))
    application = make_publisher_application(settings, desk, [("/act", ActHandler, {"desk": desk})])
    await serve(settings, application, desk)


if __name__ == "__main__":
    run_service(main, "publisher")
