"""The realm's file: what a security officer asks for, and what breaks logins in Keycloak without a word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from urbanlab_hub.settings import CHECKOUT

REALM: dict[str, Any] = json.loads(
    (CHECKOUT / "hub_config/keycloak/urban-realm.json").read_text(encoding="utf-8")
)
CONFIGS = {entry["alias"]: entry["config"] for entry in REALM["authenticatorConfig"]}


def list_steps(authenticator: str = "") -> Iterator[dict[str, Any]]:
    """Yield the steps of all flows, or those of one kind."""
    for flow in REALM["authenticationFlows"]:
        for step in flow["authenticationExecutions"]:
            if not authenticator or step.get("authenticator") == authenticator:
                yield step


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("registrationAllowed", False),
        ("resetPasswordAllowed", False),
        ("rememberMe", False),
        ("editUsernameAllowed", False),  # the name is what hub user, account and home follow from
        ("duplicateEmailsAllowed", False),
        ("sslRequired", "external"),
        ("bruteForceProtected", True),
        ("eventsEnabled", True),
        ("adminEventsEnabled", True),
        ("otpPolicyType", "totp"),
        ("otpPolicyCodeReusable", False),
        (
            "otpPolicyLookAheadWindow",
            1,
        ),  # none is what an import takes it for, and no phone's clock is that right
    ],
)
def test_settings(name: str, wanted: Any) -> None:
    assert REALM[name] == wanted


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("failureFactor", 5),
        ("accessTokenLifespan", 300),
        ("accessCodeLifespan", 60),
        ("ssoSessionIdleTimeout", 7200),
        ("ssoSessionMaxLifespan", 36000),
    ],
)
def test_nothing_lasts_for_long(name: str, most: int) -> None:
    assert 0 < REALM[name] <= most


def test_a_code_counts_as_long_as_the_session() -> None:
    # Otherwise roles would rest in the middle of the day, and come back by a login only.
    codes = [CONFIGS[step["authenticatorConfig"]] for step in list_steps("auth-otp-form")]
    assert len(codes) == 2
    for config in codes:
        assert config["default.reference.value"] == "otp"
        assert int(config["default.reference.maxAge"]) >= REALM["ssoSessionMaxLifespan"]


def test_each_level_stands_once() -> None:
    # Twice, and Keycloak fails at every single sign-on.
    steps = list_steps("conditional-level-of-authentication")
    levels = [CONFIGS[step["authenticatorConfig"]]["loa-condition-level"] for step in steps]
    assert sorted(levels) == ["1", "2"]
    assert json.loads(REALM["attributes"]["acr.loa.map"]) == {"pwd": 1, "otp": 2}


def test_nobody_gives_two_codes_at_one_login() -> None:
    by_role = next(flow for flow in REALM["authenticationFlows"] if flow["alias"].endswith("by role"))
    steps = {step["authenticator"]: step for step in by_role["authenticationExecutions"]}
    config = CONFIGS[steps["conditional-credential"]["authenticatorConfig"]]
    assert config == {"credentials": "otp", "included": "false"}
    assert steps["conditional-credential"]["priority"] < steps["auth-otp-form"]["priority"]


def test_all_parts_of_the_flow_exist_and_are_used_once() -> None:
    named = [step["authenticatorConfig"] for step in list_steps() if "authenticatorConfig" in step]
    assert sorted(named) == sorted(CONFIGS)
    below = [step["flowAlias"] for step in list_steps() if "flowAlias" in step]
    assert sorted([*below, REALM["browserFlow"]]) == sorted(
        flow["alias"] for flow in REALM["authenticationFlows"]
    )


def test_the_hubs_client_is_told_what_was_done_to_log_in() -> None:
    client = REALM["clients"][0]
    mappers = {mapper["protocolMapper"]: mapper["config"] for mapper in client["protocolMappers"]}
    assert mappers["oidc-amr-mapper"]["id.token.claim"] == "true"
    assert mappers["oidc-group-membership-mapper"]["full.path"] == "true"
    assert client["attributes"]["pkce.code.challenge.method"] == "S256"
    assert not client["directAccessGrantsEnabled"]
    assert not client["implicitFlowEnabled"]
