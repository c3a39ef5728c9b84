"""Keycloak's claims -> person, tenants, roles; and the authenticator that turns them into hub users."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from jupyterhub import orm
from oauthenticator.generic import GenericOAuthenticator
from sqlalchemy.orm import object_session
from tornado.web import RequestHandler
from traitlets import Float, Instance, Unicode

from urbanlab.contract import naming
from urbanlab.contract.secrets import Secret
from urbanlab_hub import audit, login
from urbanlab_hub.administration.routes import make_administration_routes
from urbanlab_hub.confirmation import (
    KEY,
    AuthModel,
    AuthState,
    LoginEnded,
    confirm,
    mark_new_login,
    read_claims,
)
from urbanlab_hub.id_tokens import IdTokens
from urbanlab_hub.known_tenants import KnownTenants, get_known_tenants
from urbanlab_hub.login import FactorNeeded, LoginRefused, TenantChoice
from urbanlab_hub.owners import SUB
from urbanlab_hub.second_factor import MOST_QUESTIONS, Standing, get_proven, keep_proven, make_standing
from urbanlab_hub.services import SERVICE_GROUPS
from urbanlab_hub.sweep import find_model
from urbanlab_hub.watch import Watch, make_client

_GROUP_PATH = re.compile(r"/tenants/([^/]+)/([^/]+)")
# More than a person in all roles of a thousand tenants has: what is larger, nobody configured on purpose.
MOST_GROUPS = 10_000
LONGEST_PATH = 100


def make_roles_by_tenant(claims: Mapping[str, Any], known: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the roles that Keycloak's claims give in each known tenant; nothing where they are odd."""
    paths = claims.get("groups")
    if not isinstance(paths, list) or len(paths) > MOST_GROUPS:
        return {}
    roles: dict[str, set[str]] = {}
    for path in paths:
        is_path = isinstance(path, str) and len(path) <= LONGEST_PATH
        hit = _GROUP_PATH.fullmatch(path) if is_path else None
        if hit and hit[1] in known and hit[2] in naming.ROLES:
            roles.setdefault(hit[1], set()).add(hit[2])
    return {tenant: tuple(sorted(roles[tenant])) for tenant in sorted(roles)}


def choose_tenant(tenants: Collection[str], wanted: str) -> str:
    """Return the tenant to log in to; raise `LoginRefused` or, where somebody must choose, `TenantChoice`."""
    if not tenants:
        raise LoginRefused("no-tenant")
    if wanted:
        # The same answer for a tenant that does not exist and for one that is not theirs.
        if wanted not in tenants:
            raise LoginRefused("other-tenant")
        return wanted
    if len(tenants) > 1:
        raise TenantChoice(sorted(tenants))
    return next(iter(tenants))


def make_auth_model(
    model: AuthModel, tenant: str, roles: Mapping[str, tuple[str, ...]], standing: Standing
) -> AuthModel:
    """Return the hub's model of a person in one tenant: name, groups, and what their pages tell them."""
    try:
        name = naming.make_hub_user(model["name"], tenant)
    except naming.NamingError as error:
        raise LoginRefused("name") from error
    others = [other for other in sorted(roles) if other != tenant]
    sub = model["auth_state"].get(KEY, {}).get(SUB, "")
    known = {SUB: sub, "other_tenants": others, "waiting_roles": list(standing.waiting)}
    return {
        **model,
        "name": name,
        "groups": [naming.make_group_path(tenant, role) for role in standing.roles],
        "admin": None,
        "user_info": known,
        "auth_state": keep_proven(model["auth_state"], standing),
    }


class UrbanAuthenticator(GenericOAuthenticator):  # type: ignore[misc]
    """Logs a person in to one tenant: the hub user is PERSON@TENANT and has the roles held there."""

    login_handler = login.UrbanLoginHandler
    callback_handler = login.UrbanCallbackHandler
    logout_handler = login.UrbanLogoutHandler

    records: Path = Instance(Path, help="Folder of the resolved tenants.").tag(config=True)
    issuer = Unicode(help="Address of Keycloak's realm, as its tokens name it.").tag(config=True)
    keys_url = Unicode(help="Address of the realm's public keys.").tag(config=True)
    sweep_seconds = Float(15, help="Seconds between two looks at whether somebody must leave.").tag(
        config=True
    )
    grace_minutes = Float(60, help="Minutes for which Keycloak's last answer counts while it is away.").tag(
        config=True
    )
    warehouse_url = Unicode(help="Address of the warehouse gateway.").tag(config=True)
    warehouse_secret: Secret = Instance(Secret, help="With what the hub shows itself there.").tag(config=True)
    publisher_url = Unicode(help="Address of the publisher, which may lead to the logout.").tag(config=True)
    logged_out_url = Unicode(help="Address to which Keycloak sends after logging out.").tag(config=True)
    # The compiled form, which the hub asks; `username_pattern` would be matched at the beginning only.
    username_regex = re.compile(r"[a-z0-9._~-]+@[a-z][a-z0-9]{1,20}\Z")

    @cached_property
    def known_tenants(self) -> KnownTenants:
        """The tenants of the installation."""
        return get_known_tenants(self.records)

    @cached_property
    def id_tokens(self) -> IdTokens:
        """Reads what Keycloak says about a login."""
        return IdTokens(self.watch.keys, self.issuer, self.client_id)

    def get_handlers(self, app: Any) -> list[tuple[str, type[RequestHandler]]]:
        """Return the addresses of logging in and out."""
        pages = [(r"/login", login.LoginPageHandler), (r"/logged-out", login.LoggedOutHandler)]
        administration = make_administration_routes(app.config.UnixAccountSpawner.settings)
        audit.start(app.config.UnixAccountSpawner.settings)
        self.http_client = make_client()
        self.watch = Watch(app, self)
        return [*pages, *administration, *self.watch.make_routes(), *super().get_handlers(app)]

    async def authenticate(self, handler: Any, data: Any = None, **kwargs: Any) -> AuthModel:
        """Return the model of the person in the tenant that the browser asked for, or that they chose."""
        model = mark_new_login(await super().authenticate(handler, data, **kwargs))
        roles = self.find_roles(model)
        tenant = choose_tenant(roles, handler.get_wanted_tenant())
        state = model["auth_state"]
        claims = await self.id_tokens.read(state["id_token"], state[self.user_auth_state_key].get("sub"))
        standing = make_standing(roles[tenant], self.find_demanded(tenant), claims)
        if standing.waiting and handler.get_asked() < MOST_QUESTIONS:
            raise FactorNeeded(tenant)
        if not standing.roles:
            raise LoginRefused("second-factor")
        return make_auth_model(model, tenant, roles, standing)

    async def refresh_user(self, user: Any, handler: Any = None, **kwargs: Any) -> AuthModel | bool:
        """Return the model as Keycloak sees the person now; False where they must log in again."""
        if naming.split_hub_user(user.name)[0] in naming.SERVICE_PERSONS:
            return True
        try:
            return await find_model(self, user, await user.get_auth_state()) or True
        except LoginEnded as end:
            self.log.warning("%s must log in again: %s", user.name, end.reason)
            return False

    async def confirm_user(self, name: str, state: AuthState | None) -> AuthModel:
        """Return the model of a hub user now; raise `LoginEnded`, or anything else where there is no answer."""
        _, tenant = naming.split_hub_user(name)
        if tenant not in self.known_tenants.load_tenants():
            raise LoginEnded("the tenant was removed")
        model = await confirm(self, state)
        roles = self.find_roles(model)
        if tenant not in roles:
            raise LoginEnded("no role in the tenant is left")
        state = model["auth_state"]
        claims, proven = read_claims(state["id_token"]), get_proven(state)
        standing = make_standing(roles[tenant], self.find_demanded(tenant), claims, proven)
        if not standing.roles:
            raise LoginEnded("all roles in the tenant need a second factor")
        try:
            now = make_auth_model(model, tenant, roles, standing)
        except LoginRefused as error:
            raise LoginEnded("the name is one that nobody may have") from error
        if now["name"] != name:
            raise LoginEnded("the person has another name now")
        return now

    async def check_allowed(self, username: str, auth_model: AuthModel | None) -> bool:
        """Return whether somebody may use the hub: with a role in the tenant, and not otherwise."""
        return bool(auth_model and auth_model.get("groups"))

    def add_user(self, user: Any) -> None:
        """Put service users into the group by which services are given rights over them."""
        super().add_user(user)
        group = SERVICE_GROUPS.get(user.name.partition("@")[0])
        if group:
            ensure_member(getattr(user, "orm_user", user), group)

    def user_info_to_username(self, user_info: dict[str, Any]) -> str:
        """Return what Keycloak calls a person; nothing, which nobody can be called, where that is no text."""
        name = user_info.get(self.username_claim)
        return name if isinstance(name, str) else ""

    def find_demanded(self, tenant: str) -> tuple[str, ...]:
        """Return the roles that a tenant gives with a second factor only; all of them where it is unknown."""
        known = self.known_tenants.load_tenants().get(tenant)
        return known.second_factor if known else naming.ROLES

    def find_roles(self, model: AuthModel) -> dict[str, tuple[str, ...]]:
        """Return the roles in each known tenant of the person in a model."""
        return make_roles_by_tenant(
            model["auth_state"][self.user_auth_state_key], self.known_tenants.load_tenants()
        )


def ensure_member(user: orm.User, name: str) -> None:
    """Put a user of the hub's database into a group, which is made where it is absent."""
    db = object_session(user)
    assert db is not None, "the hub's users come out of its database"
    group = orm.Group.find(db, name)
    if group is None:
        group = orm.Group(name=name)
        db.add(group)
    if group not in user.groups:
        user.groups.append(group)
    db.commit()
