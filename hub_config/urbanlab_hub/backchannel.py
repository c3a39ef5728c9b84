"""POST /hub/backchannel_logout: Keycloak says that a session has ended elsewhere."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import parse_qs

from jupyterhub import orm
from tornado.http1connection import HTTP1Connection
from tornado.web import RequestHandler, stream_request_body

from urbanlab_hub.confirmation import belongs_to
from urbanlab_hub.logout_tokens import EndedSession, LogoutTokens
from urbanlab_hub.realm_tokens import RealmTokenError
from urbanlab_hub.revocation import Revoker

logger = logging.getLogger(__name__)
PATH = r"/backchannel_logout"
MAX_BODY_BYTES = 16 << 10


@stream_request_body
class BackchannelLogoutHandler(RequestHandler):
    """Believes the token alone: it knows no cookie and no person, so there is nothing that XSRF could abuse.

    Whatever is no logout token of ours costs a look at its head; keys are asked for every ten seconds at most.
    A limit on requests would let anybody keep Keycloak's away: it comes from the same address as every kernel.
    """

    def initialize(self, app: Any, tokens: LogoutTokens, revoker: Revoker) -> None:
        """Take what it works with."""
        self._app = app
        self._tokens = tokens
        self._revoker = revoker

    def check_xsrf_cookie(self) -> None:
        """Let pass: no browser comes here."""

    def set_default_headers(self) -> None:
        """Say that nothing here is to be kept."""
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> None:
        """Take no more than a token may have."""
        self._body = b""
        assert isinstance(self.request.connection, HTTP1Connection)
        self.request.connection.set_max_body_size(MAX_BODY_BYTES)

    async def data_received(self, chunk: bytes) -> None:
        """Take a part of the body."""
        self._body += chunk

    async def post(self) -> None:
        """Revoke what the session's logins gave."""
        try:
            ended = await self._tokens.verify(self._read_token())
        except RealmTokenError as error:
            logger.warning("A logout token was refused: %s", error)
            self.set_status(400)
            self.finish({"error": "invalid_request"})
            return
        await end_session(self._app, self._revoker, ended)
        self.finish()

    def _read_token(self) -> str:
        try:
            tokens = parse_qs(self._body.decode("ascii"), max_num_fields=10).get("logout_token", [])
        except ValueError as error:
            raise RealmTokenError("this is no form") from error
        if len(tokens) != 1:
            raise RealmTokenError("there is not one token")
        return tokens[0]


async def end_session(app: Any, revoker: Revoker, ended: EndedSession) -> None:
    """Revoke all hub users, of whichever tenants, who have logged in by the session that has ended."""
    logged_in = app.db.query(orm.User.id).filter(orm.User.encrypted_auth_state.is_not(None))
    # All at once: whoever is removed meanwhile must not keep the others logged in.
    for user in [app.users[row.id] for row in logged_in]:
        if belongs_to(await user.get_auth_state(), ended.sub, ended.sid):
            revoker.revoke(user, "the session has ended at Keycloak")
