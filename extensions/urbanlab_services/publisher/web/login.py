"""The login: the hub says who is at the browser, by OAuth with PKCE.

JupyterHub's own `HubOAuth` would keep the hub's token in the browser's cookie and read its settings from the
environment; here the token stays in this process, and what the browser holds is an id that means nothing elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.web import create_signed_value, decode_signed_value

from urbanlab.contract.naming import ROLES, SERVICE_PERSONS, NamingError, make_group_path, split_hub_user
from urbanlab.contract.secrets import Secret
from urbanlab_services.errors import ForbiddenError, UnavailableError
from urbanlab_services.hub_api import HubApi, HubIdentity
from urbanlab_services.publisher.actors import Actor
from urbanlab_services.publisher.web.sessions import Session
from urbanlab_services.records_watcher import RecordsWatcher

CLIENT_ID = "service-publisher"
DECIDE_SCOPE = "custom:urbanlab:decide"
LOGIN_SECONDS = 600
TIMEOUT_SECONDS = 10.0
_PURPOSE = "login"


@dataclass(frozen=True)
class Attempt:
    """A login on its way: what stands in the browser's cookie, and where the browser is sent."""

    cookie_name: str
    cookie: bytes
    url: str


@dataclass
class HubLogin:
    """Sends browsers to the hub and finds out who came back; `secret` is the service's token."""

    hub: HubApi
    hub_api_url: str
    hub_url: str
    publisher_url: str
    secret: Secret
    records: RecordsWatcher
    # Signs what the browser keeps of an attempt, so that strangers who begin many logins fill no memory here.
    _key: str = field(default_factory=lambda: secrets.token_hex(32))
    _spent: dict[str, float] = field(default_factory=dict)

    def begin(self, next_path: str) -> Attempt:
        """Return an attempt that ends at `next_path`."""
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        query = {
            "client_id": CLIENT_ID,
            "redirect_uri": self._redirect_uri,
            "response_type": "code",
            "state": state,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        kept = json.dumps({"state": state, "verifier": verifier, "next": next_path})
        cookie = create_signed_value(self._key, _PURPOSE, kept)
        url = f"{self.hub_url}/hub/api/oauth2/authorize?{urlencode(query)}"
        return Attempt(make_cookie_name(state), cookie, url)

    async def complete(self, state: str, code: str, cookie: str) -> tuple[str, Secret, str]:
        """Return hub user, token and path to go on with; raise `ForbiddenError` unless this browser began it.

        Each attempt ends once, so an address from somebody's history or log logs nobody in.
        """
        kept = self._read_cookie(cookie)
        if not hmac.compare_digest(kept["state"].encode(), state.encode("utf-8", "surrogatepass")):
            raise _make_failure()
        moment = time.monotonic()
        self._spent = {spent: until for spent, until in self._spent.items() if until > moment}
        if state in self._spent:
            raise _make_failure()
        token = await self._exchange(code, kept["verifier"])
        self._spent[state] = moment + LOGIN_SECONDS
        actor = self._make_actor(await self.hub.get_identity(token))
        return actor.hub_user, token, kept["next"]

    async def identify(self, session: Session) -> Actor:
        """Return who acts in a session, as the hub says now; its answers are remembered for five seconds.

        Raises `UnauthenticatedError` once the hub has revoked the login, `ForbiddenError` for strangers.
        """
        return self._make_actor(await self.hub.get_identity(session.token))

    @property
    def _redirect_uri(self) -> str:
        return f"{self.publisher_url}/oauth_callback"

    def _read_cookie(self, cookie: str) -> dict[str, str]:
        value = decode_signed_value(self._key, _PURPOSE, cookie, max_age_days=LOGIN_SECONDS / 86400)
        if value is None:
            raise _make_failure()
        kept: dict[str, str] = json.loads(value)
        return kept

    async def _exchange(self, code: str, verifier: str) -> Secret:
        form = {
            "client_id": CLIENT_ID,
            "client_secret": self.secret.reveal(),
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        try:
            response = await AsyncHTTPClient().fetch(
                f"{self.hub_api_url}/oauth2/token",
                method="POST",
                body=urlencode(form),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                request_timeout=TIMEOUT_SECONDS,
                follow_redirects=False,
            )
            return Secret(str(json.loads(response.body)["access_token"]))
        except HTTPClientError as error:
            if 400 <= error.code < 500:
                raise _make_failure() from None
            raise _make_unavailable() from None
        except (OSError, ValueError, KeyError, TypeError):
            raise _make_unavailable() from None

    def _make_actor(self, identity: HubIdentity) -> Actor:
        rights = {DECIDE_SCOPE, f"{DECIDE_SCOPE}!user={identity.name}"}
        if identity.kind != "user" or not identity.session_id or not rights & identity.scopes:
            raise ForbiddenError(
                "These pages are for people who have logged in with their browser.", code="no_browser"
            )
        try:
            person, tenant = split_hub_user(identity.name)
        except NamingError:
            raise ForbiddenError("You belong to no tenant here.", code="no_tenant") from None
        if person in SERVICE_PERSONS or tenant not in self.records.tenants():
            raise ForbiddenError("You belong to no tenant here.", code="no_tenant")
        roles = frozenset(role for role in ROLES if make_group_path(tenant, role) in identity.groups)
        return Actor(identity.name, tenant, roles, may_decide=True)


def make_cookie_name(state: str) -> str:
    """Return the cookie of an attempt: each tab that logs in has its own."""
    return f"urbanlab-login-{hashlib.sha256(state.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def _make_failure() -> ForbiddenError:
    return ForbiddenError("This login was begun elsewhere or has been used; begin anew.", code="login_failed")


def _make_unavailable() -> UnavailableError:
    return UnavailableError("The hub does not answer, so nobody can log in now.", retry_after=5)
