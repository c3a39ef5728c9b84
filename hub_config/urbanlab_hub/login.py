"""Logging in and out: the handlers around Keycloak's answer, and the pages that say why somebody stays out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from jupyterhub import orm
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LoginHandler
from jupyterhub.utils import url_path_join
from oauthenticator.oauth2 import (
    OAuthCallbackHandler,
    OAuthLoginHandler,
    OAuthLogoutHandler,
    _deserialize_state,
    _serialize_state,
)
from tornado.httpclient import HTTPError as FetchError
from tornado.httputil import url_concat
from tornado.web import HTTPError

# reason -> HTTP status; the sentences are in templates/login_refused.html
REFUSALS = {"no-tenant": 403, "other-tenant": 403, "name": 403, "expired": 400, "unavailable": 503}


class LoginRefused(Exception):
    """Somebody does not get in; `reason` is one of `REFUSALS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TenantChoice(Exception):
    """Somebody belongs to several tenants and has not said which one they mean."""

    def __init__(self, tenants: list[str]) -> None:
        super().__init__("a tenant must be chosen")
        self.tenants = tenants


class LoginPageHandler(LoginHandler):  # type: ignore[misc]
    """/hub/login: goes on to Keycloak; `?tenant=` says which tenant is meant."""

    async def get(self) -> None:
        """Log in, or change to another tenant than the present one."""
        tenant = self.get_argument("tenant", "")
        user = self.current_user
        if not tenant or (user and user.name.endswith(f"@{tenant}")):
            await super().get()
            return
        wanted = {"tenant": tenant, "next": self.get_argument("next", "")}
        self.redirect(url_concat(self.authenticator.login_url(self.hub.base_url), wanted))


class UrbanLoginHandler(OAuthLoginHandler):  # type: ignore[misc]
    """/hub/oauth_login: sends to Keycloak and remembers the wanted tenant in the signed state cookie."""

    def set_state_cookie(self, state_cookie_value: str) -> None:
        """Add the tenant to what only this browser brings back."""
        state = _deserialize_state(state_cookie_value)
        super().set_state_cookie(_serialize_state({**state, "tenant": self.get_argument("tenant", "")}))


class UrbanCallbackHandler(OAuthCallbackHandler):  # type: ignore[misc]
    """/hub/oauth_callback: Keycloak's answer becomes a login, a choice of tenants, or a clear refusal."""

    async def get(self) -> None:
        """Log in."""
        try:
            await super().get()
        except TenantChoice as choice:
            await self.show_choice(choice)
        except LoginRefused as refusal:
            await self.show_refusal(refusal)

    def check_arguments(self) -> None:
        """Refuse answers that are not to a question of this browser, or that are too late."""
        try:
            super().check_arguments()
        except HTTPError as error:
            self.log.warning("Login failed: %s", error.log_message)
            raise LoginRefused("expired") from error

    async def login_user(self, data: dict[str, str] | None = None) -> Any:
        """Log in; say so where Keycloak does not take its own code back or does not answer."""
        former = self.get_current_user_cookie()
        try:
            user = await super().login_user(data)
        except FetchError as error:
            self.log.warning("Keycloak refused a login: %s", error)
            raise LoginRefused("expired" if 400 <= error.code < 500 else "unavailable") from error
        except OSError as error:
            self.log.warning("Keycloak does not answer: %s", error)
            raise LoginRefused("unavailable") from error
        if former and user and former.name != user.name:
            self.end_session(former)
        return user

    def get_wanted_tenant(self) -> str:
        """Return the tenant that this browser asked for when it set out, or an empty string."""
        return str(_deserialize_state(self.get_state_cookie()).get("tenant", ""))

    async def show_choice(self, choice: TenantChoice) -> None:
        """Let somebody choose; the click asks Keycloak again, and its answer decides whether it may be."""
        records = self.authenticator.known_tenants.load_tenants()
        following = _deserialize_state(self.get_state_cookie()).get("next_url") or ""
        links = [
            (records[tenant].title, self.make_login_link({"tenant": tenant, "next": following}))
            for tenant in choice.tenants
        ]
        self.finish(await self.render_template("choose_tenant.html", links=links))

    async def show_refusal(self, refusal: LoginRefused) -> None:
        """Say why, whom to ask, and how to try again."""
        self.set_status(REFUSALS[refusal.reason])
        logout = self.authenticator.logout_url(self.hub.base_url)
        self.finish(
            await self.render_template(
                "login_refused.html",
                reason=refusal.reason,
                retry_url=self.make_login_link({}),
                other_person_url=logout,
            )
        )

    def make_login_link(self, arguments: dict[str, str]) -> str:
        """Return the address that sends to Keycloak again."""
        return str(url_concat(self.authenticator.login_url(self.hub.base_url), arguments))

    def end_session(self, former: Any) -> None:
        """Whoever changes the tenant leaves the former one's servers in this browser."""
        tokens = self.db.query(orm.APIToken)
        for token in tokens.filter_by(user_id=former.id, session_id=self.get_session_cookie()):
            self.db.delete(token)
        self.db.commit()


class UrbanLogoutHandler(OAuthLogoutHandler):  # type: ignore[misc]
    """/hub/logout: ends the session at Keycloak too, without asking again."""

    id_token = ""

    async def default_handle_logout(self) -> None:
        """Keep the id token, by which Keycloak knows the session, before the hub forgets the person."""
        if self.current_user:
            self.id_token = (await self.current_user.get_auth_state() or {}).get("id_token") or ""
        await super().default_handle_logout()

    async def render_logout_page(self) -> None:
        """Go on to Keycloak, which sends back to the page below."""
        query = {
            "client_id": self.authenticator.client_id,
            "post_logout_redirect_uri": self.authenticator.logged_out_url,
            **({"id_token_hint": self.id_token} if self.id_token else {}),
        }
        self.redirect(f"{self.authenticator.logout_redirect_url}?{urlencode(query)}")


class LoggedOutHandler(BaseHandler):  # type: ignore[misc]
    """/hub/logged-out: says so."""

    async def get(self) -> None:
        """Show the page."""
        again = url_path_join(self.hub.base_url, "login")
        self.finish(await self.render_template("logged_out.html", retry_url=again))
