"""Logging in and out: the handlers around Keycloak's answer, and the pages that say why somebody stays out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

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

from urbanlab_hub import audit
from urbanlab_hub.host_names import find_tenant_of_host
from urbanlab_hub.owners import SUB, is_anothers
from urbanlab_hub.second_factor import MOST_QUESTIONS, get_proven, make_question

# reason -> HTTP status; the sentences are in templates/login_refused.html
REFUSALS = {
    "no-tenant": 403,
    "other-tenant": 403,
    "name": 403,
    "another-person": 403,
    "second-factor": 403,
    "expired": 400,
    "unavailable": 503,
}


class LoginRefused(Exception):
    """Somebody does not get in, where it is known as `hub_user`; `reason` is one of `REFUSALS`."""

    def __init__(self, reason: str, hub_user: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hub_user = hub_user


class TenantChoice(Exception):
    """Somebody belongs to several tenants and has not said which one they mean."""

    def __init__(self, tenants: list[str]) -> None:
        super().__init__("a tenant must be chosen")
        self.tenants = tenants


class FactorNeeded(Exception):
    """Somebody holds roles in `tenant` that need a second factor, and Keycloak does not say that it was given."""

    def __init__(self, tenant: str) -> None:
        super().__init__("a second factor is needed")
        self.tenant = tenant


class _AtTenantHost:
    """What a login takes from the host name that the browser called."""

    def get_tenant(self: Any) -> str:
        """Return the tenant that a link or the host name asks for, or an empty string."""
        return str(self.get_argument("tenant", "")) or self.find_tenant_of_host() or ""

    def find_tenant_of_host(self: Any) -> str | None:
        """Return the tenant whose host name was called, or None."""
        known = self.authenticator.known_tenants.load_tenants()
        return find_tenant_of_host(known, self.request.host_name)

    def goes_to_own_address(self: Any) -> bool:
        """Send on who came to a tenant's host name: Keycloak answers at the hub's own, where cookies must be."""
        own = self.authenticator.oauth_callback_url
        if self.find_tenant_of_host() is None or self.request.host_name == urlsplit(own).hostname:
            return False
        wanted = {"tenant": self.get_tenant(), "next": self.get_argument("next", "")}
        self.redirect(url_concat(urljoin(own, "login"), wanted))
        return True


class LoginPageHandler(_AtTenantHost, LoginHandler):  # type: ignore[misc]
    """/hub/login: goes on to Keycloak; `?tenant=` or the host name says which tenant is meant."""

    async def get(self) -> None:
        """Log in, or change to another tenant than the present one."""
        if self.goes_to_own_address():
            return
        tenant = self.get_tenant()
        user = self.current_user
        if not tenant or (user and user.name.endswith(f"@{tenant}")):
            await super().get()
            return
        wanted = {"tenant": tenant, "next": self.get_argument("next", "")}
        self.redirect(url_concat(self.authenticator.login_url(self.hub.base_url), wanted))


class UrbanLoginHandler(_AtTenantHost, OAuthLoginHandler):  # type: ignore[misc]
    """/hub/oauth_login: sends to Keycloak; the signed state cookie keeps for which tenant, and what was asked.

    Without `tenant` there is a choice for those who have several.
    """

    def get(self) -> None:
        """Send to Keycloak."""
        if not self.goes_to_own_address():
            super().get()

    def authorize_redirect(
        self, *arguments: Any, extra_params: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        """Ask for a second factor where one turned out to be missing."""
        extra_params = {**(extra_params or {}), **make_question(self.get_asked())}
        super().authorize_redirect(*arguments, extra_params=extra_params, **options)

    def set_state_cookie(self, state_cookie_value: str) -> None:
        """Add to what only this browser brings back."""
        state = _deserialize_state(state_cookie_value)
        added = {"tenant": self.get_argument("tenant", ""), "asked": self.get_asked()}
        super().set_state_cookie(_serialize_state({**state, **added}))

    def get_asked(self) -> int:
        """Return how often this login was sent back for a second factor; whoever makes it up is asked for one."""
        given = self.get_argument("asked", "")
        return next((number for number in range(1, MOST_QUESTIONS + 1) if given == str(number)), 0)


class UrbanCallbackHandler(OAuthCallbackHandler):  # type: ignore[misc]
    """/hub/oauth_callback: Keycloak's answer becomes a login, a choice of tenants, or a clear refusal."""

    async def get(self) -> None:
        """Log in."""
        try:
            await super().get()
        except TenantChoice as choice:
            await self.show_choice(choice)
        except FactorNeeded as needed:
            asked = str(self.get_asked() + 1)
            arguments = {"tenant": needed.tenant, "next": self.get_following(), "asked": asked}
            self.redirect(self.make_login_link(arguments))
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

    async def auth_to_user(self, authenticated: dict[str, Any], user: Any = None) -> Any:
        """Log in; whoever proves more than before leaves all other browsers, where perhaps they proved nothing."""
        if user is not None:  # no login: whoever was here before is looked at again
            return await super().auth_to_user(authenticated, user)
        known = self.find_user(authenticated["name"])
        if known and is_anothers(known, authenticated["user_info"][SUB]):
            raise LoginRefused("another-person", known.name)
        before = get_proven(await known.get_auth_state()) if known else frozenset()
        user = await super().auth_to_user(authenticated)
        proven = get_proven(authenticated["auth_state"])
        if proven - before:
            self.end_other_sessions(user)
        audit.record_login(user.name, authenticated["groups"], second_factor=bool(proven))
        return user

    def get_wanted_tenant(self) -> str:
        """Return the tenant that this browser asked for when it set out, or an empty string."""
        return str(self.get_state().get("tenant", ""))

    def get_asked(self) -> int:
        """Return how often this login was sent back for a second factor."""
        return int(self.get_state().get("asked", 0))

    def get_following(self) -> str:
        """Return the path at which this browser wanted to arrive, or an empty string."""
        return str(self.get_state().get("next_url") or "")

    def get_state(self) -> dict[str, Any]:
        """Return what the signed cookie of the login keeps."""
        state: dict[str, Any] = _deserialize_state(self.get_state_cookie())
        return state

    async def show_choice(self, choice: TenantChoice) -> None:
        """Let somebody choose; the click asks Keycloak again, and its answer decides whether it may be."""
        records = self.authenticator.known_tenants.load_tenants()
        links = [
            (records[tenant].title, self.make_login_link({"tenant": tenant, "next": self.get_following()}))
            for tenant in choice.tenants
        ]
        self.finish(await self.render_template("choose_tenant.html", links=links))

    async def show_refusal(self, refusal: LoginRefused) -> None:
        """Say why, whom to ask, and how to try again."""
        self.set_status(REFUSALS[refusal.reason])
        tenant = refusal.hub_user.rpartition("@")[2] or self.get_wanted_tenant()
        if refusal.hub_user:
            self.log.warning("%s is refused: %s", refusal.hub_user, refusal.reason)
        is_known = tenant in self.authenticator.known_tenants.load_tenants()
        audit.record_login_refused(refusal.reason, tenant if is_known else "")
        logout = self.authenticator.logout_url(self.hub.base_url)
        wanted = {"tenant": tenant} if refusal.reason == "second-factor" else {}
        self.finish(
            await self.render_template(
                "login_refused.html",
                reason=refusal.reason,
                hub_user=refusal.hub_user,
                retry_url=self.make_login_link(wanted),
                other_person_url=logout,
            )
        )

    def make_login_link(self, arguments: dict[str, str]) -> str:
        """Return the address that sends to Keycloak again."""
        return str(url_concat(self.authenticator.login_url(self.hub.base_url), arguments))

    def end_session(self, former: Any) -> None:
        """Whoever changes the tenant leaves the former one's servers in this browser."""
        session = self.get_session_cookie()
        for token in list(former.orm_user.api_tokens):
            if token.session_id and token.session_id == session:
                self.db.delete(token)
        self.db.commit()

    def end_other_sessions(self, user: Any) -> None:
        """End the logins of other browsers as the same hub user; servers, which have no session, go on."""
        person = user.orm_user
        person.cookie_id = orm.new_token()
        for token in list(person.api_tokens):
            if token.session_id and token.session_id != self.get_session_cookie():
                self.db.delete(token)
        for code in self.db.query(orm.OAuthCode).filter_by(user_id=person.id):
            self.db.delete(code)
        self.db.commit()


class UrbanLogoutHandler(OAuthLogoutHandler):  # type: ignore[misc]
    """/hub/logout: ends the session at Keycloak too, without asking again."""

    id_token = ""

    async def get(self) -> None:
        """Log out, unless somebody else's link leads here: it would end servers with all that they hold."""
        if self.is_led_here():
            self.redirect(url_path_join(self.hub.base_url, "home"))
            return
        await super().get()

    def is_led_here(self) -> bool:
        """Return whether a page led here, and neither the hub's, the publisher's nor one of the own server."""
        if self.request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin"):
            return False
        came_from = urlsplit(self.request.headers.get("Referer", ""))
        own = self.current_user.host if self.current_user else None
        return f"{came_from.scheme}://{came_from.netloc}" not in (self.authenticator.publisher_url, own)

    async def default_handle_logout(self) -> None:
        """Keep the id token, by which Keycloak knows the session, before the hub forgets the person."""
        if self.current_user:
            self.id_token = (await self.current_user.get_auth_state() or {}).get("id_token") or ""
        await super().default_handle_logout()
        if self.current_user:
            # At once, and also while Keycloak is away; the person's other tenants follow by Keycloak's word.
            self.authenticator.watch.revoker.revoke(self.current_user, audit.LOGGED_OUT)

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
