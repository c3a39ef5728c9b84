"""From Keycloak's claims to a hub user: nobody gets anything that a plain claim does not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from urbanlab.contract import naming
from urbanlab_hub.identity import (
    LONGEST_PATH,
    MOST_GROUPS,
    UrbanAuthenticator,
    choose_tenant,
    make_auth_model,
    make_roles_by_tenant,
)
from urbanlab_hub.login import REFUSALS, LoginRefused, TenantChoice
from urbanlab_hub.second_factor import Standing

KNOWN = {"alpha", "beta"}
MANY = [f"/tenants/unknown{number}/admin" for number in range(5000)]


@pytest.mark.parametrize(
    ("claims", "roles"),
    [
        ({}, {}),  # Keycloak leaves an empty claim out
        ({"groups": []}, {}),
        ({"groups": None}, {}),
        ({"groups": "/tenants/alpha/analyst"}, {}),  # a text is no list of texts
        ({"groups": {"/tenants/alpha/analyst": 1}}, {}),
        ({"groups": [None, 1, ["/tenants/alpha/analyst"]]}, {}),
        ({"groups": ["/tenants/alpha/analyst"]}, {"alpha": ("analyst",)}),
        (
            {"groups": ["/tenants/beta/steward", "/tenants/alpha/publisher", "/tenants/alpha/analyst"]},
            {"alpha": ("analyst", "publisher"), "beta": ("steward",)},
        ),
        ({"groups": ["/tenants/alpha/analyst"] * 2}, {"alpha": ("analyst",)}),
        ({"groups": [*MANY, "/tenants/beta/admin"]}, {"beta": ("admin",)}),
        ({"groups": ["/tenants/gone/analyst"]}, {}),
        ({"groups": ["/tenants/alpha", "/tenants/alpha/", "/tenants//analyst"]}, {}),
        ({"groups": ["analyst", "alpha/analyst", "tenants/alpha/analyst"]}, {}),
        ({"groups": ["/other/tenants/alpha/analyst", "/tenants/alpha/analyst/sub"]}, {}),
        ({"groups": ["/tenants/alpha/root", "/tenants/alpha/Analyst", "/Tenants/alpha/analyst"]}, {}),
        ({"groups": ["/tenants/alpha/analyst\n", " /tenants/alpha/analyst", "/tenants/ALPHA/analyst"]}, {}),
        ({"groups": ["/tenants/alpha/../beta/analyst", "/tenants/alpha%2Fanalyst"]}, {}),
        ({"groups": ["/tenants/аlpha/analyst"]}, {}),  # a Cyrillic a
        # nothing that only looks like a path of ours
        ({"groups": ["//tenants/alpha/analyst", "/tenants//alpha/analyst", "/tenants/alpha//analyst"]}, {}),
        (
            {
                "groups": [
                    "/tenants/alpha/analyst/",
                    "/tenants/alpha/analyst//",
                    "/tenants/alpha/analyst/extra",
                ]
            },
            {},
        ),
        (
            {
                "groups": [
                    "\n/tenants/alpha/analyst",
                    "/tenants/alpha\n/analyst",
                    "/tenants/alpha/analyst\r\n",
                ]
            },
            {},
        ),
        (
            {
                "groups": [
                    "/tenants/alpha/analyst\x00",
                    "/tenants/alpha/analyst\u2028",
                    "\ufeff/tenants/alpha/analyst",
                ]
            },
            {},
        ),
        (
            {
                "groups": [
                    "\u202e/tenants/alpha/analyst",
                    "/tenants/\u200falpha/analyst",
                    "/tenants/alpha/ana\u00adlyst",
                ]
            },
            {},
        ),
        (
            {"groups": ["/tenants/alphä/analyst", "/tenants/alpha\u0308/analyst", "/tenants/ａlpha/analyst"]},
            {},
        ),
        (
            {
                "groups": [
                    "/tenants/alpha/.",
                    "/tenants/alpha/..",
                    "/tenants/./alpha/analyst",
                    "\\tenants\\alpha\\analyst",
                ]
            },
            {},
        ),
        ({"groups": ["/tenants/*/analyst", "/tenants/alpha/*", "/tenants/alpha,beta/analyst"]}, {}),
        ({"groups": ["/tenants/alpha/administrator", "/tenants/alpha/admin ", "/tenants/alpha/ADMIN"]}, {}),
        ({"groups": ["/tenants/alpha/analyst", "/tenants/alpha/analyst\n"]}, {"alpha": ("analyst",)}),
        ({"groups": ["/a/tenants/alpha/analyst", "/tenants/alpha/team/analyst"]}, {}),
        # whatever else stands in a claim
        (
            {"groups": ["/tenants/alpha/analyst", None, {}, b"/tenants/beta/admin", 7, True]},
            {"alpha": ("analyst",)},
        ),
        ({"groups": ("/tenants/alpha/analyst",)}, {}),
        ({"groups": True}, {}),
        ({"Groups": ["/tenants/alpha/analyst"], "roles": ["/tenants/alpha/admin"]}, {}),
        ({"groups": ["/tenants/alpha/analyst"] * MOST_GROUPS}, {"alpha": ("analyst",)}),
        ({"groups": ["/tenants/alpha/analyst"] * (MOST_GROUPS + 1)}, {}),
        ({"groups": ["/tenants/alpha/" + "x" * 1_000_000, "/tenants/beta/admin"]}, {"beta": ("admin",)}),
    ],
)
def test_claims_give_roles(claims: dict[str, Any], roles: dict[str, tuple[str, ...]]) -> None:
    assert make_roles_by_tenant(claims, KNOWN) == roles


def test_every_path_that_the_operators_command_makes_is_read() -> None:
    longest = "x" * 21
    paths = [naming.make_group_path(longest, role) for role in naming.ROLES]
    assert make_roles_by_tenant({"groups": paths}, {longest}) == {longest: tuple(sorted(naming.ROLES))}
    assert max(map(len, paths)) <= LONGEST_PATH


@given(st.lists(st.text(max_size=40) | st.none() | st.integers(), max_size=20))
def test_odd_claims_give_nothing_and_break_nothing(groups: list[Any]) -> None:
    assume(not any(isinstance(path, str) and path.startswith("/tenants/") for path in groups))
    assert make_roles_by_tenant({"groups": groups}, KNOWN) == {}


@pytest.mark.parametrize(
    ("tenants", "wanted", "chosen"),
    [(["alpha"], "", "alpha"), (["alpha", "beta"], "beta", "beta"), (["alpha"], "alpha", "alpha")],
)
def test_a_tenant_is_chosen(tenants: list[str], wanted: str, chosen: str) -> None:
    assert choose_tenant(tenants, wanted) == chosen


@pytest.mark.parametrize(
    ("tenants", "wanted", "reason"),
    [
        ([], "", "no-tenant"),
        ([], "alpha", "no-tenant"),
        (["alpha"], "beta", "other-tenant"),  # theirs or unknown: one answer
        (["alpha"], "nowhere", "other-tenant"),
        (["alpha"], "ALPHA", "other-tenant"),
    ],
)
def test_whoever_may_not_is_refused_with_a_reason(tenants: list[str], wanted: str, reason: str) -> None:
    with pytest.raises(LoginRefused) as caught:
        choose_tenant(tenants, wanted)
    assert caught.value.reason == reason
    assert reason in REFUSALS


def test_whoever_has_several_tenants_must_choose() -> None:
    with pytest.raises(TenantChoice) as caught:
        choose_tenant(["beta", "alpha"], "")
    assert caught.value.tenants == ["alpha", "beta"]


def test_the_model_is_a_person_in_one_tenant_with_the_groups_of_that_tenant_only() -> None:
    roles = {"alpha": ("analyst",), "beta": ("admin", "gatekeeper")}
    standing = Standing(("analyst",), (), ("gatekeeper",))
    state = {"x": 1, "urbanlab": {"sub": "id-of-anna"}}
    model = make_auth_model({"name": "Anna", "admin": True, "auth_state": state}, "alpha", roles, standing)

    assert (model["name"], model["groups"]) == ("anna@alpha", ["/tenants/alpha/analyst"])
    assert model["admin"] is None  # no human is an administrator of the hub
    assert model["user_info"] == {
        "sub": "id-of-anna",
        "other_tenants": ["beta"],
        "waiting_roles": ["gatekeeper"],
    }
    assert model["auth_state"] == {"x": 1, "urbanlab": {"sub": "id-of-anna", "proven": []}}


@pytest.mark.parametrize("name", ["", "publications", "Reports", "x" * 201])
def test_names_that_nobody_may_have_are_refused(name: str) -> None:
    with pytest.raises(LoginRefused) as caught:
        make_auth_model({"name": name}, "alpha", {"alpha": ("analyst",)}, Standing(("analyst",)))
    assert caught.value.reason == "name"


@pytest.mark.parametrize(
    ("groups", "allowed"),
    [(["/tenants/alpha/analyst"], True), ([], False), (None, False)],
)
async def test_only_a_role_lets_somebody_in(groups: list[str] | None, allowed: bool) -> None:
    authenticator = UrbanAuthenticator(client_id="jupyterhub")
    assert await authenticator.check_allowed("anna@alpha", {"groups": groups}) is allowed
    assert await authenticator.check_allowed("anna@alpha", None) is False


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("anna@alpha", True),
        (naming.make_hub_user("anna@beta/Ä", "alpha"), True),
        ("reports@alpha", True),
        ("anna", False),
        ("anna@alpha@beta", False),
        ("anna@alpha\n", False),
        ("anna@alpha/x", False),
        ("anna@Alpha", False),
        ("@alpha", False),
        ("an na@alpha", False),
    ],
)
def test_the_hub_knows_names_of_this_form_only(name: str, valid: bool) -> None:
    assert UrbanAuthenticator(client_id="jupyterhub").validate_username(name) is valid


def test_tenants_without_a_record_are_unknown(tmp_path: Path, make_tenant: Any) -> None:
    from urbanlab.contract.records import write_tenant

    authenticator = UrbanAuthenticator(client_id="jupyterhub", records=tmp_path)
    groups = {"groups": ["/tenants/alpha/analyst"]}
    model = {"auth_state": {authenticator.user_auth_state_key: groups}}

    assert authenticator.find_roles(model) == {}
    write_tenant(tmp_path, make_tenant("alpha"))  # counts at once, without a restart
    assert authenticator.find_roles(model) == {"alpha": ("analyst",)}
