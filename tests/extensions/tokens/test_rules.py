"""Whose hub token gives which access, how often, and how long a token of Keycloak's is shared."""

from __future__ import annotations

from typing import Any

import pytest

from urbanlab.contract.naming import ROLES
from urbanlab.contract.secrets import Secret
from urbanlab_services.errors import ForbiddenError, TooManyRequestsError, UnauthenticatedError
from urbanlab_services.hub_api import HubIdentity
from urbanlab_services.tokens.credentials import (
    Holder,
    check_publisher_access,
    find_kafka_access,
    resolve_holder,
)
from urbanlab_services.tokens.handlers import parse_authorization
from urbanlab_services.tokens.keycloak import AccessToken
from urbanlab_services.tokens.rate_limit import RateLimit

TENANTS = {"town", "village"}


def _make_identity(name: str, *groups: str, **changes: Any) -> HubIdentity:
    values: dict[str, Any] = {
        "kind": "user",
        "name": name,
        "groups": frozenset(groups),
        "scopes": frozenset({f"users:activity!user={name}"}),
        "session_id": None,
    }
    return HubIdentity(**{**values, **changes})


@pytest.mark.parametrize(
    ("name", "groups", "access"),
    [
        *(("anna@town", (f"/tenants/town/{role}",), "analyst") for role in ROLES if role != "steward"),
        ("anna@town", ("/tenants/town/steward",), "steward"),
        ("anna@town", ("/tenants/town/analyst", "/tenants/town/steward"), "steward"),
        ("reports@town", ("/services/reports",), "reports"),
        ("publications@village", (), "publications"),
        ("a~40b~2fc@village", ("/tenants/village/analyst",), "analyst"),
    ],
)
def test_a_role_in_the_own_tenant_gives_access(name: str, groups: tuple[str, ...], access: str) -> None:
    holder = resolve_holder(_make_identity(name, *groups), TENANTS)
    assert (holder.hub_user, holder.tenant, holder.access) == (name, name.rpartition("@")[2], access)


def test_a_person_holds_all_roles_of_the_own_tenant_and_a_service_user_none() -> None:
    groups = (
        "/tenants/town/gatekeeper",
        "/tenants/town/publisher",
        "/tenants/village/admin",
        "/services/reports",
    )
    assert resolve_holder(_make_identity("anna@town", *groups), TENANTS).roles == ("publisher", "gatekeeper")
    assert resolve_holder(_make_identity("reports@town", *groups), TENANTS).roles == ()


ANALYST = "/tenants/town/analyst"


@pytest.mark.parametrize(
    "identity",
    [
        pytest.param(_make_identity("anna@town"), id="no role"),
        pytest.param(_make_identity("anna@town", "/tenants/village/analyst"), id="role in another tenant"),
        pytest.param(_make_identity("anna@town", "/tenants/town/mayor"), id="unknown role"),
        pytest.param(_make_identity("anna@town", "town/analyst", "analyst"), id="not a group's path"),
        pytest.param(_make_identity("anna", ANALYST), id="no tenant in the name"),
        pytest.param(_make_identity("@town", ANALYST), id="no person in the name"),
        pytest.param(_make_identity("anna@city", "/tenants/city/analyst"), id="unknown tenant"),
        pytest.param(_make_identity("anna@system", "/tenants/system/analyst"), id="reserved tenant"),
        pytest.param(_make_identity("reports@city"), id="service user of an unknown tenant"),
        pytest.param(_make_identity("REPORTS@town"), id="looks like a service user"),
        pytest.param(_make_identity("anna@town", ANALYST, kind="service"), id="a service"),
        pytest.param(_make_identity("anna@town", ANALYST, session_id="abc"), id="a browser's session"),
        pytest.param(_make_identity("anna@town", ANALYST, scopes=frozenset()), id="an identity only"),
        pytest.param(
            _make_identity("anna@town", ANALYST, scopes=frozenset({"users:activity!user=bert@town"})),
            id="another's activity",
        ),
    ],
)
def test_everybody_else_gets_nothing(identity: HubIdentity) -> None:
    with pytest.raises(ForbiddenError) as refused:
        resolve_holder(identity, TENANTS)
    assert "city" not in refused.value.message and "village" not in refused.value.message


def test_publications_have_access_to_open_topics_only() -> None:
    for access in ("analyst", "steward", "reports"):
        assert find_kafka_access(Holder("x@town", "town", access)) == "read"
    assert find_kafka_access(Holder("publications@town", "town", "publications")) == "open"


def test_people_may_ask_the_publisher_and_service_users_may_not() -> None:
    check_publisher_access(Holder("anna@town", "town", "analyst", ("analyst",)))
    for name in ("reports", "publications"):
        with pytest.raises(ForbiddenError, match="Only people"):
            check_publisher_access(Holder(f"{name}@town", "town", name))


@pytest.mark.parametrize("header", ["token abc", "Token abc", "bearer abc", "Bearer  abc "])
def test_a_hub_token_is_read_from_the_header(header: str) -> None:
    assert parse_authorization(header).reveal() == "abc"


@pytest.mark.parametrize(
    "header", ["", "abc", "token", "token ", "Basic YTpi", "token ä", f"token {'a' * 1001}"]
)
def test_a_header_without_a_hub_token_is_refused(header: str) -> None:
    with pytest.raises(UnauthenticatedError, match="Show your hub token"):
        parse_authorization(header)


def test_a_burst_is_allowed_and_fills_up_at_a_steady_rate() -> None:
    limit = RateLimit(per_minute=6)
    for _ in range(6):
        limit.check("anna", now=100.0)
    with pytest.raises(TooManyRequestsError) as refused:
        limit.check("anna", now=101.0)
    assert refused.value.retry_after == 9
    limit.check("bert", now=101.0)
    limit.check("anna", now=110.0)
    with pytest.raises(TooManyRequestsError):
        limit.check("anna", now=110.0)


def test_the_limit_forgets_owners_who_no_longer_ask() -> None:
    limit = RateLimit(per_minute=6)
    for number in range(10_001):
        limit.check(f"owner{number}", now=0.0)
    limit.check("anna", now=100.0)
    assert set(limit._buckets) == {"anna"}


@pytest.mark.parametrize(
    ("now", "is_fresh", "left"),
    [(0.0, True, 45), (22.4, True, 22), (22.5, False, 22), (45.0, False, 0), (50, False, 0)],
)
def test_a_token_of_keycloak_is_fresh_for_half_of_its_life(now: float, is_fresh: bool, left: int) -> None:
    token = AccessToken(Secret("x"), issued=0.0, expires=45.0)
    assert token.is_fresh(now) is is_fresh
    assert token.seconds_left(now) == left
