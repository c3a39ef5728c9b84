"""What a login gives where a tenant asks for a second factor: never more than Keycloak says was done."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urbanlab.contract.naming import ROLES
from urbanlab_hub.second_factor import (
    MOST_QUESTIONS,
    Standing,
    get_proven,
    has_second_factor,
    keep_proven,
    make_question,
    make_standing,
)

WITH, WITHOUT = {"amr": ["pwd", "otp"]}, {"amr": ["pwd"]}
DEMANDED = ("gatekeeper", "admin")
SETS_OF_ROLES = st.sets(st.sampled_from(ROLES))


@pytest.mark.parametrize(
    ("claims", "given"),
    [
        ({"amr": ["pwd", "otp"]}, True),
        ({"amr": ["otp"], "acr": "pwd"}, True),  # asked for by the realm's role: the level stays as it was
        ({"amr": ["pwd", "otp", "otp"]}, True),
        ({"amr": ["pwd"], "acr": "otp"}, False),  # the level is reached, but nothing was done for it
        ({"acr": "otp"}, False),
        ({}, False),
        ({"amr": []}, False),
        ({"amr": None}, False),
        ({"amr": "otp"}, False),  # a text is no list of texts
        ({"amr": {"otp": 1}}, False),
        ({"amr": [["otp"], None, 1, {}]}, False),
        ({"amr": ["OTP", "otp ", "0tp", "not-otp"]}, False),
    ],
)
def test_what_was_done_counts_and_nothing_else(claims: dict[str, Any], given: bool) -> None:
    assert has_second_factor(claims) is given


@pytest.mark.parametrize(
    ("held", "demanded", "claims", "proven", "standing"),
    [
        # at a login
        (["analyst"], DEMANDED, WITHOUT, None, Standing(("analyst",))),
        (["gatekeeper"], DEMANDED, WITHOUT, None, Standing((), (), ("gatekeeper",))),
        (["gatekeeper"], DEMANDED, WITH, None, Standing(("gatekeeper",), ("gatekeeper",))),
        (["gatekeeper", "analyst"], DEMANDED, WITHOUT, None, Standing(("analyst",), (), ("gatekeeper",))),
        (["admin", "gatekeeper"], (), WITHOUT, None, Standing(("admin", "gatekeeper"))),
        (["admin", "gatekeeper"], ("admin",), WITHOUT, None, Standing(("gatekeeper",), (), ("admin",))),
        (["analyst"], ROLES, WITHOUT, None, Standing((), (), ("analyst",))),
        ([], DEMANDED, WITH, None, Standing(())),
        # when the hub looks again
        (["gatekeeper"], DEMANDED, WITH, ["gatekeeper"], Standing(("gatekeeper",), ("gatekeeper",))),
        (["gatekeeper"], DEMANDED, WITHOUT, ["gatekeeper"], Standing((), (), ("gatekeeper",))),
        # given meanwhile: other browsers may have no more than the password
        (["analyst", "admin"], DEMANDED, WITH, [], Standing(("analyst",), (), ("admin",))),
        (["analyst", "admin"], DEMANDED, WITH, ["gatekeeper"], Standing(("analyst",), (), ("admin",))),
        # taken away meanwhile
        (["analyst"], DEMANDED, WITH, ["admin"], Standing(("analyst",))),
        # the tenant asks for more meanwhile, or for less
        (["steward"], ("steward",), WITH, [], Standing((), (), ("steward",))),
        (["admin"], (), WITHOUT, ["admin"], Standing(("admin",))),
    ],
)
def test_roles_of_a_login(
    held: list[str],
    demanded: tuple[str, ...],
    claims: dict[str, Any],
    proven: list[str] | None,
    standing: Standing,
) -> None:
    assert make_standing(held, demanded, claims, proven) == standing


@given(SETS_OF_ROLES, SETS_OF_ROLES, st.booleans(), st.none() | SETS_OF_ROLES)
def test_nobody_gets_what_they_do_not_hold_or_must_prove(
    held: set[str], demanded: set[str], factor: bool, proven: set[str] | None
) -> None:
    standing = make_standing(held, demanded, WITH if factor else WITHOUT, proven)

    assert set(standing.roles) | set(standing.waiting) == held
    assert not set(standing.roles) & set(standing.waiting)
    assert held - demanded <= set(standing.roles)
    assert set(standing.proven) == set(standing.roles) & demanded
    assert factor or not standing.proven
    assert proven is None or set(standing.proven) <= proven


@pytest.mark.parametrize("state", [None, {}, {"urbanlab": {}}, {"urbanlab": {"proven": []}}])
def test_a_state_without_a_factor_proves_nothing(state: dict[str, Any] | None) -> None:
    assert get_proven(state) == frozenset()


def test_what_is_proven_is_kept_beside_the_rest() -> None:
    state = {"id_token": "x", "urbanlab": {"sub": "1", "proven": ["admin"]}}
    kept = keep_proven(state, Standing(("gatekeeper",), ("gatekeeper",)))

    assert kept == {"id_token": "x", "urbanlab": {"sub": "1", "proven": ["gatekeeper"]}}
    assert get_proven(kept) == {"gatekeeper"}
    assert get_proven(state) == {"admin"}


def test_the_second_question_begins_anew_and_there_is_no_third() -> None:
    assert make_question(0) == {}
    assert make_question(1) == {"acr_values": "otp"}
    assert make_question(2) == {"acr_values": "otp", "prompt": "login"}
    assert MOST_QUESTIONS == 2
    assert make_question(99) == make_question(2)
    assert make_question(-1) == {}
