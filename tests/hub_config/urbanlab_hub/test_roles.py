"""Roles and services: few scopes, each with its reason, and nobody who could mint tokens or be administrator."""

from __future__ import annotations

import pytest
from jupyterhub.scopes import scope_definitions

from urbanlab.contract import naming
from urbanlab_hub.roles import CUSTOM_SCOPES, SERVER_SCOPES, USER_SCOPES, make_roles, make_services
from urbanlab_hub.services import DECIDE_SCOPE, SERVICE_GROUPS, SERVICES, HubService

HUMAN = {*USER_SCOPES, *SERVER_SCOPES}


def _bare(scope: str) -> str:
    return scope.partition("!")[0]


def test_people_act_on_themselves_only_and_mint_no_tokens() -> None:
    own = ("!user", "!server")
    assert all(scope.endswith(own) or _bare(scope) == "access:services" for scope in HUMAN)
    assert not {_bare(scope) for scope in HUMAN} & {"tokens", "admin:users", "inherit", "self"}


def test_every_scope_exists_in_this_hub() -> None:
    scopes = {_bare(scope) for role in make_roles() for scope in role["scopes"]} | set(
        map(_bare, SERVER_SCOPES)
    )
    assert scopes <= {*scope_definitions, *CUSTOM_SCOPES}


def test_the_right_to_decide_comes_with_a_browser_login_and_with_no_servers_token() -> None:
    assert f"{DECIDE_SCOPE}!user" in USER_SCOPES
    assert DECIDE_SCOPE not in set(map(_bare, SERVER_SCOPES))
    logins = {service.name: service.login_scopes for service in SERVICES if service.login_scopes}
    assert f"{DECIDE_SCOPE}!user" in logins["publisher"]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_scope_of_a_service_has_its_reason_and_none_is_everything(service: HubService) -> None:
    assert all(len(reason) > 15 for reason in service.scopes.values())
    assert not {"admin-ui", "admin:servers", "tokens", "access:servers"} & service.scopes.keys()


def test_the_roles_of_services_are_theirs_and_nobody_is_given_admin() -> None:
    roles = {role["name"]: role for role in make_roles()}

    assert set(roles) == {
        "user",
        "service-reports",
        "service-publisher",
        "service-culler",
        "service-operator",
    }
    assert roles["service-reports"]["services"] == ["reports"]
    assert "tokens" in {service.name for service in SERVICES if not service.scopes}


def test_reports_reach_the_servers_of_their_group_only() -> None:
    reports = next(service for service in SERVICES if service.name == "reports")
    assert all(scope.endswith(f"!group={SERVICE_GROUPS['reports']}") for scope in reports.scopes)
    assert SERVICE_GROUPS.keys() == set(naming.SERVICE_PERSONS)


def test_no_service_has_an_address_in_the_hub() -> None:
    tokens = {service.name: f"token of {service.name}" for service in SERVICES}
    services = make_services(tokens, {"publisher": "http://publisher.example"})
    assert all("url" not in service for service in services)
    logins = {service["name"]: service["oauth_redirect_uri"] for service in services if len(service) > 2}
    assert logins == {"publisher": "http://publisher.example/oauth_callback"}
