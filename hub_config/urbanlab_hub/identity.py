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
from tornado.httpclient import HTTPError as FetchError
from tornado.web import RequestHandler
from traitlets import Instance, Unicode

from urbanlab.contract import naming
from urbanlab_hub import login
from urbanlab_hub.known_tenants import KnownTenants
from urbanlab_hub.login import LoginRefused, TenantChoice
from urbanlab_hub.services import SERVICE_GROUPS

AuthModel = dict[str, Any]

_GROUP_PATH = re.compile(r"/tenants/([^/]+)/([^/]+)")


def make_roles_by_tenant(claims: Mapping[str, Any], known: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the roles that Keycloak's claims give in each known tenant; nothing where they are odd."""
    paths = claims.get("groups")
    if not isinstance(paths, list):
        return {}
    roles: dict[str, set[str]] = {}
    for path in paths:
        hit = _GROUP_PATH.fullmatch(path) if isinstance(path, str) else None
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


def make_auth_model(model: AuthModel, tenant: str, roles: Mapping[str, tuple[str, ...]]) -> AuthModel:
    """Return the hub's model of a person in one tenant: name and groups, and that they have others."""
    try:
        name = naming.make_hub_user(model["name"], tenant)
    except naming.NamingError as error:
        raise LoginRefused("name") from error
    groups = [naming.make_group_path(tenant, role) for role in roles.get(tenant, ())]
    several = {"has_other_tenants": len(roles) > 1}
    return {**model, "name": name, "groups": groups, "admin": None, "user_info": several}


class UrbanAuthenticator(GenericOAuthenticator):  # type: ignore[misc]
    """Logs a person in to one tenant: the hub user is PERSON@TENANT and has the roles held there."""

    login_handler = login.UrbanLoginHandler
    callback_handler = login.UrbanCallbackHandler
    logout_handler = login.UrbanLogoutHandler

    records: Path = Instance(Path, help="Folder of the resolved tenants.").tag(config=True)
    logged_out_url = Unicode(help="Address to which Keycloak sends after logging out.").tag(config=True)
    # The compiled form, which the hub asks; `username_pattern` would be matched at the beginning only.
    username_regex = re.compile(r"[a-z0-9._~-]+@[a-z][a-z0-9]{1,20}\Z")

    @cached_property
    def known_tenants(self) -> KnownTenants:
        """The tenants of the installation."""
        return KnownTenants(self.records)

    def get_handlers(self, app: Any) -> list[tuple[str, type[RequestHandler]]]:
        """Return the addresses of logging in and out."""
        pages = [(r"/login", login.LoginPageHandler), (r"/logged-out", login.LoggedOutHandler)]
        return [*pages, *super().get_handlers(app)]

    async def authenticate(self, handler: Any, data: Any = None, **kwargs: Any) -> AuthModel:
        """Return the model of the person in the tenant that the browser asked for, or that they chose."""
        model = await super().authenticate(handler, data, **kwargs)
        roles = self.find_roles(model)
        return make_auth_model(model, choose_tenant(roles, handler.get_wanted_tenant()), roles)

    async def refresh_user(self, user: Any, handler: Any = None, **kwargs: Any) -> AuthModel | bool:
        """Return the model as Keycloak sees the person now; False where they must log in again."""
        person, tenant = naming.split_hub_user(user.name)
        if person in naming.SERVICE_PERSONS:
            return True
        try:
            model = await super().refresh_user(user, handler, **kwargs)
        except (OSError, FetchError) as error:
            # Keycloak is away, which says nothing about the person; what they may do was decided before.
            self.log.warning("Keycloak does not answer, %s stays as is: %s", user.name, error)
            return True
        if not isinstance(model, dict):
            return bool(model)
        roles = self.find_roles(model)
        return make_auth_model(model, tenant, roles) if tenant in roles else False

    async def check_allowed(self, username: str, auth_model: AuthModel | None) -> bool:
        """Return whether somebody may use the hub: with a role in the tenant, and not otherwise."""
        return bool(auth_model and auth_model.get("groups"))

    def add_user(self, user: Any) -> None:
        """Put service users into the group by which services are given rights over them."""
        super().add_user(user)
        group = SERVICE_GROUPS.get(user.name.partition("@")[0])
        if group:
            ensure_member(getattr(user, "orm_user", user), group)

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
