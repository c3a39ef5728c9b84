"""Takes away from somebody what they have here: logins, tokens, groups, servers and access to data."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

from jupyterhub import orm
from tornado.httpclient import HTTPError as FetchError

from urbanlab_hub import audit
from urbanlab_hub.warehouse_notices import WarehouseNotices

logger = logging.getLogger(__name__)

PROXY_SECONDS = 5.0
PARALLEL_STOPS = 32
PAUSE_SECONDS = 0.2


class Revoker:
    """Revokes at once what the hub keeps; servers end in the background, each for itself."""

    def __init__(self, app: Any, notices: WarehouseNotices) -> None:
        self._app = app
        self._notices = notices
        self._slots = asyncio.Semaphore(PARALLEL_STOPS)
        self._tasks: set[asyncio.Task[None]] = set()

    def revoke(self, user: Any, reason: str) -> None:
        """Take away everything that a hub user has; `reason` is for the log."""
        logger.warning("Everything of %s is revoked: %s", user.name, reason)
        # Not for each look at a server that hangs.
        if user.encrypted_auth_state or user.orm_user.api_tokens:
            audit.record_revocation(user.name, reason)
        self._forget_login(user)
        self._notices.tell(user.name, time.time())
        for name, spawner in list(user.spawners.items()):
            if spawner.active and spawner.pending != "stop":
                self._start(self._end_server(user, name))

    async def wait(self) -> None:
        """Return when all servers have ended."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def _forget_login(self, user: Any) -> None:
        """In one step, so that no request in between finds half of it."""
        db, person = self._app.db, user.orm_user
        person.cookie_id = orm.new_token()
        person.encrypted_auth_state = None
        person.groups = []
        for token in list(person.api_tokens):
            db.delete(token)
        for code in db.query(orm.OAuthCode).filter_by(user_id=person.id):
            db.delete(code)
        db.commit()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end_server(self, user: Any, name: str) -> None:
        async with self._slots:
            try:
                await self._end_start(user, name)
                # Both at once: the hub puts back the route of a server that it does not know to be stopping.
                await asyncio.gather(self._stop(user, name), self._delete_route(user, name))
            except Exception:
                # A spawner may raise anything; the next round of the sweep finds the server and tries again.
                logger.exception("The server of %s does not end", user.name)

    async def _end_start(self, user: Any, name: str) -> None:
        """End what a start has begun; the start then fails by itself."""
        while user.spawners[name].pending in ("spawn", "check"):
            await user.spawners[name].stop(now=True)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _stop(self, user: Any, name: str) -> None:
        if user.spawners[name].ready:
            await user.stop(name)

    async def _delete_route(self, user: Any, name: str) -> None:
        try:
            async with asyncio.timeout(PROXY_SECONDS):
                await self._app.proxy.delete_user(user, name)
        except (FetchError, OSError) as error:
            logger.warning("The proxy keeps the route of %s for now: %s", user.name, error)
