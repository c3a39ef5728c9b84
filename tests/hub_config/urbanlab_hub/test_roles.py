"""Roles and services: few scopes, each with its reason, and nobody who could mint tokens or be administrator."""

from __future__ import annotations

import pytest
from jupyterhub.scopes import scope_definitions

from urbanlab.contract import naming
from urbanlab_hub.roles import SERVER_SCOPES, USER_SCOPES, make_roles, make_services
from urbanlab_hub.services import SERVICE_GROUPS, SERVICES, HubService

HUMAN = {*USER_SCOPES, *SERVER_SCOPES}


def _bare(scope: str) -> str:
    return scope.partition("!")[0]


def test_people_act_on_themselves_only_and_mint_no_tokens() -> None:
    assert all(scope.endswith(("!user", "!server")) for scope in HUMAN)
    assert not {_bare(scope) for scope in HUMAN} & {"tokens", "admin:users", "inherit", "self"}


def test_every_scope_exists_in_this_hub() -> None:
    scopes = {_bare(scope) for role in make_roles() for scope in role["scopes"]} | set(
        map(_bare, SERVER_SCOPES)
    )
    assert scopes <= scope_definitions.keys()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_scope_of_a_service_has_its_reason_and_none_is_everything(service: HubService) -> None:
    assert all(len(reason) > 15 for reason in service.scopes.values())
    assert not {"admin-ui", "admin:servers", "tokens", "access:servers"} & service.scopes.keys()


def test_the_roles_of_services_are_theirs_and_nobody_is_given_admin() -> None:
    roles = {role["name"]: role for role in make_roles()}

    assert set(roles) == {"user", "service-reports", "service-operator"}
    assert roles["service-reports"]["services"] == ["reports"]
    assert "tokens" in {service.name for service in SERVICES if not service.scopes}


def test_reports_reach_the_servers_of_their_group_only() -> None:
    reports = next(service for service in SERVICES if service.name == "reports")
    assert all(scope.endswith(f"!group={SERVICE_GROUPS['reports']}") for scope in reports.scopes)
    assert SERVICE_GROUPS.keys() == set(naming.SERVICE_PERSONS)


def test_no_service_has_an_address_in_the_hub() -> None:
    services = make_services({service.name: f"token of {service.name}" for service in SERVICES})
    assert all(set(service) == {"name", "api_token"} for service in services)
