"""Looks again and again whether those who have something here may keep it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import Any

from jupyterhub import orm
from jupyterhub.crypto import encrypt
from sqlalchemy import or_

from urbanlab.contract import naming
from urbanlab_hub import audit
from urbanlab_hub.confirmation import KEY, AuthModel, LoginEnded, is_idle, is_within
from urbanlab_hub.instants import read_instant
from urbanlab_hub.revocation import Revoker

logger = logging.getLogger(__name__)

PARALLEL = 16
WRITE_SECONDS = 60.0  # so seldom a good answer is written down that brings nothing new


class Sweep:
    """Asks Keycloak about each hub user who has a login, a token or a server, and acts on the answer."""

    def __init__(self, app: Any, authenticator: Any, revoker: Revoker) -> None:
        self._app = app
        self._authenticator = authenticator
        self._revoker = revoker
        self._slots = asyncio.Semaphore(PARALLEL)

    async def run(self, seconds: float) -> None:
        """Look around as soon as the hub has started and then every so many seconds, for ever."""
        # Only once it listens does the hub know which servers there are.
        while self._app.http_server is None:  # noqa: ASYNC110 - the hub has no event for it
            await asyncio.sleep(0.5)
        while True:
            began = time.monotonic()
            await self.look_around()
            await asyncio.sleep(max(0.1, began + seconds - time.monotonic()))

    async def look_around(self) -> None:
        """Look at everybody once."""
        try:
            users = list(self._list_users())
        except Exception:
            # Whatever is wrong with the database now, the sweep must not end.
            logger.exception("The sweep does not find out whom to look at")
            self._app.db.rollback()
            return
        await asyncio.gather(*map(self._look_at, users))

    def _list_users(self) -> Iterator[Any]:
        has_something = or_(orm.User.encrypted_auth_state.is_not(None), orm.User.api_tokens.any())
        ids = {row.id for row in self._app.db.query(orm.User.id).filter(has_something)}
        ids |= {user.id for user in self._app.users.values() if has_server(user)}
        for number in ids:
            user = self._app.users[number]
            if user.name.partition("@")[0] not in naming.SERVICE_PERSONS:
                yield user

    async def _look_at(self, user: Any) -> None:
        async with self._slots:
            try:
                await self._decide(user)
            except Exception:
                # Nobody's odd account may keep the sweep from the others.
                logger.exception("The sweep failed for %s", user.name)
                self._app.db.rollback()

    async def _decide(self, user: Any) -> None:
        before = user.encrypted_auth_state
        state = await user.get_auth_state()
        try:
            model = await self._ask(user, state)
        except LoginEnded as end:
            # Whoever has logged in anew meanwhile was not asked about.
            if user.encrypted_auth_state == before:
                self._revoker.revoke(user, end.reason)
            return
        if model is not None:
            await self._take_over(user, before, state, model)

    async def _ask(self, user: Any, state: dict[str, Any] | None) -> AuthModel | None:
        """Return the person's model, or None while Keycloak is away; raise `LoginEnded` for who must leave."""
        if state and not user.active and is_idle(state, find_last_use(user)):
            raise LoginEnded("nobody has used the login for as long as a session may be idle")
        return await find_model(self._authenticator, user, state)

    async def _take_over(self, user: Any, before: bytes, state: dict[str, Any], model: AuthModel) -> None:
        user._auth_refreshed = time.monotonic()  # so that no request of theirs asks Keycloak once more
        new = model["auth_state"]
        is_news = (
            new["access_token"] != state["access_token"]
            or set(model["groups"]) != {group.name for group in user.orm_user.groups}
            or model["user_info"] != user.user_info
        )
        if not is_news and new[KEY]["confirmed"] - state.get(KEY, {}).get("confirmed", 0) < WRITE_SECONDS:
            return
        encrypted = await encrypt(new)
        if user.encrypted_auth_state == before:
            user.sync_groups(model["groups"])
            user.encrypted_auth_state, user.user_info = encrypted, model["user_info"]
            self._app.db.commit()


async def find_model(authenticator: Any, user: Any, state: dict[str, Any] | None) -> AuthModel | None:
    """Return the model of a person now, or None while Keycloak is away and what it last said still counts.

    Raises `LoginEnded` for who must leave.
    """
    try:
        model: AuthModel = await authenticator.confirm_user(user.name, state)
        audit.record_roles_changed(user.name, [group.name for group in user.orm_user.groups], model["groups"])
        return model
    except LoginEnded:
        raise
    except Exception as error:
        # Keycloak is away, or something is odd: there is no answer, which must not count for longer than declared.
        if state is None or not is_within(state, authenticator.grace_minutes * 60):
            raise LoginEnded("there is no answer of Keycloak for longer than is declared") from error
        logger.warning("Keycloak does not answer about %s, who stays: %r", user.name, error)
        return None


def has_server(user: Any) -> bool:
    """Return whether a server runs that is not about to end anyhow."""
    return any(spawner.active and spawner.pending != "stop" for spawner in user.spawners.values())


def find_last_use(user: Any) -> float:
    """Return when the hub saw somebody last, in seconds of the epoch; 0 if it never did."""
    moment = user.orm_user.last_activity
    return read_instant(moment).timestamp() if moment else 0.0
