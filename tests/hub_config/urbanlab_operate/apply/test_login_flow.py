"""The steps that the realm's file asks for, and how a login flow that is made anew is called."""

from __future__ import annotations

import pytest

from urbanlab_operate.apply.login_flow import _choose_alias, _is_ours, make_steps
from urbanlab_operate.apply.realm_settings import load_realm_file


def test_steps_come_in_the_order_of_keycloaks_list_each_with_its_values() -> None:
    file = load_realm_file()
    steps = list(make_steps(file, file["browserFlow"]))

    assert [(step.level, step.name) for step in steps][:6] == [
        (0, "auth-cookie"),
        (0, "identity-provider-redirector"),
        (0, "urban forms"),
        (1, "urban password"),
        (2, "conditional-level-of-authentication"),
        (2, "auth-username-password-form"),
    ]
    assert [step.name for step in steps if step.is_flow and step.requirement == "CONDITIONAL"] == [
        "urban password",
        "urban second factor",
        "urban second factor by role",
    ]
    values = {step.config["alias"]: step.config["config"] for step in steps if step.config}
    assert values["urban pwd"]["default.reference.value"] == "pwd"
    assert len(values) == len(file["authenticatorConfig"])


@pytest.mark.parametrize(
    ("alias", "ours"),
    [
        ("urban browser", True),
        ("urban browser 2", True),
        ("urban browser 12", True),
        ("urban browser x", False),
        ("Copy of urban browser", False),
        ("urban browser 2 of the county", False),
        ("browser", False),
    ],
)
def test_only_flows_of_our_own_are_replaced(alias: str, ours: bool) -> None:
    assert _is_ours(alias, {"browserFlow": "urban browser"}) is ours


@pytest.mark.parametrize(
    ("taken", "chosen"),
    [
        (set(), "urban browser"),
        ({"urban browser"}, "urban browser 2"),
        ({"urban browser 2"}, "urban browser"),
        ({"urban browser", "urban browser 2"}, "urban browser 3"),
        ({"urban browser", "urban browser 3"}, "urban browser 2"),
    ],
)
def test_a_new_flow_takes_a_name_that_is_free(taken: set[str], chosen: str) -> None:
    assert _choose_alias("urban browser", taken) == chosen
