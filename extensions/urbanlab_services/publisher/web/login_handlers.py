"""Logging in and out."""

from __future__ import annotations

from urbanlab_services.errors import ForbiddenError
from urbanlab_services.publisher.web.login import LOGIN_SECONDS, make_cookie_name
from urbanlab_services.publisher.web.pages import PageHandler
from urbanlab_services.publisher.web.security import to_own_path
from urbanlab_services.publisher.web.sessions import SESSION_SECONDS

CALLBACK = "/oauth_callback"


class LoginHandler(PageHandler):
    """Where a login begins."""

    is_open = True

    def get(self) -> None:
        """Send the browser to the hub."""
        attempt = self.site.login.begin(to_own_path(self.read_query("next") or "/"))
        # Lax, because the browser comes back from another site: from the hub's.
        self.set_cookie(
            attempt.cookie_name,
            attempt.cookie.decode(),
            path=CALLBACK,
            max_age=LOGIN_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=self.site.origins.is_https,
        )
        self.redirect(attempt.url)


class CallbackHandler(PageHandler):
    """Where the hub sends the browser back to."""

    is_open = True

    async def get(self) -> None:
        """Begin a session, under a new id, and go on to where somebody wanted to."""
        state, code = self.read_query("state"), self.read_query("code")
        name = make_cookie_name(state)
        cookie = self.get_cookie(name) or ""
        self.clear_cookie(name, path=CALLBACK, secure=self.site.origins.is_https)
        if not code:
            raise ForbiddenError("The hub did not let you in.", code="login_failed")
        hub_user, token, next_path = await self.site.login.complete(state, code, cookie)
        self.end_session()
        self.set_cookie(
            self.site.cookie_name,
            self.site.sessions.create(hub_user, token),
            path="/",
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=self.site.origins.is_https,
        )
        self.redirect(to_own_path(next_path), status=303)


class LogoutHandler(PageHandler):
    """Where a session ends.

    The hub revokes its token when somebody logs out there: no service may revoke one itself, because the scope
    for that would let it make tokens too. Here the token is forgotten at once.
    """

    is_open = True

    def get(self) -> None:
        """Say that nobody is logged in here, or offer to end the session."""
        self.show("logout.html")

    def post(self) -> None:
        """End the session."""
        language = self.language.code
        self.end_session()
        self._actor = None
        self.go_to("/logout", lang=language)
